//! `exec`: runs a command with credentials that are renewed for as long as it runs.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::args::{Needs, Spec, Words};
use super::env::{EXPECT_DURATION, minimum, too_short};
use super::renewable::{inputs, pins, renewable};
use super::renewal::Renewal;
use super::report::{self, Failure};
use super::settings::table::{Group, Kind, SETTINGS, Setting};
use super::{CalledAs, Invocation, provider};
use crate::clock::SystemClock;
use crate::diagnostic::{Diagnostic, Fault};
use crate::env::Environment;
use crate::exec;
use crate::http::runtime::block_on;
use crate::identity::{IdentitySource, Input};
use crate::provider::MinimumRemaining;
use crate::server::{
    Allowed, Event, LastDocument, ListenError, Listener, NoRandomness, Offer, Refresher, Server, Site,
    Sockets, Token,
};
use crate::shell_env;
use crate::trace;

const MODE: Setting = Setting::flag(
    "mode",
    Kind::Word("endpoint|env"),
    "an endpoint that renews, or plain variables [default: endpoint]",
);

/// `anyrole exec`.
pub(super) const SPEC: Spec = Spec {
    name: "exec",
    about: "Runs a command with credentials that renew themselves.",
    words: Words::SessionAndCommand,
    groups: Group::ALL,
    flags: &[MODE, EXPECT_DURATION],
    more: "  anyrole exec deploy -- terraform apply
  anyrole exec deploy --scope-policy read-only.json -- terraform plan

The command's SDK asks an endpoint on a free port of 127.0.0.1, which exists as long as the command
runs and answers only its user with its token. So a run may outlast a session. Variables that would
lead the SDK elsewhere, such as AWS_PROFILE and AWS_ACCESS_KEY_ID, are removed, and so are variables
that hold anyrole's keys or passwords. AWS_REGION is set unless it is given.

--mode env gives the credentials themselves as variables, for programs that know nothing else; they
expire with the session, and --expect-duration warns if that is too early.

Signals are passed on. Where a whole process group is signalled, the command gets SIGTERM twice, which
Terraform takes as a wish to stop at once: use KillMode=mixed in a systemd unit, and
timeout --foreground. Core files stay off in the command, as they are in anyrole.
Exit status: the command's own, 128 and the signal's number if one ended it, 127 if it is not there,
126 if it cannot be run, 1 if there are no credentials.
",
    needs: Needs::Everything,
    run,
};

/// Why `exec` cannot start.
#[derive(Debug, thiserror::Error)]
enum CannotExec {
    /// No caller would be admitted, not even the command.
    #[error(
        "cannot tell this user's connections from those of others: this user namespace shows the same number, 65534, for all of them"
    )]
    NobodyKnown,
    /// No token can be generated.
    #[error("cannot protect the endpoint")]
    NoRandomness(#[from] NoRandomness),
}

impl Diagnostic for CannotExec {
    fn id(&self) -> &'static str {
        "endpoint-not-bound"
    }

    fn fault(&self) -> Fault {
        Fault::Local
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NobodyKnown => Some(String::from(
                "run as another user of the namespace (unshare -r maps one), or use --mode env",
            )),
            Self::NoRandomness(_) => None,
        }
    }
}

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let lenient = invocation.called_as == CalledAs::OfficialHelper;
    let settings = invocation.settings()?.session(invocation.env, lenient)?;
    let renews = invocation.typed.flag(MODE.name) != Some("env");
    let mut removed: Vec<String> = exec::SHADOWING.iter().copied().map(String::from).collect();
    removed.extend(own_secrets(&settings.identity));
    renewable(SPEC.name, &settings.identity)?;
    let region = settings.request.region.to_string();
    let provider = provider::provider(settings, invocation.env)?;
    let minimum = if renews { MinimumRemaining::Half } else { minimum(invocation) };
    let first = provider::obtain(&provider, invocation.name(), invocation.env, minimum)?;
    let mut set: Set = Vec::new();
    let has_region =
        ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().any(|name| invocation.env.os_var(name).is_some());
    if !has_region {
        set.extend(["AWS_REGION", "AWS_DEFAULT_REGION"].map(|name| (name, Zeroizing::new(region.clone()))));
    }
    let offer = if renews {
        if let Some(shadow) = exec::shadow(invocation.env) {
            report::remark(&format!(
                "warning: {shadow}, or set AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE to other files, or use \
                 --mode env"
            ));
        }
        let role_arn = first.credential_set.role_arn.clone();
        let source = Renewal::new(provider, Box::new(|_| {}));
        let refresher =
            Arc::new(Refresher::new(Box::new(source), Some(Arc::new(first)), Arc::new(SystemClock)));
        let token = Arc::new(Token::random().map_err(CannotExec::from)?);
        let name = invocation.name().unwrap_or("session").to_owned();
        Some(Offer {
            name,
            role_arn,
            region,
            refresher,
            token,
            allowed: Allowed::own_user(),
            last_document: LastDocument::default(),
        })
    } else {
        if let Some(warning) = too_short(invocation, &first) {
            report::remark(&warning);
        }
        set.extend(shell_env::variables(&first.credential_set));
        None
    };
    let status = block_on(run_command(invocation, offer, &removed, set))??;
    if status == 0 { Ok(()) } else { Err(Failure::Status(status)) }
}

/// The variables set for the command.
type Set = Vec<(&'static str, Zeroizing<String>)>;

/// Runs the command, with an endpoint if there is a session to keep fresh; if it cannot be run, reports that and
/// returns the exit status that shells use.
async fn run_command(
    invocation: &Invocation<'_>,
    offer: Option<Offer>,
    removed: &[String],
    mut set: Set,
) -> Result<u8, Failure> {
    let endpoint = match offer {
        Some(offer) => Some(endpoint(offer, invocation.env, &mut set).await?),
        None => None,
    };
    let serving = async {
        match &endpoint {
            Some((server, listener)) => tokio::select! {
                never = server.accept(listener) => never,
                never = server.keep_fresh() => never,
            },
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        ended = exec::run(&invocation.typed.command, removed, &set) => Ok(ended.unwrap_or_else(|error| {
            report::tell(&error);
            error.exit_status()
        })),
        never = serving => match never {},
    }
}

/// Opens an endpoint, and adds the variables that lead the command to it.
async fn endpoint(
    offer: Offer,
    env: &Environment,
    set: &mut Set,
) -> Result<(Arc<Server>, Listener), Failure> {
    let sockets = Sockets::probe().map_err(ListenError::Unreachable)?;
    if !sockets.can_identify_own_user() {
        return Err(CannotExec::NobodyKnown.into());
    }
    trace::step(|| match sockets {
        Sockets::Unsupported => {
            String::from("this system does not tell who opens a connection: the token alone decides")
        }
        #[cfg(target_os = "linux")]
        Sockets::Netlink | Sockets::ProcNet => String::from("the endpoint answers this user alone"),
    });
    if let Some(exempt) = past_the_proxy(env) {
        set.extend(["NO_PROXY", "no_proxy"].map(|name| (name, Zeroizing::new(exempt.clone()))));
    }
    set.push(("AWS_CONTAINER_AUTHORIZATION_TOKEN", Zeroizing::new(offer.token.expose().to_owned())));
    let (listener, address) = Listener::on_free_port().await?;
    // A literal address, because some SDKs accept no name.
    let uri = format!("http://{address}{}", offer.path());
    set.push(("AWS_CONTAINER_CREDENTIALS_FULL_URI", Zeroizing::new(uri)));
    let site = Site { offers: vec![offer], metadata_service: None };
    Ok((Server::new(site, sockets, Box::new(trace_event)), listener))
}

fn trace_event(event: &Event) {
    if let Event::Refused { caller, reason, .. } = event {
        trace::step(|| format!("a request of {caller} was refused: {reason}"));
    }
}

/// Returns the no-proxy list with the endpoint added, because a client that takes its proxy from a variable would
/// otherwise send the token to the proxy. `None` if there is no proxy, or it is not used for any host.
fn past_the_proxy(env: &Environment) -> Option<String> {
    let text = |name: &str| env.os_var(name).and_then(|value| value.into_string().ok());
    ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"].iter().find(|name| env.os_var(name).is_some())?;
    match text("no_proxy").or_else(|| text("NO_PROXY")) {
        None => Some(String::from("127.0.0.1")),
        Some(hosts) if hosts.trim() == "*" => None,
        Some(hosts) => Some(format!("{hosts},127.0.0.1")),
    }
}

/// Returns the variables that hold keys and passwords of this program.
fn own_secrets(identity: &IdentitySource) -> Vec<String> {
    let named = inputs(identity).chain(pins(identity)).filter_map(|input| match input {
        Input::Variable(name) => Some(name.clone()),
        Input::Descriptor(_)
        | Input::Path(_)
        | Input::Pkcs11Uri(_)
        | Input::StandardInput
        | Input::TpmHandle(_) => None,
    });
    // A variable may hold the private key itself, and any URI a PIN.
    let inputs = ["certificate", "private-key", "intermediates"];
    let secret =
        SETTINGS.iter().filter(|setting| setting.kind == Kind::Secret || inputs.contains(&setting.name));
    named.chain(secret.filter_map(Setting::variable)).collect()
}
