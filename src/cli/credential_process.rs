//! `credential-process`: one session, as the JSON that SDKs read. Silent but for that.

use super::args::{Spec, Words};
use super::report::Failure;
use super::runtime::block_on;
use super::settings::session::SessionSettings;
use super::settings::table::Group;
use super::{CalledAs, Invocation, output};
use crate::clock::{Clock as _, SystemClock};
use crate::credential_process;
use crate::credentials::CredentialSet;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::env::Environment;
use crate::explain::{self, Explanation};
use crate::http::NativeTransport;
use crate::identity;
use crate::session::{self, SessionError};

/// `anyrole credential-process`.
pub(super) const SPEC: Spec = Spec {
    name: "credential-process",
    about: "Prints temporary credentials as an SDK's credential_process reads them.",
    words: Words::Session,
    groups: &[Group::Session, Group::Identity, Group::Network, Group::Program],
    flags: &[],
    more: "\
In ~/.aws/config, on one line:
  [profile deploy]
  credential_process = /usr/bin/anyrole credential-process deploy

NAME is a [session.NAME] of the config file. Without it the flags, variables and [defaults] count.
Prints nothing but the JSON, and nothing at all on failure; then the standard error tells why.
",
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let lenient = invocation.called_as == CalledAs::OfficialHelper;
    let session = invocation.settings()?.session(invocation.env, lenient)?;
    let granted = create(session, invocation.env)?;
    output::write(&credential_process::render(&granted)).map_err(Failure::output)
}

/// Loads the identity, checks it, and creates one session.
fn create(settings: SessionSettings, env: &Environment) -> Result<CredentialSet, Failure> {
    let SessionSettings { request, endpoint, identity, transport, limits } = settings;
    let mut identity = identity::load(&identity, env)?;
    identity.check(SystemClock.now())?;
    let transport = NativeTransport::new(transport);
    let created =
        block_on(session::create(&transport, &mut identity, &request, &endpoint, limits, &SystemClock))?;
    match created {
        Ok(session) => Ok(session.credential_set),
        Err(SessionError::Refused(refusal)) => {
            let explanation = explain::explain(&refusal, &request, &identity);
            Err(Explained { refusal: SessionError::Refused(refusal), explanation }.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// A refusal of AWS, with its surest cause as far as this host can see.
#[derive(Debug, thiserror::Error)]
#[error("{refusal}")]
struct Explained {
    refusal: SessionError,
    explanation: Explanation,
}

impl Diagnostic for Explained {
    fn id(&self) -> &'static str {
        self.refusal.id()
    }

    fn fault(&self) -> Fault {
        self.refusal.fault()
    }

    fn facts(&self) -> Vec<Fact> {
        let mut facts = self.refusal.facts();
        // What AWS says comes first, in AWS's words.
        facts.splice(facts.len().min(1)..facts.len().min(1), self.explanation.fact());
        facts
    }

    fn hint(&self) -> Option<String> {
        self.explanation.hint().or_else(|| self.refusal.hint())
    }
}
