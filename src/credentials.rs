//! What a session consists of.

use std::fmt;

use crate::arn::RoleArn;
use crate::clock::Timestamp;
use crate::secret::Secret;

/// Temporary credentials of one session.
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

/// What CreateSession granted: the entry of `credentialSet` for the role that was asked for.
#[derive(Debug)]
pub struct CredentialSet {
    /// The role that was asked for.
    pub role_arn: RoleArn,
    /// The ARN under which the session acts: `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`, where the service told.
    pub assumed_role_arn: Option<String>,
    /// The source identity that AWS derived from the certificate, where the service told.
    pub source_identity: Option<String>,
    /// AWS's record of the certificate's subject, where the service told.
    pub subject_arn: Option<String>,
    /// The credentials themselves.
    pub credentials: SessionCredentials,
}
