//! The specification of a session.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::{self, CacheKey, CertificateSource, Namespace, ServerVerification, SessionDescription};
use crate::identity::{CertificateBytes, Input, Selection};
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
    /// Which of several certificates there is meant.
    pub selection: Selection,
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
    /// entry. Where the bytes of a descriptor or a variable come from nobody knows, so they name themselves. What selects one of
    /// several certificates is part of the name.
    pub(super) fn key(&self, namespace: &Namespace, certificate: &CertificateBytes) -> CacheKey {
        let Self {
            request,
            endpoint,
            server_verification,
            certificate: input,
            selection,
            second_hop,
            scopes,
        } = self;
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
        let place = match input {
            Input::Path(relative) => {
                path = std::path::absolute(&**relative);
                path.as_deref().unwrap_or(relative).to_str()
            }
            Input::Pkcs11Uri(object) => {
                object_place = object.place();
                Some(object_place.as_str())
            }
            Input::TpmHandle(handle) => Some(handle.as_str()),
            Input::Descriptor(_) | Input::StandardInput | Input::Variable(_) => None,
        };
        let content = || hex::encode(certificate.sha256());
        // No path, and no other place, holds an octet of zero.
        let selected = selection.text().map(|text| match place {
            Some(place) => format!("{place}\0{text}"),
            None => format!("\0{}\0{text}", content()),
        });
        let certificate_source = match selected.as_deref().or(place) {
            Some(place) => CertificateSource::Place(place),
            None => CertificateSource::Content(*certificate.sha256()),
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

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::x509::Selector;

    fn key(certificate: &str, selector: Option<&str>, latest: bool) -> CacheKey {
        let arn = |resource: &str| format!("arn:aws:rolesanywhere:eu-central-1:111122223333:{resource}");
        let id = "a1b2c3d4-0000-4000-8000-000000000001";
        let request = SessionRequest::new(
            arn(&format!("trust-anchor/{id}")).parse().unwrap(),
            arn(&format!("profile/{id}")).parse().unwrap(),
            "arn:aws:iam::111122223333:role/build".parse().unwrap(),
            None,
            None,
            None,
        );
        let wanted = SessionSpec {
            request: request.unwrap(),
            endpoint: Endpoint::parse("http://127.0.0.1:9").unwrap(),
            server_verification: ServerVerification::On,
            certificate: Input::parse(certificate).unwrap(),
            selection: Selection { selector: selector.map(|text| Selector::parse(text).unwrap()), latest },
            second_hop: None,
            scopes: Vec::new(),
        };
        let bytes = CertificateBytes::new(Zeroizing::new(b"certificates".to_vec()));
        wanted.key(&Namespace::default(), &bytes)
    }

    #[test]
    fn what_selects_a_certificate_tells_sessions_apart() {
        let (a, b) = ("Key=x509Subject,Value=CN=a", "Key=x509Subject,Value=CN=b");
        for place in ["/certificates", "env:CERTIFICATES", "pkcs11:token=t?pin-value=1"] {
            let keys = [
                key(place, None, false),
                key(place, None, true),
                key(place, Some(a), false),
                key(place, Some(b), false),
                key(place, Some(a), true),
            ];
            for (index, one) in keys.iter().enumerate() {
                assert!(!keys[index + 1..].contains(one), "{place} {index}");
            }
            assert_eq!(key(place, Some(" Key=x509Subject,Value=CN=a "), false), keys[2]);
        }
        assert_eq!(key("pkcs11:token=t", Some(a), false), key("pkcs11:token=t?pin-value=1", Some(a), false));
    }
}
