//! The token without which an endpoint answers nobody.

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// The octets of a token before they are written as text: 256 bits.
const OCTETS: usize = 32;

/// A random text that the programs which may ask are given.
#[derive(Debug)]
pub struct Token(Secret<String>);

/// The system has no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoRandomness;

impl Token {
    /// Makes a token of 256 random bits, in the 43 characters of base64url: legal in a header, a file and a variable as it stands.
    ///
    /// # Errors
    ///
    /// Fails where the system has no random numbers.
    pub fn random() -> Result<Self, NoRandomness> {
        let mut octets = Zeroizing::new([0; OCTETS]);
        SystemRandom::new().fill(&mut *octets).map_err(|_| NoRandomness)?;
        Ok(Self(Secret::new(URL_SAFE_NO_PAD.encode(*octets))))
    }

    /// Returns the text.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Tells whether `offered` is this token, in a time that says nothing about where they differ.
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
