//! One cached session, and its encoding.

use zeroize::Zeroizing;

use super::CacheError;
use super::encoding::{MAX_LENGTH, Reader, Writer};
use crate::arn::{ProfileArn, RoleArn, TrustAnchorArn};
use crate::clock::Timestamp;
use crate::credentials::{CredentialSet, SessionCredentials};
use crate::secret::Secret;

/// The version of the encoding; an entry of another version is a miss.
const VERSION: u8 = 3;

/// The octets that sealing appends: the tag of ChaCha20-Poly1305.
const TAG_LENGTH: usize = 16;

/// A cached session: what CreateSession granted, and what must be known to judge it later.
#[derive(Debug)]
pub struct CacheEntry {
    /// The credentials; those of the last hop, if there are hops.
    pub credential_set: CredentialSet,
    /// When they were granted, by the clock that later judges them.
    pub created_at: Timestamp,
    /// When they stop being usable, by that same clock. The expiration is AWS's time: if this clock is behind, the
    /// credentials end before the clock reaches it.
    pub usable_until: Timestamp,
    /// The SHA-256 of the certificate source's bytes as they were read; other bytes mean a renewal.
    pub certificate_sha256: [u8; 32],
    /// The end-entity certificate's subject name.
    pub subject_name: String,
    /// The end-entity certificate's issuer.
    pub issuer_name: String,
    /// The trust anchor of the first hop.
    pub trust_anchor_arn: TrustAnchorArn,
    /// The Roles Anywhere profile of the first hop.
    pub profile_arn: ProfileArn,
    /// The endpoint that answered.
    pub endpoint: String,
    /// A short description of how the session is narrowed; `None` if it has all permissions of its role.
    pub scope: Option<String>,
}

/// The parts of an entry that may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryFacts {
    /// The role that the credentials act as.
    pub role_arn: RoleArn,
    /// `ASIA…`, as CloudTrail records it.
    pub access_key_id: String,
    /// When AWS stops accepting the credentials.
    pub expiration: Timestamp,
    /// When they were granted.
    pub created_at: Timestamp,
    /// The certificate's subject name.
    pub subject_name: String,
    /// The certificate's issuer.
    pub issuer_name: String,
    /// The trust anchor.
    pub trust_anchor_arn: TrustAnchorArn,
    /// The Roles Anywhere profile.
    pub profile_arn: ProfileArn,
    /// The endpoint that answered.
    pub endpoint: String,
    /// A short description of how the session is narrowed; `None` if it has all permissions of its role.
    pub scope: Option<String>,
}

impl CacheEntry {
    /// Returns when AWS stops accepting the credentials.
    pub const fn expiration(&self) -> Timestamp {
        self.credential_set.credentials.expiration
    }

    /// Returns the account in which the credentials act: twelve digits.
    pub fn account_id(&self) -> &str {
        self.credential_set.role_arn.arn().account()
    }

    /// Returns the parts that may be shown.
    pub fn into_facts(self) -> EntryFacts {
        EntryFacts {
            expiration: self.expiration(),
            role_arn: self.credential_set.role_arn,
            access_key_id: self.credential_set.credentials.access_key_id,
            created_at: self.created_at,
            subject_name: self.subject_name,
            issuer_name: self.issuer_name,
            trust_anchor_arn: self.trust_anchor_arn,
            profile_arn: self.profile_arn,
            endpoint: self.endpoint,
            scope: self.scope,
        }
    }

    /// Encodes the entry, secrets included, with room at the end for the tag of a seal.
    pub(super) fn encode(&self) -> Result<Zeroizing<Vec<u8>>, CacheError> {
        let Self {
            credential_set,
            created_at,
            usable_until,
            certificate_sha256,
            subject_name,
            issuer_name,
            trust_anchor_arn,
            profile_arn,
            endpoint,
            scope,
        } = self;
        let CredentialSet { role_arn, assumed_role_arn, source_identity, subject_arn, credentials } =
            credential_set;
        let SessionCredentials { access_key_id, secret_access_key, session_token, expiration } = credentials;
        let mut writer = Writer::new(VERSION, TAG_LENGTH);
        writer.text(access_key_id);
        writer.text(secret_access_key.expose());
        writer.base64_text(session_token.expose());
        writer.time(*expiration);
        writer.text(role_arn.arn().as_str());
        writer.optional_text(assumed_role_arn.as_deref());
        writer.optional_text(source_identity.as_deref());
        writer.optional_text(subject_arn.as_deref());
        writer.time(*created_at);
        writer.time(*usable_until);
        writer.octets(certificate_sha256);
        writer.text(subject_name);
        writer.text(issuer_name);
        writer.text(trust_anchor_arn.arn().as_str());
        writer.text(profile_arn.arn().as_str());
        writer.text(endpoint);
        writer.optional_text(scope.as_deref());
        writer.finish().ok_or(CacheError::TooLarge { limit: MAX_LENGTH })
    }

    /// Decodes an entry; `None` for anything but an entry of this version.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes, VERSION)?;
        // Fields are evaluated in the order in which they are written here.
        let credentials = SessionCredentials {
            access_key_id: reader.text()?,
            secret_access_key: Secret::new(reader.text()?),
            session_token: Secret::new(reader.base64_text()?),
            expiration: reader.time()?,
        };
        let credential_set = CredentialSet {
            role_arn: reader.text()?.parse().ok()?,
            assumed_role_arn: reader.optional_text()?,
            source_identity: reader.optional_text()?,
            subject_arn: reader.optional_text()?,
            credentials,
        };
        let entry = Self {
            credential_set,
            created_at: reader.time()?,
            usable_until: reader.time()?,
            certificate_sha256: reader.octets()?,
            subject_name: reader.text()?,
            issuer_name: reader.text()?,
            trust_anchor_arn: reader.text()?.parse().ok()?,
            profile_arn: reader.text()?.parse().ok()?,
            endpoint: reader.text()?,
            scope: reader.optional_text()?,
        };
        reader.finish()?;
        Some(entry)
    }

    /// For `tests/fuzz`: decodes an entry and encodes it again.
    #[cfg(fuzzing)]
    pub fn rewritten(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        Self::decode(bytes)?.encode().ok()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn entry() -> CacheEntry {
        let created_at = Timestamp::from_unix_seconds(1_795_449_600);
        CacheEntry {
            credential_set: CredentialSet {
                role_arn: "arn:aws:iam::111122223333:role/build".parse().unwrap(),
                assumed_role_arn: Some(String::from("arn:aws:sts::111122223333:assumed-role/build/4242")),
                source_identity: None,
                subject_arn: None,
                credentials: SessionCredentials {
                    access_key_id: String::from("ASIAEXAMPLEEXAMPLE00"),
                    secret_access_key: Secret::new(String::from("canary-secret")),
                    session_token: Secret::new(String::from("canary-token")),
                    expiration: created_at.plus(std::time::Duration::from_secs(3600)),
                },
            },
            created_at,
            usable_until: created_at.plus(std::time::Duration::from_secs(3600)),
            certificate_sha256: [7; 32],
            subject_name: String::from("CN=build-17"),
            issuer_name: String::from("CN=Issuing CA 3"),
            trust_anchor_arn: "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a"
                .parse()
                .unwrap(),
            profile_arn: "arn:aws:rolesanywhere:eu-central-1:111122223333:profile/p".parse().unwrap(),
            endpoint: String::from("https://rolesanywhere.eu-central-1.amazonaws.com"),
            scope: None,
        }
    }

    #[test]
    fn an_entry_survives_its_encoding() {
        let bytes = entry().encode().unwrap();
        let decoded = CacheEntry::decode(&bytes).expect("what was encoded decodes");
        assert_eq!(decoded.encode().unwrap().as_slice(), bytes.as_slice());
        assert_eq!(decoded.credential_set.credentials.session_token.expose(), "canary-token");
        assert_eq!(decoded.account_id(), "111122223333");
        assert_eq!(decoded.into_facts(), entry().into_facts());
        assert!(!format!("{:?}", entry()).contains("canary"));
    }

    #[test]
    fn a_part_or_a_surplus_is_no_entry() {
        let bytes = entry().encode().unwrap();
        for length in 0..bytes.len() {
            assert!(CacheEntry::decode(&bytes[..length]).is_none(), "{length}");
        }
        let mut longer = bytes.to_vec();
        longer.push(0);
        assert!(CacheEntry::decode(&longer).is_none());
        let mut newer = bytes.to_vec();
        newer[0] += 1;
        assert!(CacheEntry::decode(&newer).is_none());
    }

    #[test]
    fn an_entry_beyond_the_bound_is_refused() {
        let mut large = entry();
        large.credential_set.credentials.session_token = Secret::new("-".repeat(MAX_LENGTH));
        assert!(matches!(large.encode(), Err(CacheError::TooLarge { limit: MAX_LENGTH })));
    }

    proptest! {
        #[test]
        fn decoding_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
            let _ = CacheEntry::decode(&bytes);
        }

        #[test]
        fn decoding_a_changed_entry_never_panics(place in 0_usize..600, value in any::<u8>()) {
            let mut bytes = entry().encode().unwrap().to_vec();
            let length = bytes.len();
            bytes[place % length] = value;
            let _ = CacheEntry::decode(&bytes);
        }
    }
}
