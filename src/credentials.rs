//! The credentials of a session.

use std::fmt;
use std::time::Duration;

use crate::arn::RoleArn;
use crate::clock::Timestamp;
use crate::secret::Secret;

/// The latest plausible expiration: twelve hours, the longest session, plus five minutes for clock differences.
pub(crate) const LATEST_EXPIRATION: Duration = Duration::from_secs(12 * 3600 + 5 * 60);
/// The longest secret access key or session token that is accepted, in bytes; real ones have 40 and about 1,000.
const LONGEST_SECRET: usize = 16 * 1024;

/// The temporary credentials of a session.
pub struct SessionCredentials {
    /// `ASIA…`; public, and what CloudTrail records.
    pub access_key_id: String,
    /// The secret half of the key pair.
    pub secret_access_key: Secret<String>,
    /// The token without which the key pair is refused.
    pub session_token: Secret<String>,
    /// When AWS stops accepting them.
    pub expiration: Timestamp,
}

impl fmt::Debug for SessionCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { access_key_id, secret_access_key: _, session_token: _, expiration } = self;
        f.debug_struct("SessionCredentials")
            .field("access_key_id", access_key_id)
            .field("expiration", expiration)
            .finish_non_exhaustive()
    }
}

/// Why an answer's credentials are rejected. No value is shown: it may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// The expiration is in the past, or further away than any session lasts.
    #[error("the answer's credentials expire at {expiration}, {}: not a time that a session can have", expiration.distance_from(*now))]
    Expiration {
        /// The expiration in the answer.
        expiration: Timestamp,
        /// The current time at that moment.
        now: Timestamp,
    },
    /// A value that AWS would not send, and that a shell, a file or a terminal might misinterpret.
    #[error("the answer's {member} is not of the form that AWS gives it")]
    Unsafe {
        /// The member's name.
        member: &'static str,
    },
}

impl SessionCredentials {
    /// Accepts credentials from an answer if AWS can have sent them.
    ///
    /// The access key id must be `[A-Z0-9]{16,128}`; the secret access key and the session token 1 to 16,384 characters
    /// of `[A-Za-z0-9+/=]`; the expiration RFC 3339, later than `now`, and at most 12 h 5 min later.
    ///
    /// # Errors
    ///
    /// Fails if a value is anything else.
    pub fn from_answer(
        access_key_id: &str,
        secret_access_key: &str,
        session_token: &str,
        expiration: &str,
        now: Timestamp,
    ) -> Result<Self, CredentialsError> {
        if !is_key_id(access_key_id) {
            return Err(CredentialsError::Unsafe { member: "access key id" });
        }
        let expiration =
            Timestamp::parse_rfc3339(expiration).ok_or(CredentialsError::Unsafe { member: "expiration" })?;
        if expiration <= now || expiration > now.plus(LATEST_EXPIRATION) {
            return Err(CredentialsError::Expiration { expiration, now });
        }
        Ok(Self {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: secret("secret access key", secret_access_key)?,
            session_token: secret("session token", session_token)?,
            expiration,
        })
    }
}

/// An access key that signs requests: of a user, which lasts, or of a session, with its token.
pub struct AccessKey {
    /// `AKIA…` or `ASIA…`; public.
    pub access_key_id: String,
    /// The secret half of the key pair.
    pub secret_access_key: Secret<String>,
    /// The token of a session.
    pub session_token: Option<Secret<String>>,
}

impl AccessKey {
    /// Accepts a key from a file or a variable if AWS can have issued it, as [`SessionCredentials::from_answer`] does.
    ///
    /// # Errors
    ///
    /// Fails if a value has a character that AWS's values do not have, or is too long or too short.
    pub fn new(
        access_key_id: &str,
        secret_access_key: &str,
        session_token: Option<&str>,
    ) -> Result<Self, CredentialsError> {
        if !is_key_id(access_key_id) {
            return Err(CredentialsError::Unsafe { member: "access key id" });
        }
        Ok(Self {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: secret("secret access key", secret_access_key)?,
            session_token: session_token.map(|token| secret("session token", token)).transpose()?,
        })
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// What signs a request: a borrowed view of either kind of credentials.
#[derive(Clone, Copy, Debug)]
pub struct KeyPair<'a> {
    /// The id, which is public.
    pub access_key_id: &'a str,
    /// The secret half.
    pub secret_access_key: &'a Secret<String>,
    /// The token of a session.
    pub session_token: Option<&'a Secret<String>>,
}

impl<'a> From<&'a SessionCredentials> for KeyPair<'a> {
    fn from(credentials: &'a SessionCredentials) -> Self {
        Self {
            access_key_id: &credentials.access_key_id,
            secret_access_key: &credentials.secret_access_key,
            session_token: Some(&credentials.session_token),
        }
    }
}

impl<'a> From<&'a AccessKey> for KeyPair<'a> {
    fn from(key: &'a AccessKey) -> Self {
        Self {
            access_key_id: &key.access_key_id,
            secret_access_key: &key.secret_access_key,
            session_token: key.session_token.as_ref(),
        }
    }
}

/// `[A-Z0-9]{16,128}`, as [GetAccessKeyInfo] has it.
///
/// [GetAccessKeyInfo]: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html
fn is_key_id(text: &str) -> bool {
    (16..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn secret(member: &'static str, text: &str) -> Result<Secret<String>, CredentialsError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
    if text.is_empty() || text.len() > LONGEST_SECRET || !text.bytes().all(plain) {
        return Err(CredentialsError::Unsafe { member });
    }
    Ok(Secret::new(text.to_owned()))
}

/// What CreateSession granted (the entry of `credentialSet` for the requested role), or a later AssumeRole or
/// GetScopedCredentials.
#[derive(Debug)]
pub struct CredentialSet {
    /// The requested role.
    pub role_arn: RoleArn,
    /// The ARN of the session: `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`, if the service returned it.
    pub assumed_role_arn: Option<String>,
    /// The source identity that AWS derived from the certificate, if the service returned it.
    pub source_identity: Option<String>,
    /// AWS's record of the certificate's subject, if the service returned it.
    pub subject_arn: Option<String>,
    /// The credentials themselves.
    pub credentials: SessionCredentials,
}
