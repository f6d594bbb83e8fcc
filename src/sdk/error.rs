//! Why there are no credentials, for programs that know nothing of this one.

use std::fmt;
use std::io;
use std::sync::Arc;

use aws_credential_types::provider::error::CredentialsError;

use crate::diagnostic::{AnyDiagnostic, Diagnostic, Fault, causes};
use crate::text::printable_line;

/// Why there are no credentials: what failed, with its object; why; and what to do.
///
/// `Display` is one line with all of that. No text holds a secret, and `Debug` shows no more than `Display`.
#[derive(Clone)]
pub struct Error {
    told: Arc<Told>,
}

struct Told {
    id: &'static str,
    fault: Fault,
    /// What failed, its causes and its facts.
    text: String,
    hint: Option<String>,
}

impl Error {
    /// Returns the stable id of the reason, such as `unknown-session`: `anyrole explain ID` has a page about it.
    pub fn id(&self) -> &'static str {
        self.told.id
    }

    /// Returns what to do about it, where that is known. `Display` has it as well.
    pub fn hint(&self) -> Option<&str> {
        self.told.hint.as_deref()
    }

    pub(super) fn into_credentials_error(self) -> CredentialsError {
        match self.told.fault {
            Fault::Usage => CredentialsError::invalid_configuration(self),
            Fault::Bug => CredentialsError::unhandled(self),
            Fault::Identity | Fault::Local | Fault::Refused | Fault::Unreachable => {
                CredentialsError::provider_error(self)
            }
        }
    }
}

/// Renders `what failed; caused by: cause; name: fact; hint: what to do [id]`.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Told { id, fault: _, text, hint } = &*self.told;
        f.write_str(text)?;
        if let Some(hint) = hint {
            write!(f, "; hint: {hint}")?;
        }
        write!(f, " [{id}]")
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

impl std::error::Error for Error {}

impl From<AnyDiagnostic> for Error {
    fn from(AnyDiagnostic(error): AnyDiagnostic) -> Self {
        let error = error.as_ref();
        let mut text = printable_line(&error.to_string());
        for cause in causes(error) {
            text = format!("{text}; caused by: {cause}");
        }
        for fact in error.facts() {
            text = format!("{text}; {}: {}", fact.name, printable_line(&fact.value));
        }
        let hint = error.hint().map(|hint| printable_line(&hint));
        Self { told: Arc::new(Told { id: error.id(), fault: error.fault(), text, hint }) }
    }
}

/// What can fail here and nowhere below.
#[derive(Debug, thiserror::Error)]
pub(super) enum SdkError {
    /// The thread ended without an answer.
    #[error("this should not happen: the thread that asks for credentials stopped itself")]
    Stopped,
    /// The operating system gives no thread.
    #[error("cannot start a thread to ask for credentials")]
    Thread(#[source] io::Error),
}

impl Diagnostic for SdkError {
    fn id(&self) -> &'static str {
        match self {
            Self::Stopped => "panic",
            Self::Thread(_) => "runtime",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Stopped => Fault::Bug,
            Self::Thread(_) => Fault::Local,
        }
    }
}

impl From<SdkError> for Error {
    fn from(error: SdkError) -> Self {
        AnyDiagnostic::from(error).into()
    }
}
