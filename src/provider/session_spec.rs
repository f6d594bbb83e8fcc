//! The specification of a session.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::{self, CacheKey, CertificateSource, Namespace, ServerVerification, SessionDescription};
use crate::identity::{CertificateBytes, Input};
use crate::session::SessionRequest;
use crate::signing::Endpoint;
use crate::sts::{AssumeRole, Scope};

/// The role to assume with the session, and the endpoint that is asked.
#[derive(Clone, Debug)]
pub struct SecondHop {
    /// The AssumeRole request.
    pub request: Arc<AssumeRole>,
    /// The endpoint of STS.
    pub endpoint: Endpoint,
}

/// How to narrow the session, and the endpoint that is asked.
#[derive(Clone, Debug)]
pub struct ScopedHop {
    /// The GetScopedCredentials request.
    pub scope: Arc<Scope>,
    /// The endpoint of STS.
    pub endpoint: Endpoint,
}

/// A step from one session to the next.
#[derive(Clone, Debug)]
pub enum Hop {
    /// To another role.
    Role(SecondHop),
    /// To a narrower session of the same role.
    Scope(ScopedHop),
}

impl Hop {
    /// Returns the endpoint of STS.
    pub(super) const fn endpoint(&self) -> &Endpoint {
        match self {
            Self::Role(hop) => &hop.endpoint,
            Self::Scope(hop) => &hop.endpoint,
        }
    }
}

/// Which session: the requests that create it, the endpoints they go to, and the certificate.
#[derive(Clone, Debug)]
pub struct SessionSpec {
    /// The CreateSession request.
    pub request: SessionRequest,
    /// The Roles Anywhere endpoint.
    pub endpoint: Endpoint,
    /// Whether the server's TLS certificate is verified.
    pub server_verification: ServerVerification,
    /// Where the end-entity certificate is.
    pub certificate: Input,
    /// Which role is assumed with it, if any: then that role's session is wanted.
    pub second_hop: Option<SecondHop>,
    /// How to narrow that session, step by step; the result is then the last one.
    pub scopes: Vec<ScopedHop>,
}

impl SessionSpec {
    /// Returns the specification of the session after a further hop.
    pub(super) fn followed_by(&self, hop: &Hop) -> Self {
        let mut spec = self.clone();
        match hop {
            Hop::Role(hop) => spec.second_hop = Some(hop.clone()),
            Hop::Scope(hop) => spec.scopes.push(hop.clone()),
        }
        spec
    }

    /// Describes how the session is narrowed, if it is: `policy 3f2a9c1b; 10 minutes`.
    pub fn scope(&self) -> Option<String> {
        let scopes: Vec<String> = self.scopes.iter().map(|hop| hop.scope.to_string()).collect();
        (!scopes.is_empty()).then(|| scopes.join("; "))
    }

    /// Returns how people identify the session: the ARN of the role, the session's name if one was requested, and how
    /// it is narrowed.
    pub(super) fn title(&self) -> String {
        let (role_arn, name) = match &self.second_hop {
            Some(hop) => (&hop.request.role_arn, &hop.request.role_session_name),
            None => (&self.request.role_arn, &self.request.role_session_name),
        };
        let mut title = role_arn.to_string();
        if let Some(name) = name {
            let _ = write!(title, " as '{name}'");
        }
        if let Some(scope) = self.scope() {
            let _ = write!(title, ", narrowed by {scope}");
        }
        title
    }

    /// Returns the requested duration; `None` if the profile decides, or the session that this one is derived from.
    pub fn requested(&self) -> Option<Duration> {
        match (self.scopes.last(), &self.second_hop) {
            (Some(hop), _) => hop.scope.duration(),
            (None, Some(hop)) => hop.request.session_duration,
            (None, None) => self.request.session_duration,
        }
    }

    /// Returns the key of the session's cache entry.
    ///
    /// A place that lasts is named by its text, a relative path as the absolute one: so a renewed certificate keeps its
    /// entry. Where the bytes of a descriptor or a variable come from nobody knows, so they name themselves.
    pub(super) fn key(&self, namespace: &Namespace, certificate: &CertificateBytes) -> CacheKey {
        let Self { request, endpoint, server_verification, certificate: input, second_hop, scopes } = self;
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
        let endpoints: Vec<String> = scopes.iter().map(|hop| hop.endpoint.to_string()).collect();
        let scopes: Vec<_> = scopes
            .iter()
            .zip(&endpoints)
            .map(|(hop, endpoint)| cache::Scope {
                policy_sha256: hop.scope.policy().map(|policy| *policy.sha256()),
                session_duration: hop.scope.duration(),
                description: hop.scope.description(),
                endpoint,
            })
            .collect();
        let path;
        let certificate_source = match input {
            Input::Path(relative) => {
                path = std::path::absolute(&**relative);
                let path = path.as_deref().unwrap_or(relative);
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
                scopes: &scopes,
            },
        )
    }
}
