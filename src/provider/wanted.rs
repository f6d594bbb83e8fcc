//! Which session is wanted.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::{self, CacheKey, CertificateSource, Namespace, ServerVerification, SessionDescription};
use crate::identity::{CertificateBytes, Input};
use crate::session::SessionRequest;
use crate::signing::Endpoint;
use crate::sts::AssumeRole;

/// Which role is assumed with the session, and where that is asked.
#[derive(Clone, Debug)]
pub struct SecondHop {
    /// What is asked of AssumeRole.
    pub request: Arc<AssumeRole>,
    /// The endpoint of STS.
    pub endpoint: Endpoint,
}

/// Which session is wanted, of whom, and for which certificate.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What is asked of CreateSession.
    pub request: SessionRequest,
    /// Where it is asked.
    pub endpoint: Endpoint,
    /// Whether that server is verified.
    pub server_verification: ServerVerification,
    /// Where the end-entity certificate is.
    pub certificate: Input,
    /// Which role is assumed with it, if any: then that role's session is wanted.
    pub second_hop: Option<SecondHop>,
}

impl Wanted {
    /// Returns what a person knows the session by: the ARN of the role, and the session's name where one was asked for.
    pub(super) fn title(&self) -> String {
        let (role_arn, name) = match &self.second_hop {
            Some(hop) => (&hop.request.role_arn, &hop.request.role_session_name),
            None => (&self.request.role_arn, &self.request.role_session_name),
        };
        match name {
            Some(name) => format!("{role_arn} as '{name}'"),
            None => role_arn.to_string(),
        }
    }

    /// Returns the length that was asked for; `None` where the profile decides.
    pub(super) fn requested(&self) -> Option<Duration> {
        match &self.second_hop {
            Some(hop) => hop.request.session_duration,
            None => self.request.session_duration,
        }
    }

    /// Returns the name of the session's entry.
    ///
    /// A place that lasts is named by its text, a relative path as the absolute one: so a renewed certificate keeps its
    /// entry. Where the bytes of a descriptor or a variable come from nobody knows, so they name themselves.
    pub(super) fn key(&self, namespace: &Namespace, certificate: &CertificateBytes) -> CacheKey {
        let Self { request, endpoint, server_verification, certificate: input, second_hop } = self;
        let endpoint = endpoint.to_string();
        let sts_endpoint = second_hop.as_ref().map(|hop| hop.endpoint.to_string());
        let second_hop = second_hop.as_ref().zip(sts_endpoint.as_deref()).map(|(hop, endpoint)| {
            let AssumeRole { role_arn, role_session_name, session_duration, external_id, tags } =
                &*hop.request;
            cache::SecondHop {
                role_arn,
                external_id: external_id.as_ref().map(|id| id.expose().as_str()),
                role_session_name: role_session_name.as_deref(),
                session_duration: *session_duration,
                endpoint,
                tags,
            }
        });
        let path;
        let certificate_source = match input {
            Input::Path(relative) => {
                path = std::path::absolute(relative);
                let path = path.as_ref().unwrap_or(relative);
                path.to_str().map_or_else(
                    || CertificateSource::Content(*certificate.sha256()),
                    CertificateSource::Place,
                )
            }
            // The query says how to open the token, not which object is meant (RFC 7512 §2.3).
            Input::Pkcs11Uri(uri) => CertificateSource::Place(uri.split('?').next().unwrap_or(uri)),
            Input::TpmHandle(handle) => CertificateSource::Place(handle),
            Input::Descriptor(_) | Input::StandardInput | Input::Variable(_) => {
                CertificateSource::Content(*certificate.sha256())
            }
        };
        CacheKey::new(
            namespace,
            &SessionDescription {
                certificate_source,
                trust_anchor_arn: &request.trust_anchor_arn,
                profile_arn: &request.profile_arn,
                role_arn: &request.role_arn,
                region: &request.region,
                endpoint: &endpoint,
                server_verification: *server_verification,
                session_duration: request.session_duration,
                role_session_name: request.role_session_name.as_deref(),
                second_hop,
            },
        )
    }
}
