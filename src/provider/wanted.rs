//! Which session is wanted.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::{self, CacheKey, CertificateSource, Namespace, ServerVerification, SessionDescription};
use crate::identity::{CertificateBytes, Input};
use crate::session::SessionRequest;
use crate::signing::Endpoint;
use crate::sts::{AssumeRole, Scope};

/// Which role is assumed with the session, and where that is asked.
#[derive(Clone, Debug)]
pub struct SecondHop {
    /// What is asked of AssumeRole.
    pub request: Arc<AssumeRole>,
    /// The endpoint of STS.
    pub endpoint: Endpoint,
}

/// How the session is narrowed, and where that is asked.
#[derive(Clone, Debug)]
pub struct ScopedHop {
    /// What is asked of GetScopedCredentials.
    pub scope: Arc<Scope>,
    /// The endpoint of STS.
    pub endpoint: Endpoint,
}

/// One step from a session to another.
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
    /// How that session is narrowed, one after the other: then the last one's is wanted.
    pub scopes: Vec<ScopedHop>,
}

impl Wanted {
    /// Returns what is wanted after a further hop.
    pub(super) fn followed_by(&self, hop: &Hop) -> Self {
        let mut wanted = self.clone();
        match hop {
            Hop::Role(hop) => wanted.second_hop = Some(hop.clone()),
            Hop::Scope(hop) => wanted.scopes.push(hop.clone()),
        }
        wanted
    }

    /// Says how the session is narrowed, if it is: `policy 3f2a9c1b; 10 minutes`.
    pub fn scope(&self) -> Option<String> {
        let scopes: Vec<String> = self.scopes.iter().map(|hop| hop.scope.to_string()).collect();
        (!scopes.is_empty()).then(|| scopes.join("; "))
    }

    /// Returns what a person knows the session by: the ARN of the role, the session's name where one was asked for, and how it
    /// is narrowed.
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

    /// Returns the length that was asked for; `None` where the profile decides, or the session that this one is made from.
    pub fn requested(&self) -> Option<Duration> {
        match (self.scopes.last(), &self.second_hop) {
            (Some(hop), _) => hop.scope.duration(),
            (None, Some(hop)) => hop.request.session_duration,
            (None, None) => self.request.session_duration,
        }
    }

    /// Returns the name of the session's entry.
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
        let object_place;
        let certificate_source = match input {
            Input::Path(relative) => {
                path = std::path::absolute(&**relative);
                let path = path.as_deref().unwrap_or(relative);
                path.to_str().map_or_else(
                    || CertificateSource::Content(*certificate.sha256()),
                    CertificateSource::Place,
                )
            }
            Input::Pkcs11Uri(object) => {
                object_place = object.place();
                CertificateSource::Place(&object_place)
            }
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
