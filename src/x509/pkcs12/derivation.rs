//! Derives keys from passwords as PKCS#12 specifies (RFC 7292, appendix B).

use aws_lc_rs::digest::{self, Context};
use zeroize::Zeroizing;

/// What a key is for; the number goes into the derivation (appendix B.3).
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Encryption = 1,
    InitialVector = 2,
    Mac = 3,
}

/// Derives `length` octets from a password in UTF-16 with its terminator.
pub(super) fn derive(
    algorithm: &'static digest::Algorithm,
    purpose: Purpose,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    length: usize,
) -> Zeroizing<Vec<u8>> {
    let block = algorithm.block_len();
    // Each is repeated to fill whole blocks; an empty one fills none.
    let filling = |text: &[u8]| text.len().div_ceil(block) * block;
    let mut input = Zeroizing::new(Vec::with_capacity(filling(salt) + filling(password)));
    input.extend(salt.iter().cycle().take(filling(salt)));
    input.extend(password.iter().cycle().take(filling(password)));
    let mut key = Zeroizing::new(Vec::with_capacity(length + algorithm.output_len()));
    loop {
        let mut context = Context::new(algorithm);
        context.update(&vec![purpose as u8; block]);
        context.update(&input);
        let mut hash = context.finish();
        for _ in 1..iterations {
            hash = digest::digest(algorithm, hash.as_ref());
        }
        key.extend_from_slice(hash.as_ref());
        if key.len() >= length {
            key.truncate(length);
            return key;
        }
        let addend: Vec<u8> = hash.as_ref().iter().copied().cycle().take(block).collect();
        for part in input.chunks_exact_mut(block) {
            add_and_increment(part, &addend);
        }
    }
}

/// Adds two numbers of the same length, most significant octet first, plus one.
fn add_and_increment(number: &mut [u8], addend: &[u8]) {
    let mut carry = true;
    for (octet, added) in number.iter_mut().zip(addend).rev() {
        let (sum, first) = octet.overflowing_add(*added);
        let (sum, second) = sum.overflowing_add(u8::from(carry));
        *octet = sum;
        carry = first || second;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The password "smeg", as in the test vectors that have circulated since PKCS#12 1.0.
    const SMEG: [u8; 10] = [0, b's', 0, b'm', 0, b'e', 0, b'g', 0, 0];

    #[test]
    fn known_answers() {
        let sha1 = &digest::SHA1_FOR_LEGACY_USE_ONLY;
        let salt = [0x0A, 0x58, 0xCF, 0x64, 0x53, 0x0D, 0x82, 0x3F];
        let key = derive(sha1, Purpose::Encryption, &SMEG, &salt, 1, 24);
        assert_eq!(hex::encode(&*key), "8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3");
        let iv = derive(sha1, Purpose::InitialVector, &SMEG, &salt, 1, 8);
        assert_eq!(hex::encode(&*iv), "79993dfe048d3b76");
    }

    #[test]
    fn carries_run_through() {
        let mut number = [0, 0xFF, 0xFF];
        add_and_increment(&mut number, &[0, 0, 0]);
        assert_eq!(number, [1, 0, 0]);
        add_and_increment(&mut number, &[0xFF, 0xFF, 0xFF]);
        assert_eq!(number, [1, 0, 0]);
    }
}
