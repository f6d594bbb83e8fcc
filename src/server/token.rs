//! The token that callers of an endpoint must present.

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// The length of a token in octets, before encoding: 256 bits.
const OCTETS: usize = 32;

/// A random text, given to the programs that may ask.
#[derive(Debug)]
pub struct Token(Secret<String>);

/// The system provides no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoRandomness;

impl Token {
    /// Generates a token of 256 random bits, encoded as 43 characters of base64url: legal in a header, a file and a
    /// variable without escaping.
    ///
    /// # Errors
    ///
    /// Fails if the system provides no random numbers.
    pub fn random() -> Result<Self, NoRandomness> {
        let mut octets = Zeroizing::new([0; OCTETS]);
        SystemRandom::new().fill(&mut *octets).map_err(|_| NoRandomness)?;
        Ok(Self(Secret::new(URL_SAFE_NO_PAD.encode(*octets))))
    }

    /// Returns the text.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Returns whether `offered` is this token, in constant time.
    pub fn is(&self, offered: &[u8]) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(self.0.expose().as_bytes(), offered).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_itself_and_no_other() {
        let (one, other) = (Token::random().unwrap(), Token::random().unwrap());
        assert_eq!(one.expose().len(), 43);
        assert!(one.is(one.expose().as_bytes()));
        assert!(!one.is(other.expose().as_bytes()));
        assert!(!one.is(&one.expose().as_bytes()[..42]));
        assert!(!one.is(b""));
        assert_eq!(format!("{one:?}"), "Token(Secret)");
    }
}
