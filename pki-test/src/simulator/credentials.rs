//! Session credentials that the simulator has issued, and the table in which STS finds them.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::journal::ScopeLayer;
use super::settings::ForeignSession;
use crate::verifier::Arn;

/// Most sessions that STS knows at a time; the oldest are forgotten.
pub(super) const SESSIONS_LIMIT: usize = 4_096;

/// Random bytes of a session token. AWS's are several hundred characters long, and clients must not assume less.
const SESSION_TOKEN_BYTES: usize = 600;

/// The identity of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Principal {
    /// `arn:…:sts::…:assumed-role/ROLE/SESSION`
    pub(super) assumed_role_arn: String,
    /// `AROA…:SESSION`
    pub(super) user_id: String,
    /// The account, twelve digits.
    pub(super) account: String,
    /// The role.
    pub(super) role_arn: Arn,
    /// The source identity, which every session derived from this one keeps.
    pub(super) source_identity: Option<String>,
    /// The session tags, by key.
    pub(super) session_tags: BTreeMap<String, String>,
    /// The keys of those that the next session of a chain keeps.
    pub(super) transitive_tag_keys: BTreeSet<String>,
    /// How the session is narrowed, layer by layer.
    pub(super) layers: Vec<ScopeLayer>,
    /// The keys `aws:OriginIdentity/…`, which every session that follows from this one keeps.
    pub(super) origin_identity: BTreeMap<String, String>,
}

/// Session credentials and their principal.
#[derive(Clone)]
pub(super) struct IssuedCredentials {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: Zeroizing<String>,
    pub(super) session_token: Zeroizing<String>,
    pub(super) expiration: OffsetDateTime,
    pub(super) principal: Principal,
}

impl fmt::Debug for IssuedCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { access_key_id, secret_access_key: _, session_token: _, expiration, principal } = self;
        f.debug_struct("IssuedCredentials")
            .field("access_key_id", access_key_id)
            .field("expiration", expiration)
            .field("principal", principal)
            .finish_non_exhaustive()
    }
}

impl IssuedCredentials {
    /// Wraps credentials issued by somebody else.
    pub(super) fn foreign(session: ForeignSession, principal: Principal) -> Self {
        let ForeignSession { access_key_id, secret_access_key, session_token, expiration } = session;
        Self { access_key_id, secret_access_key, session_token, expiration, principal }
    }

    /// Generates random credentials of AWS's shape, valid from `now` for `duration`.
    ///
    /// The expiration is in whole seconds, as it is sent.
    pub(super) fn issue(
        principal: Principal,
        now: OffsetDateTime,
        duration: Duration,
    ) -> Result<Self, Unspecified> {
        let duration = time::Duration::try_from(duration).map_err(|_| Unspecified)?;
        let expiration = now.checked_add(duration).ok_or(Unspecified)?;
        Self::issue_until(principal, expiration.replace_nanosecond(0).map_err(|_| Unspecified)?, 0)
    }

    /// Generates random credentials of AWS's shape that end at `expiration`, with a token of at least
    /// `minimum_token_size` characters.
    pub(super) fn issue_until(
        principal: Principal,
        expiration: OffsetDateTime,
        minimum_token_size: usize,
    ) -> Result<Self, Unspecified> {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let letters = random::<16>()?;
        let letters = letters.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)]));
        // Base64 makes four characters of three bytes.
        let token_bytes = SESSION_TOKEN_BYTES.max(minimum_token_size.div_ceil(4) * 3);
        let mut token = Zeroizing::new(vec![0; token_bytes]);
        rand::fill(&mut token)?;
        Ok(Self {
            access_key_id: "ASIA".chars().chain(letters).collect(),
            secret_access_key: Zeroizing::new(STANDARD.encode(*random::<30>()?)),
            session_token: Zeroizing::new(STANDARD.encode(&*token)),
            expiration,
            principal,
        })
    }
}

/// Returns `N` random bytes, wiped when dropped.
pub(super) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, Unspecified> {
    let mut bytes = Zeroizing::new([0; N]);
    rand::fill(&mut *bytes)?;
    Ok(bytes)
}

/// Issued credentials by access key id, bounded.
#[derive(Debug, Default)]
pub(super) struct CredentialTable {
    sessions: HashMap<String, IssuedCredentials>,
    order: VecDeque<String>,
}

impl CredentialTable {
    /// Keeps credentials; the oldest are forgotten if there are too many.
    pub(super) fn add(&mut self, credentials: IssuedCredentials) {
        if self.order.len() >= SESSIONS_LIMIT
            && let Some(oldest) = self.order.pop_front()
        {
            self.sessions.remove(&oldest);
        }
        self.order.push_back(credentials.access_key_id.clone());
        self.sessions.insert(credentials.access_key_id.clone(), credentials);
    }

    /// Returns the credentials of an access key id.
    pub(super) fn find(&self, access_key_id: &str) -> Option<IssuedCredentials> {
        self.sessions.get(access_key_id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal() -> Principal {
        Principal {
            assumed_role_arn: "arn:aws:sts::111122223333:assumed-role/build/one".to_owned(),
            user_id: "AROAEXAMPLE:one".to_owned(),
            account: "111122223333".to_owned(),
            role_arn: "arn:aws:iam::111122223333:role/build".parse().unwrap(),
            source_identity: None,
            session_tags: BTreeMap::new(),
            transitive_tag_keys: BTreeSet::new(),
            layers: Vec::new(),
            origin_identity: BTreeMap::new(),
        }
    }

    #[test]
    fn the_table_forgets_the_oldest() {
        let principal = principal();
        let mut table = CredentialTable::default();
        for number in 0..=SESSIONS_LIMIT {
            table.add(IssuedCredentials {
                access_key_id: number.to_string(),
                secret_access_key: Zeroizing::default(),
                session_token: Zeroizing::default(),
                expiration: OffsetDateTime::UNIX_EPOCH,
                principal: principal.clone(),
            });
        }
        assert!(table.find("0").is_none());
        assert!(table.find("1").is_some());
        assert_eq!(table.order.len(), SESSIONS_LIMIT);
    }

    #[test]
    fn credentials_have_the_shape_of_awss() {
        let now = OffsetDateTime::UNIX_EPOCH + Duration::from_millis(1_500);
        let issued = IssuedCredentials::issue(principal(), now, Duration::from_secs(900)).unwrap();
        assert!(issued.access_key_id.starts_with("ASIA") && issued.access_key_id.len() == 20);
        assert_eq!(issued.secret_access_key.len(), 40);
        assert_eq!(issued.expiration, OffsetDateTime::UNIX_EPOCH + Duration::from_secs(901));
        assert!(!format!("{issued:?}").contains(issued.secret_access_key.as_str()));
    }
}
