//! Where new sessions come from: the one part that opens private keys and sends requests.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::{MinimumRemaining, ProviderError, SessionSpec};
use crate::cache::file::KeyLender;
use crate::cache::{CacheEntry, SealingKey};
use crate::clock::{Clock, Timestamp};
use crate::credentials::CredentialSet;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::env::Environment;
use crate::http::runtime::{RuntimeError, block_on};
use crate::http::{Limits, NativeTransport, TransportSettings};
use crate::identity::{self, CertificateBytes, Identity, IdentityError, IdentitySource, Input};
use crate::session::{self, Refusal, SessionError, SessionRequest};
use crate::signer::SigningKey as _;
use crate::signing::Endpoint;
use crate::sts::StsError;
use crate::text::quoted;
use crate::trace;

/// Creates sessions.
pub trait SessionSource: Send + Sync {
    /// Reads the certificate's source without parsing it. A source that can be read only once is read once.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be read.
    fn certificate(&self, spec: &SessionSpec) -> Result<Arc<CertificateBytes>, CreateError>;

    /// Reads the certificate's source again for a short time after it held no whole certificate: it may be in the
    /// middle of a renewal.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be read.
    fn whole_certificate(&self, spec: &SessionSpec) -> Result<Arc<CertificateBytes>, CreateError> {
        self.certificate(spec)
    }

    /// Returns whether the source holds a certificate with these names, and so a renewal of the one that had them.
    fn holds(&self, certificate: &CertificateBytes, subject_name: &str, issuer_name: &str) -> bool {
        certificate.holds(subject_name, issuer_name)
    }

    /// Creates a session with that certificate in at most `longest`. `minimum` is what the consumer needs, for a source
    /// that can choose which session to start from.
    ///
    /// # Errors
    ///
    /// Fails if no session was created.
    fn create(
        &self,
        spec: &SessionSpec,
        certificate: &CertificateBytes,
        minimum: MinimumRemaining,
        longest: Duration,
    ) -> Result<NewSession, CreateError>;
}

impl SessionSource for Box<dyn SessionSource> {
    fn certificate(&self, spec: &SessionSpec) -> Result<Arc<CertificateBytes>, CreateError> {
        (**self).certificate(spec)
    }

    fn whole_certificate(&self, spec: &SessionSpec) -> Result<Arc<CertificateBytes>, CreateError> {
        (**self).whole_certificate(spec)
    }

    fn holds(&self, certificate: &CertificateBytes, subject_name: &str, issuer_name: &str) -> bool {
        (**self).holds(certificate, subject_name, issuer_name)
    }

    fn create(
        &self,
        spec: &SessionSpec,
        certificate: &CertificateBytes,
        minimum: MinimumRemaining,
        longest: Duration,
    ) -> Result<NewSession, CreateError> {
        (**self).create(spec, certificate, minimum, longest)
    }
}

/// A session that was just created.
#[derive(Debug)]
pub struct NewSession {
    /// What was granted.
    pub credential_set: CredentialSet,
    /// How many seconds this clock was found to be behind AWS's; else 0.
    pub clock_offset: i64,
    /// The SHA-256 of the certificate's source, as it was read for this session.
    pub certificate_sha256: [u8; 32],
    /// The end-entity certificate's subject name.
    pub subject_name: String,
    /// The end-entity certificate's issuer.
    pub issuer_name: String,
}

impl NewSession {
    /// Adds what must be known to judge the session later.
    ///
    /// The clock offset itself is not stored, only its effect: if this clock is behind AWS's, the credentials end
    /// before it reaches their expiration.
    pub(super) fn into_entry(self, spec: &SessionSpec, now: Timestamp) -> CacheEntry {
        let Self { credential_set, clock_offset, certificate_sha256, subject_name, issuer_name } = self;
        let expiration = credential_set.credentials.expiration;
        let behind = Duration::from_secs(u64::try_from(clock_offset).unwrap_or(0));
        CacheEntry {
            credential_set,
            created_at: now,
            usable_until: expiration.minus(behind),
            certificate_sha256,
            subject_name,
            issuer_name,
            trust_anchor_arn: spec.request.trust_anchor_arn.clone(),
            profile_arn: spec.request.profile_arn.clone(),
            endpoint: spec.endpoint.to_string(),
            scope: spec.scope(),
        }
    }
}

/// What this host knows about a refusal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    /// Possible causes, the most certain first.
    pub facts: Vec<Fact>,
    /// How to cure the most certain one.
    pub hint: Option<String>,
}

/// Explains a refusal from the request and the identity. The floor above supplies it, because this one does not know
/// the causes; and it is called here, so that processes that back off later see the same explanation.
pub type Explainer = fn(&Refusal, &SessionRequest, &Endpoint, &Identity) -> Advice;

/// Why no session was created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// There is no session to assume the second role with.
    #[error(transparent)]
    FirstHop(Box<ProviderError>),
    /// The certificate or the private key cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The operating system offers no way to wait for the network.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// AWS refused.
    #[error("{refusal}")]
    Refused {
        /// The refusal.
        refusal: Box<Refusal>,
        /// What this host knows about it.
        explanation: Advice,
    },
    /// There was no usable answer.
    #[error(transparent)]
    Session(SessionError),
    /// The second role was not assumed.
    #[error(transparent)]
    Sts(#[from] StsError),
}

impl CreateError {
    /// Returns whether the same request may succeed a little later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            // The first hop has its own back-off; the second adds none to it.
            Self::FirstHop(_) => true,
            Self::Identity(_) | Self::Runtime(_) => false,
            Self::Refused { refusal, .. } => refusal.is_transient(),
            Self::Session(error) => error.is_transient(),
            Self::Sts(error) => error.is_transient(),
        }
    }

    /// Returns AWS's error code, if AWS refused and gave one.
    pub(super) fn code(&self) -> Option<&str> {
        let code = match self {
            Self::FirstHop(error) => match &**error {
                ProviderError::Failed(error) => return error.code(),
                ProviderError::BackingOff { failure, .. } | ProviderError::Shared { failure } => {
                    return failure.report.code.as_deref();
                }
                ProviderError::Busy { .. } => return None,
            },
            Self::Refused { refusal, .. } => &refusal.code,
            Self::Sts(StsError::Refused(refusal)) => &refusal.code,
            Self::Identity(_) | Self::Runtime(_) | Self::Session(_) | Self::Sts(_) => return None,
        };
        Some(code.as_str()).filter(|code| !code.is_empty())
    }

    fn of(error: SessionError, explain: impl FnOnce(&Refusal) -> Advice) -> Self {
        match error {
            SessionError::Refused(refusal) => {
                let explanation = explain(&refusal);
                Self::Refused { refusal, explanation }
            }
            error @ (SessionError::Answer(_) | SessionError::NoAnswer(_) | SessionError::Signing(_)) => {
                Self::Session(error)
            }
        }
    }
}

impl Diagnostic for CreateError {
    fn id(&self) -> &'static str {
        match self {
            Self::FirstHop(error) => error.id(),
            Self::Identity(error) => error.id(),
            Self::Runtime(error) => error.id(),
            Self::Refused { refusal, .. } => refusal.id(),
            Self::Session(error) => error.id(),
            Self::Sts(error) => error.id(),
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::FirstHop(error) => error.fault(),
            Self::Identity(error) => error.fault(),
            Self::Runtime(error) => error.fault(),
            Self::Refused { refusal, .. } => refusal.fault(),
            Self::Session(error) => error.fault(),
            Self::Sts(error) => error.fault(),
        }
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::FirstHop(error) => error.facts(),
            Self::Identity(error) => error.facts(),
            Self::Runtime(error) => error.facts(),
            Self::Refused { refusal, explanation } => {
                let mut facts = refusal.facts();
                // AWS's own words come first.
                let behind = facts.len().min(1);
                facts.splice(behind..behind, explanation.facts.iter().cloned());
                facts
            }
            Self::Session(error) => error.facts(),
            Self::Sts(error) => error.facts(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::FirstHop(error) => error.hint(),
            Self::Identity(error) => error.hint(),
            Self::Runtime(error) => error.hint(),
            Self::Refused { refusal, explanation } => explanation.hint.clone().or_else(|| refusal.hint()),
            Self::Session(error) => error.hint(),
            Self::Sts(error) => error.hint(),
        }
    }
}

/// Creates sessions with the user's certificate and private key, over the network.
pub struct RolesAnywhereSource {
    identity_source: IdentitySource,
    transport: Arc<NativeTransport>,
    /// Its deadline is the most that is ever spent.
    limits: Limits,
    env: Environment,
    clock: Arc<dyn Clock>,
    explain: Explainer,
    /// The bytes read from standard input or a descriptor.
    read_once: OnceLock<Arc<CertificateBytes>>,
}

impl fmt::Debug for RolesAnywhereSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RolesAnywhereSource")
            .field("identity_source", &self.identity_source)
            .finish_non_exhaustive()
    }
}

impl RolesAnywhereSource {
    /// Stores the parameters; nothing is read or opened.
    pub fn new(
        identity_source: IdentitySource,
        transport: TransportSettings,
        limits: Limits,
        env: Environment,
        clock: Arc<dyn Clock>,
        explain: Explainer,
    ) -> Self {
        let transport = Arc::new(NativeTransport::new(transport));
        Self { identity_source, transport, limits, env, clock, explain, read_once: OnceLock::new() }
    }

    /// Returns the transport, so that other requests can be sent the same way.
    pub fn transport(&self) -> Arc<NativeTransport> {
        Arc::clone(&self.transport)
    }
}

impl SessionSource for RolesAnywhereSource {
    fn certificate(&self, spec: &SessionSpec) -> Result<Arc<CertificateBytes>, CreateError> {
        if let Some(read) = self.read_once.get() {
            return Ok(Arc::clone(read));
        }
        let read = Arc::new(identity::read_certificate(&spec.certificate, &self.env)?);
        Ok(match spec.certificate {
            Input::Descriptor(_) | Input::StandardInput => Arc::clone(self.read_once.get_or_init(|| read)),
            Input::Path(_) | Input::Pkcs11Uri(_) | Input::TpmHandle(_) | Input::Variable(_) => read,
        })
    }

    fn whole_certificate(&self, spec: &SessionSpec) -> Result<Arc<CertificateBytes>, CreateError> {
        match spec.certificate {
            Input::Path(_) => Ok(Arc::new(identity::read_whole_certificate(&spec.certificate, &self.env)?)),
            Input::Descriptor(_)
            | Input::Pkcs11Uri(_)
            | Input::StandardInput
            | Input::TpmHandle(_)
            | Input::Variable(_) => self.certificate(spec),
        }
    }

    fn holds(&self, certificate: &CertificateBytes, subject_name: &str, issuer_name: &str) -> bool {
        identity::holds(&self.identity_source, certificate, subject_name, issuer_name, &self.env)
    }

    fn create(
        &self,
        spec: &SessionSpec,
        certificate: &CertificateBytes,
        _minimum: MinimumRemaining,
        longest: Duration,
    ) -> Result<NewSession, CreateError> {
        let Self { identity_source, transport, limits, env, clock, explain, read_once: _ } = self;
        let mut identity = identity::load_read(identity_source, certificate, env)?;
        trace::step(|| {
            let end_entity = identity.end_entity();
            format!(
                "identity: subject {}, valid until {}, {} intermediates",
                quoted(end_entity.subject_name()),
                end_entity.not_after(),
                identity.intermediates().len()
            )
        });
        identity.check(clock.now())?;
        let limits = Limits { deadline: limits.deadline.min(longest), ..*limits };
        let SessionSpec { request, endpoint, .. } = spec;
        let created =
            session::create(transport.as_ref(), &mut identity, request, endpoint, limits, clock.as_ref());
        match block_on(created)? {
            Ok(session) => Ok(NewSession {
                credential_set: session.credential_set,
                clock_offset: session.clock_offset,
                certificate_sha256: identity
                    .provenance()
                    .certificate_sha256
                    .unwrap_or_else(|| *certificate.sha256()),
                subject_name: identity.end_entity().subject_name().to_owned(),
                issuer_name: identity.end_entity().issuer_name().to_owned(),
            }),
            Err(error) => {
                Err(CreateError::of(error, |refusal| explain(refusal, request, endpoint, &identity)))
            }
        }
    }
}

/// Returns the source of the file store's sealing key: derived from the private key if that is in software and opens
/// without a prompt. It is also bound to the public key.
pub fn file_key_lender(source: IdentitySource, env: Environment) -> KeyLender {
    Box::new(move || {
        let key = identity::unattended_key(&source, &env)?;
        let (material, public_key_sha256) = key.sealing_key().ok()??.into_parts();
        Some(SealingKey::new(material, public_key_sha256))
    })
}
