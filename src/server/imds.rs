//! The instance metadata service, version 2: its tokens and its paths. Pure but for time and randomness.

use std::time::Instant;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::header::HeaderName;
use serde::Serialize;

use super::token::NoRandomness;

/// How long a token is requested for, in seconds; in an answer, how long it remains valid.
pub(super) const TTL: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
/// The token itself.
pub(super) const TOKEN: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");

/// The longest lifetime of a token, in seconds: six hours, as at AWS.
const LONGEST: u64 = 21_600;
/// The octets of a token that state its expiry and its user.
const CLAIM: usize = 12;

/// Issues and verifies tokens.
///
/// A token itself states its expiry and its user, authenticated under a key of this process. So there is no table that
/// somebody could fill, no token is evicted for another, and a million of them take no memory.
pub(super) struct TokenIssuer {
    key: hmac::Key,
    began: Instant,
}

impl TokenIssuer {
    /// Generates a key that lasts as long as the process.
    pub(super) fn new() -> Result<Self, NoRandomness> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).map_err(|_| NoRandomness)?;
        Ok(Self { key, began: Instant::now() })
    }

    /// Issues a token to a user, valid for `seconds`, 1 to [`LONGEST`].
    pub(super) fn token(&self, user: Option<u32>, seconds: u64) -> String {
        let end = self.elapsed() + seconds;
        let mut octets = [end.to_be_bytes().as_slice(), &number(user)].concat();
        octets.extend(hmac::sign(&self.key, &octets).as_ref());
        URL_SAFE_NO_PAD.encode(octets)
    }

    /// Returns how many seconds a token remains valid for this user; `None` if it is not valid, or was never issued.
    pub(super) fn remaining(&self, token: &[u8], user: Option<u32>) -> Option<u64> {
        let octets = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (claim, tag) = octets.split_at_checked(CLAIM)?;
        hmac::verify(&self.key, claim, tag).ok()?;
        let (end, whose) = claim.split_first_chunk()?;
        let remaining = u64::from_be_bytes(*end).checked_sub(self.elapsed())?;
        (whose == number(user) && remaining > 0).then_some(remaining)
    }

    /// Returns the seconds since this issuer was created, by a clock that nobody can set.
    fn elapsed(&self) -> u64 {
        self.began.elapsed().as_secs()
    }

    #[cfg(test)]
    fn later(&mut self, by: std::time::Duration) {
        self.began -= by;
    }
}

/// Encodes the user of a token; a number that no user has stands for unidentified callers.
fn number(user: Option<u32>) -> [u8; 4] {
    user.unwrap_or(u32::MAX).to_be_bytes()
}

/// Parses the requested lifetime of a token.
pub(super) fn wanted_seconds(text: &[u8]) -> Option<u64> {
    let digits = Some(text).filter(|text| text.iter().all(u8::is_ascii_digit))?;
    let seconds = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (1..=LONGEST).contains(&seconds).then_some(seconds)
}

/// What a path of the service asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Path<'a> {
    Token,
    RoleList,
    Credentials(&'a str),
    Region,
    AvailabilityZone,
    IdentityDocument,
}

/// Parses a path. SDKs produce a double slash at the front from an endpoint that ends with one; a slash at the end is
/// optional, because the SDKs differ.
pub(super) fn path(text: &str) -> Option<Path<'_>> {
    let text = text.strip_prefix("//").or_else(|| text.strip_prefix('/'))?.strip_prefix("latest/")?;
    if text == "api/token" {
        return Some(Path::Token);
    }
    if let Some(role) =
        text.strip_prefix("meta-data/iam/security-credentials/").filter(|role| !role.is_empty())
    {
        return Some(Path::Credentials(role));
    }
    match text.strip_suffix('/').unwrap_or(text) {
        "meta-data/iam/security-credentials" => Some(Path::RoleList),
        "meta-data/placement/region" => Some(Path::Region),
        "meta-data/placement/availability-zone" => Some(Path::AvailabilityZone),
        "dynamic/instance-identity/document" => Some(Path::IdentityDocument),
        _ => None,
    }
}

/// Returns the name of a zone in that region: there are no zones here, but SDKs strip the last letter to get the
/// region.
pub(super) fn zone(region: &str) -> String {
    format!("{region}a")
}

/// The members of an instance identity document that are true of a host that is not an instance.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IdentityDocument<'a> {
    pub(super) account_id: &'a str,
    pub(super) availability_zone: String,
    pub(super) region: &'a str,
    pub(super) version: &'static str,
}

/// The version of the document's format.
pub(super) const DOCUMENT_VERSION: &str = "2017-09-30";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_token_is_good_for_its_user_and_its_time() {
        let mut token_issuer = TokenIssuer::new().unwrap();
        let token = token_issuer.token(Some(1000), 60);
        assert!(
            token_issuer
                .remaining(token.as_bytes(), Some(1000))
                .is_some_and(|left| (59..=60).contains(&left))
        );
        assert_eq!(token_issuer.remaining(token.as_bytes(), Some(1001)), None);
        assert_eq!(token_issuer.remaining(token.as_bytes(), None), None);
        assert_eq!(
            TokenIssuer::new().unwrap().remaining(token.as_bytes(), Some(1000)),
            None,
            "of another process"
        );
        for index in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            assert_eq!(token_issuer.remaining(&changed, Some(1000)), None, "{index}");
        }
        for text in ["", "A", &token[..16], &format!("{token}AAAA")] {
            assert_eq!(token_issuer.remaining(text.as_bytes(), Some(1000)), None, "{text}");
        }
        token_issuer.later(Duration::from_secs(61));
        assert_eq!(token_issuer.remaining(token.as_bytes(), Some(1000)), None);
    }

    #[test]
    fn a_time_to_live_is_a_number_of_seconds_up_to_six_hours() {
        assert_eq!(wanted_seconds(b"21600"), Some(21_600));
        assert_eq!(wanted_seconds(b"1"), Some(1));
        for text in ["", "0", "21601", "-1", "+5", " 5", "5s", "99999999999999999999"] {
            assert_eq!(wanted_seconds(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn paths_are_read_with_the_slashes_of_every_sdk() {
        assert_eq!(path("/latest/api/token"), Some(Path::Token));
        assert_eq!(path("//latest/api/token"), Some(Path::Token));
        for text in
            ["/latest/meta-data/iam/security-credentials", "/latest/meta-data/iam/security-credentials/"]
        {
            assert_eq!(path(text), Some(Path::RoleList));
        }
        let text = "//latest/meta-data/iam/security-credentials/build";
        assert_eq!(path(text), Some(Path::Credentials("build")));
        assert_eq!(path("/latest/meta-data/placement/availability-zone/"), Some(Path::AvailabilityZone));
        for text in [
            "/",
            "",
            "latest/api/token",
            "///latest/api/token",
            "/latest/api/token/",
            "/latest/meta-data/iam/security-credentials-extended/",
            "/1.0/meta-data/placement/region",
            "/latest/meta-data/",
        ] {
            assert_eq!(path(text), None, "{text}");
        }
    }
}
