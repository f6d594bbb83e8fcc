//! Damaged input: whatever is changed, there is an answer and no panic.

use std::sync::LazyLock;

use anyrole::x509::pem::{self, Block};
use anyrole::x509::{Certificate, Chain, pkcs12, private_key};
use pki_test::algorithm::KeyAlgorithm;
use pki_test::key_pair::KeyForm;
use proptest::prelude::*;

use super::support::Pki;

/// Samples of every form, as PEM and as DER.
static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut samples = Vec::new();
    for algorithm in [KeyAlgorithm::EcP256, KeyAlgorithm::Rsa2048, KeyAlgorithm::MlDsa44] {
        let pki = Pki::new(algorithm);
        samples.push(pki.end_entity.certificate_der().to_vec());
        samples.push([pki.certificate_pem(), pki.lower.certificate_pem()].concat().into_bytes());
        for form in KeyForm::ALL {
            let (Ok(pem), Ok(der)) = (pki.key.to_pem(form), pki.key.to_der(form)) else { continue };
            samples.push(pem.as_bytes().to_vec());
            samples.push(der.to_vec());
        }
    }
    // And what the fuzzer begins with: bag attributes, a PKCS#7 message, encrypted keys, stores.
    let seeds = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds");
    for kind in ["pem", "pkcs8", "pkcs12"] {
        let files = std::fs::read_dir(seeds.join(kind)).expect("a folder of seeds");
        let mut files: Vec<_> = files.map(|file| file.expect("a seed").path()).collect();
        files.sort();
        samples.extend(files.iter().map(|file| std::fs::read(file).expect("a seed")));
    }
    samples
});

/// Reads everything that can be read from an input.
fn read_all(input: &[u8]) {
    let Ok(blocks) = pem::read(input) else { return };
    let certificates: Vec<Certificate> = blocks.iter().filter_map(certificate).collect();
    if let Some(first) = certificates.first().cloned() {
        let _ = (first.public_key().kind(), first.is_self_signed(), first.signature_hash().to_string());
        let _ = Chain::order(first, certificates);
    }
    for block in &blocks {
        let _ = (pkcs12::check(&block.der), block.label.to_string());
        if let Ok(private_key::ReadKey::Clear(key)) = private_key::read(block, None) {
            let _ = anyrole::signer::file::FileKey::new(key);
        }
    }
}

fn certificate(block: &Block) -> Option<Certificate> {
    Certificate::parse(&block.der).or_else(|_| Certificate::parse_prefix(&block.der)).ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_octets_are_survived(
        index in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut input = index.get(&SAMPLES).clone();
        for (place, octet) in changes {
            let place = place.index(input.len());
            input[place] = octet;
        }
        read_all(&input);
    }

    #[test]
    fn cut_and_joined_input_is_survived(
        first in any::<prop::sample::Index>(),
        second in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let (first, second) = (first.get(&SAMPLES), second.get(&SAMPLES));
        let cut = cut.index(first.len() + 1);
        read_all(&first[..cut]);
        read_all(&[&first[..cut], second.as_slice()].concat());
        read_all(&[&first[cut..], second.as_slice()].concat());
    }

    #[test]
    fn noise_is_survived(input in prop::collection::vec(any::<u8>(), 0..400)) {
        read_all(&input);
        let _ = Certificate::parse(&input);
    }

    #[test]
    fn noise_in_a_block_is_survived(label in "[A-Z ]{0,30}", body in "[ -~\\r\\n]{0,200}") {
        read_all(format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n").as_bytes());
    }
}
