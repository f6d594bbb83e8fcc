//! What identifies a cached session.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::arn::{ProfileArn, RoleArn, TrustAnchorArn};
use crate::diagnostic::{Diagnostic, Fault};
use crate::env::Environment;
use crate::text;

/// The variable that separates installations and tests.
const NAMESPACE_VARIABLE: &str = "ANYROLE_CACHE_NAMESPACE";

/// The namespace if the variable is unset: the version of the entries' format.
const DEFAULT_NAMESPACE: &str = "v1";

/// The longest namespace: it is part of every key's description, which counts against the kernel's quota.
const LONGEST_NAMESPACE: usize = 32;

/// The prefix of the digested data, so that the digest is never one of anything else.
const DOMAIN: &[u8] = b"anyrole/cache-key/v1\0";

/// A separate part of every store: `v1`, or the value of `ANYROLE_CACHE_NAMESPACE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace(String);

/// A text that cannot name a part of the cache.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} cannot name a part of the cache", text::quoted(.given))]
pub struct NamespaceError {
    given: String,
}

impl NamespaceError {
    /// Every id of this error; each has a page in `src/manual/refusals`.
    pub const IDS: &[&str] = &["cache-namespace"];
}

impl Diagnostic for NamespaceError {
    fn id(&self) -> &'static str {
        "cache-namespace"
    }

    fn fault(&self) -> Fault {
        Fault::Usage
    }

    fn hint(&self) -> Option<String> {
        Some(format!(
            "set {NAMESPACE_VARIABLE} to 1 to {LONGEST_NAMESPACE} letters, digits, '-' and '_', or unset it"
        ))
    }
}

impl Namespace {
    /// Returns the namespace that the environment names, else `v1`.
    ///
    /// # Errors
    ///
    /// Fails if the variable is not 1 to 32 ASCII letters, digits, `-` and `_`.
    pub fn from_environment(env: &Environment) -> Result<Self, NamespaceError> {
        match env.os_var(NAMESPACE_VARIABLE) {
            None => Ok(Self::default()),
            Some(value) => value.to_string_lossy().parse(),
        }
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Self(String::from(DEFAULT_NAMESPACE))
    }
}

impl FromStr for Namespace {
    type Err = NamespaceError;

    fn from_str(given: &str) -> Result<Self, NamespaceError> {
        let fits = (1..=LONGEST_NAMESPACE).contains(&given.len())
            && given.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if fits { Ok(Self(given.to_owned())) } else { Err(NamespaceError { given: given.to_owned() }) }
    }
}

/// Where the certificate comes from, to the extent that this distinguishes sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateSource<'a> {
    /// The SHA-256 of the bytes, if the place has no lasting name: `-`, `env:`, `fd:`.
    Content([u8; 32]),
    /// The text of a lasting place: an absolute path, a URI, a selector.
    Place(&'a str),
}

/// Whether the service's TLS certificate is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerVerification {
    /// It is, as it must be.
    On,
    /// `--no-verify-ssl`: a session obtained this way never answers a verified call.
    Off,
}

/// The role assumed with the first session.
#[derive(Clone, Copy)]
pub struct SecondHop<'a> {
    /// The role.
    pub role_arn: &'a RoleArn,
    /// The external id that its trust policy requires. Some treat it as a shared secret, so it is never shown.
    pub external_id: Option<&'a str>,
    /// The name in CloudTrail.
    pub role_session_name: Option<&'a str>,
    /// The requested session duration.
    pub session_duration: Option<Duration>,
    /// The URL of the STS endpoint, after all flags and variables were resolved.
    pub endpoint: &'a str,
    /// Session tags, name and value; their order does not matter.
    pub tags: &'a [(String, String)],
}

/// Leaves out the external id.
impl fmt::Debug for SecondHop<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { role_arn, external_id: _, role_session_name, session_duration, endpoint, tags } = self;
        f.debug_struct("SecondHop")
            .field("role_arn", role_arn)
            .field("role_session_name", role_session_name)
            .field("session_duration", session_duration)
            .field("endpoint", endpoint)
            .field("tags", tags)
            .finish_non_exhaustive()
    }
}

/// How a session is narrowed.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The SHA-256 of the policy, where there is one.
    pub policy_sha256: Option<[u8; 32]>,
    /// The requested session duration; with `None` it ends with the session before.
    pub session_duration: Option<Duration>,
    /// The description in CloudTrail.
    pub description: Option<&'a str>,
    /// The URL of the STS endpoint, after all flags and variables were resolved.
    pub endpoint: &'a str,
}

/// Everything that identifies a session; calls that differ in any of it never share an entry.
#[derive(Clone, Copy, Debug)]
pub struct SessionDescription<'a> {
    /// The certificate's source.
    pub certificate_source: CertificateSource<'a>,
    /// The trust anchor.
    pub trust_anchor_arn: &'a TrustAnchorArn,
    /// The Roles Anywhere profile.
    pub profile_arn: &'a ProfileArn,
    /// The role.
    pub role_arn: &'a RoleArn,
    /// The region that is called.
    pub region: &'a str,
    /// The endpoint's URL, after all flags and variables were resolved.
    pub endpoint: &'a str,
    /// Whether its TLS certificate is verified.
    pub server_verification: ServerVerification,
    /// The requested session duration; `None` leaves it to the profile.
    pub session_duration: Option<Duration>,
    /// The name in CloudTrail.
    pub role_session_name: Option<&'a str>,
    /// The role assumed with that session, if any.
    pub second_hop: Option<SecondHop<'a>>,
    /// How that session is narrowed, step by step.
    pub scopes: &'a [Scope<'a>],
}

/// The leading bits of a key, as mask and value, by the number of the hop. A hop holds its lock while it takes that of the
/// hop before it, so no two of them may share one.
const HOP_MARKS: [(u8, u8); 5] =
    [(0b1000_0000, 0), (0b1100_0000, 0x80), (0b1110_0000, 0xc0), (0b1111_0000, 0xe0), (0b1111_0000, 0xf0)];

/// The name of one entry: a digest of everything that identifies its session.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CacheKey([u8; 32]);

impl CacheKey {
    /// `SHA-256(domain ‖ field…)`, where each field is `length (8 octets, network order) ‖ octets`.
    ///
    /// The namespace is the first field. An absent text has the length 2⁶⁴−1 and no octets, so that it differs from an
    /// empty one; tags are sorted, and each scope begins with an absent text, which no tag can be. The highest bits
    /// distinguish the hops (0 the first, 10 the second, 110 and so on the narrower sessions), so that no two of them
    /// share a lock. The format is ours.
    pub fn new(namespace: &Namespace, session: &SessionDescription<'_>) -> Self {
        let SessionDescription {
            certificate_source,
            trust_anchor_arn,
            profile_arn,
            role_arn,
            region,
            endpoint,
            server_verification,
            session_duration,
            role_session_name,
            second_hop,
            scopes,
        } = session;
        let mut fields = Fields::begin();
        fields.text(namespace.as_str());
        match certificate_source {
            CertificateSource::Content(sha256) => {
                fields.text("content");
                fields.octets(sha256);
            }
            CertificateSource::Place(place) => {
                fields.text("place");
                fields.text(place);
            }
        }
        fields.text(trust_anchor_arn.arn().as_str());
        fields.text(profile_arn.arn().as_str());
        fields.text(role_arn.arn().as_str());
        fields.text(region);
        fields.text(endpoint);
        fields.text(match server_verification {
            ServerVerification::On => "verified",
            ServerVerification::Off => "unverified",
        });
        fields.optional(session_duration.map(|duration| duration.as_secs().to_string()).as_deref());
        fields.optional(*role_session_name);
        match second_hop {
            None => fields.absent(),
            Some(SecondHop {
                role_arn,
                external_id,
                role_session_name,
                session_duration,
                endpoint,
                tags,
            }) => {
                fields.text(role_arn.arn().as_str());
                fields.optional(*external_id);
                fields.optional(*role_session_name);
                fields.optional(session_duration.map(|duration| duration.as_secs().to_string()).as_deref());
                fields.text(endpoint);
                let mut tags: Vec<_> = tags.iter().collect();
                tags.sort();
                for (name, value) in tags {
                    fields.text(name);
                    fields.text(value);
                }
            }
        }
        for Scope { policy_sha256, session_duration, description, endpoint } in *scopes {
            fields.absent();
            match policy_sha256 {
                None => fields.absent(),
                Some(sha256) => fields.octets(sha256),
            }
            fields.optional(session_duration.map(|duration| duration.as_secs().to_string()).as_deref());
            fields.optional(*description);
            fields.text(endpoint);
        }
        let hop = match scopes.len() {
            0 => usize::from(second_hop.is_some()),
            narrowed => (1 + narrowed).min(HOP_MARKS.len() - 1),
        };
        let (mask, mark) = HOP_MARKS[hop];
        let Self(mut octets) = fields.finish();
        octets[0] = octets[0] & !mask | mark;
        Self(octets)
    }

    /// Returns the digest.
    pub const fn octets(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Writes 64 lower-case hex digits, which is also what [`FromStr`] reads.
impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheKey({self})")
    }
}

/// A text that is not 64 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the 64 hex digits of a cache entry's name")]
pub struct CacheKeyError;

impl FromStr for CacheKey {
    type Err = CacheKeyError;

    fn from_str(text: &str) -> Result<Self, CacheKeyError> {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(CacheKeyError);
        }
        let mut digest = [0; 32];
        hex::decode_to_slice(text, &mut digest).map_err(|_| CacheKeyError)?;
        Ok(Self(digest))
    }
}

struct Fields(Sha256);

impl Fields {
    fn begin() -> Self {
        Self(Sha256::new_with_prefix(DOMAIN))
    }

    fn text(&mut self, text: &str) {
        self.octets(text.as_bytes());
    }

    fn octets(&mut self, octets: &[u8]) {
        self.0.update((octets.len() as u64).to_be_bytes());
        self.0.update(octets);
    }

    fn optional(&mut self, text: Option<&str>) {
        match text {
            None => self.absent(),
            Some(text) => self.text(text),
        }
    }

    fn absent(&mut self) {
        self.0.update(u64::MAX.to_be_bytes());
    }

    fn finish(self) -> CacheKey {
        CacheKey(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Arns(TrustAnchorArn, ProfileArn, RoleArn, RoleArn);

    fn arns() -> Arns {
        Arns(
            "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a".parse().unwrap(),
            "arn:aws:rolesanywhere:eu-central-1:111122223333:profile/p".parse().unwrap(),
            "arn:aws:iam::111122223333:role/build".parse().unwrap(),
            "arn:aws:iam::444455556666:role/read-only".parse().unwrap(),
        )
    }

    fn description(arns: &Arns) -> SessionDescription<'_> {
        SessionDescription {
            certificate_source: CertificateSource::Place("/etc/anyrole/host.pem"),
            trust_anchor_arn: &arns.0,
            profile_arn: &arns.1,
            role_arn: &arns.2,
            region: "eu-central-1",
            endpoint: "https://rolesanywhere.eu-central-1.amazonaws.com",
            server_verification: ServerVerification::On,
            session_duration: Some(Duration::from_secs(3600)),
            role_session_name: None,
            second_hop: None,
            scopes: &[],
        }
    }

    fn scope(description: Option<&str>) -> Scope<'_> {
        let endpoint = "https://sts.eu-central-1.amazonaws.com";
        Scope { policy_sha256: None, session_duration: None, description, endpoint }
    }

    fn hop<'a>(role_arn: &'a RoleArn, tags: &'a [(String, String)]) -> SecondHop<'a> {
        SecondHop {
            role_arn,
            external_id: None,
            role_session_name: None,
            session_duration: None,
            endpoint: "https://sts.eu-central-1.amazonaws.com",
            tags,
        }
    }

    #[test]
    fn every_field_makes_another_key() {
        let arns = arns();
        let base = description(&arns);
        let tags = [(String::from("team"), String::from("blue"))];
        let hop = hop(&arns.3, &[]);
        let other_anchor = "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/b".parse().unwrap();
        let other_profile = "arn:aws:rolesanywhere:eu-central-1:111122223333:profile/q".parse().unwrap();
        let variants = [
            base,
            SessionDescription { certificate_source: CertificateSource::Place("/etc/anyrole/b.pem"), ..base },
            SessionDescription { certificate_source: CertificateSource::Content([0; 32]), ..base },
            SessionDescription { trust_anchor_arn: &other_anchor, ..base },
            SessionDescription { profile_arn: &other_profile, ..base },
            SessionDescription { role_arn: &arns.3, ..base },
            SessionDescription { region: "eu-west-1", ..base },
            SessionDescription { endpoint: "http://127.0.0.1:9", ..base },
            SessionDescription { server_verification: ServerVerification::Off, ..base },
            SessionDescription { session_duration: None, ..base },
            SessionDescription { role_session_name: Some(""), ..base },
            SessionDescription { role_session_name: Some("nightly"), ..base },
            SessionDescription { second_hop: Some(hop), ..base },
            SessionDescription { second_hop: Some(SecondHop { external_id: Some("x"), ..hop }), ..base },
            SessionDescription {
                second_hop: Some(SecondHop { role_session_name: Some("x"), ..hop }),
                ..base
            },
            SessionDescription {
                second_hop: Some(SecondHop { session_duration: Some(Duration::from_secs(900)), ..hop }),
                ..base
            },
            SessionDescription { second_hop: Some(SecondHop { endpoint: "http://[::1]:9", ..hop }), ..base },
            SessionDescription { second_hop: Some(SecondHop { tags: &tags, ..hop }), ..base },
            SessionDescription { scopes: &[scope(None)], ..base },
            SessionDescription { scopes: &[scope(None), scope(None)], ..base },
            SessionDescription { scopes: &[scope(Some("plan"))], ..base },
            SessionDescription { scopes: &[Scope { policy_sha256: Some([0; 32]), ..scope(None) }], ..base },
            SessionDescription { scopes: &[Scope { policy_sha256: Some([1; 32]), ..scope(None) }], ..base },
            SessionDescription {
                scopes: &[Scope { session_duration: Some(Duration::from_secs(600)), ..scope(None) }],
                ..base
            },
            SessionDescription { scopes: &[Scope { endpoint: "http://[::1]:9", ..scope(None) }], ..base },
            SessionDescription { second_hop: Some(hop), scopes: &[scope(None)], ..base },
            SessionDescription {
                second_hop: Some(SecondHop { tags: &tags, ..hop }),
                scopes: &[scope(None)],
                ..base
            },
        ];
        let mut keys: Vec<_> =
            variants.iter().map(|variant| CacheKey::new(&Namespace::default(), variant)).collect();
        keys.push(CacheKey::new(&"other".parse().unwrap(), &base));
        let all = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), all);
    }

    #[test]
    fn fields_cannot_run_into_each_other_and_tags_have_no_order() {
        let arns = arns();
        let base = description(&arns);
        let key = |description: &SessionDescription<'_>| CacheKey::new(&Namespace::default(), description);
        let left = SessionDescription { region: "eu-west-1h", endpoint: "ttp://x", ..base };
        let right = SessionDescription { region: "eu-west-1", endpoint: "http://x", ..base };
        assert_ne!(key(&left), key(&right));

        let mut tags = [("a", "1"), ("b", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let tagged = hop(&arns.3, &tags);
        let sorted = key(&SessionDescription { second_hop: Some(tagged), ..base });
        tags.reverse();
        let tagged = hop(&arns.3, &tags);
        assert_eq!(sorted, key(&SessionDescription { second_hop: Some(tagged), ..base }));
    }

    #[test]
    fn no_two_hops_share_a_lock() {
        let arns = arns();
        let scopes = [scope(None); 3];
        for region in ["eu-west-1", "eu-west-2", "eu-west-3"] {
            let base = SessionDescription { region, ..description(&arns) };
            let second = SessionDescription { second_hop: Some(hop(&arns.3, &[])), ..base };
            let ranges = [0..=0x7f, 0x80..=0xbf, 0xc0..=0xdf, 0xe0..=0xef, 0xf0..=0xff];
            let narrowed = (1..=3).map(|number| SessionDescription { scopes: &scopes[..number], ..second });
            for (hop, range) in [base, second].into_iter().chain(narrowed).zip(ranges) {
                let octet = CacheKey::new(&Namespace::default(), &hop).octets()[0];
                assert!(range.contains(&octet), "{octet} is not in {range:?}");
            }
        }
    }

    #[test]
    fn the_external_id_is_not_shown() {
        let arns = arns();
        let hop = SecondHop { external_id: Some("canary"), ..hop(&arns.3, &[]) };
        assert!(!format!("{hop:?}").contains("canary"));
    }

    #[test]
    fn names_are_checked() {
        for wrong in ["", "a:b", "../x", "a b", &"x".repeat(33)] {
            assert!(wrong.parse::<Namespace>().is_err(), "{wrong}");
        }
        let env = Environment::given([(NAMESPACE_VARIABLE, "test-7")]);
        assert_eq!(Namespace::from_environment(&env).unwrap().as_str(), "test-7");
        assert_eq!(Namespace::from_environment(&Environment::given([("A", "b")])).unwrap().as_str(), "v1");
        let key = CacheKey([0xab; 32]);
        assert_eq!(key.to_string().parse(), Ok(key));
        assert_eq!("AB".repeat(32).parse::<CacheKey>(), Err(CacheKeyError));
        assert_eq!("ab".parse::<CacheKey>(), Err(CacheKeyError));
    }
}
