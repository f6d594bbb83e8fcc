//! `update`: keeps a profile of the AWS credentials file fresh.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};

use super::args::{Needs, Spec, Words};
use super::log::Log;
use super::renewable::renewable;
use super::report::{self, Failure};
use super::settings::table::{Group, Kind, Setting};
use super::stop::{SignalRequest, Signals};
use super::{CalledAs, Invocation, provider};
use crate::aws_file::{AwsFile, AwsFileError, Kind as FileKind};
use crate::cache::ServerVerification;
use crate::cache::failure::Fallback;
use crate::cache::freshness::Freshness;
use crate::clock::{Clock as _, SystemClock, describe_seconds};
use crate::credentials_file::refresher::{Event, Obtained, Problem, ProfileRefresher, Source};
use crate::credentials_file::{Gate, Written};
use crate::diagnostic::Fault;
use crate::env::Environment;
use crate::http::runtime::{RuntimeError, block_on};
use crate::ini::Section;
use crate::provider::{MinimumRemaining, Provider, ProviderError, SessionSource};
use crate::text::quoted;

const PROFILE: Setting =
    Setting::flag("profile", Kind::Text("PROFILE"), "the profile to write [default: NAME, else 'default']");
const ONCE: Setting = Setting::flag("once", Kind::Boolean, "write the profile once, and end");
const FAIL_FAST: Setting = Setting::flag("fail-fast", Kind::Boolean, "end at the first failure");

/// `anyrole update`.
pub(super) const SPEC: Spec = Spec {
    name: "update",
    about: "Keeps a profile of the AWS credentials file fresh.",
    words: Words::Session,
    groups: Group::ALL,
    flags: &[PROFILE, ONCE, FAIL_FAST],
    more: "\
Writes a profile of ~/.aws/credentials, or of the file of AWS_SHARED_CREDENTIALS_FILE, until it is
stopped:
  anyrole update deploy
  anyrole update deploy --profile default --once

It is for programs that read keys from that file and cannot run credential_process. Most of them read
it only once: for what runs longer than half a session, take anyrole exec.

The keys of one profile are replaced at half of the session's lifetime; all else in the file stays
as it is, byte for byte. The file is exchanged whole: a reader sees the old one or the new one,
whenever anything is killed. Several anyrole update may write one file, each its profile. What
others change meanwhile is kept; where they take the keys away, these are written again.

A failure leaves the file as it is, and is tried again after 5 seconds, later every minute.
Each write and each failure is a line on the standard error. SIGTERM and SIGINT end it with exit
status 0, between two writes; SIGHUP has it look and try at once.

A new file has mode 0600, a new ~/.aws 0700; the mode of an existing file is kept. As root, it
refuses a file, link or folder that another user owns or can write: run it as that user.
",
    needs: Needs::Everything,
    run,
};

/// The provider of the session, as the source of what keeps the profile fresh.
struct Renewal {
    provider: Provider<Box<dyn SessionSource>>,
    name: Option<String>,
    env: Environment,
}

impl Renewal {
    fn problem(&self, error: ProviderError) -> Problem {
        provider::failure_of(error, &self.provider, self.name.as_deref(), &self.env).0
    }
}

impl Source for Renewal {
    fn session(&self) -> Obtained {
        let obtained = self.provider.session(MinimumRemaining::Background);
        let failure = || self.provider.status().ok()?.failure;
        match obtained {
            Ok(entry) => {
                let half = entry.lifetime() / 2;
                let last = match entry.freshness(SystemClock.now(), half) {
                    Freshness::Fresh => None,
                    // The provider silently returns the last good session if there can be no new one.
                    Freshness::Stale | Freshness::Expired => failure(),
                };
                let fallback = Fallback::ValidEntry { until: entry.usable_until };
                let next_try = last.as_ref().and_then(|failure| failure.next_try_beside(fallback));
                let problem =
                    last.map(|failure| self.problem(ProviderError::Shared { failure: Box::new(failure) }));
                Obtained { entry: Some(entry), problem, next_try }
            }
            Err(error) => {
                // Until then the provider would only repeat the refusal.
                let next_try = failure().filter(|failure| failure.report.fault == Fault::Refused);
                let next_try = next_try.map(|failure| failure.next_try);
                Obtained { entry: None, problem: Some(self.problem(error)), next_try }
            }
        }
    }
}

/// How long the command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    AtFailure,
    WhenStopped,
}

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let lenient = invocation.called_as == CalledAs::OfficialHelper;
    let env = invocation.env;
    let profile = invocation.typed.flag(PROFILE.name).or_else(|| invocation.name()).unwrap_or("default");
    let settings = invocation.settings()?.session(env, lenient)?;
    let section = Section::plain(profile).map_err(AwsFileError::Profile)?;
    let file = AwsFile::locate(FileKind::Credentials, env)?;
    let once = invocation.has(&ONCE);
    if !once {
        renewable(SPEC.name, &settings.identity)?;
    }
    let ends = if invocation.has(&FAIL_FAST) { Ends::AtFailure } else { Ends::WhenStopped };
    let provider = provider::provider(settings, env)?;
    let reporter = EventReporter {
        log: Log::of(invocation),
        profile: profile.to_owned(),
        file: quoted(&file.path().to_string_lossy()),
        verification: provider.spec().server_verification,
        told_exposure: false,
    };
    let source = Renewal { provider, name: invocation.name().map(str::to_owned), env: env.clone() };
    let gate = Arc::new(Gate::default());
    let refresher =
        ProfileRefresher::new(file, section, Box::new(source), Arc::new(SystemClock), Arc::clone(&gate));
    if once {
        return write_once(refresher, &reporter.log, ends);
    }
    report::log(SPEC.name, &format!("keeps the profile [{profile}] of {} fresh", reporter.file));
    block_on(until_stopped(refresher, reporter, ends, gate))?
}

/// Writes the profile without output; a session that could not be renewed but still works is good enough, unless no
/// failure is allowed.
fn write_once(mut refresher: ProfileRefresher, log: &Log, ends: Ends) -> Result<(), Failure> {
    let (events, _) = refresher.step();
    let holds = refresher.holds_session();
    let mut failed = None;
    for event in events {
        match event {
            Event::Failed { problem, .. } => failed = failed.or(Some(problem)),
            Event::Wrote { written: Written { static_key: Some(key), .. }, .. } => {
                // Its secret part is overwritten, which nobody should discover only later.
                report::remark(&format!("the session is in place of the static access key {key}"));
            }
            Event::Wrote { .. } => {}
        }
    }
    match failed {
        Some(problem) if !holds || ends == Ends::AtFailure => {
            log.failure(problem.as_ref());
            Err(Failure::Told(problem))
        }
        Some(_) | None => Ok(()),
    }
}

/// Keeps the profile fresh in a separate thread, which a signal does not wait for: it may hang on the network.
async fn until_stopped(
    refresher: ProfileRefresher,
    reporter: EventReporter,
    ends: Ends,
    gate: Arc<Gate>,
) -> Result<(), Failure> {
    let mut signals = Signals::catch().map_err(RuntimeError::from)?;
    let (ended, mut end) = tokio::sync::oneshot::channel();
    let (look, looks) = mpsc::channel();
    let started = std::thread::Builder::new().name(String::from(SPEC.name)).spawn(move || {
        // The receiver is gone if the program is ending.
        let _ = ended.send(keep(refresher, reporter, ends, &looks));
    });
    started.map_err(RuntimeError::from)?;
    loop {
        tokio::select! {
            problem = &mut end => return match problem {
                Ok(problem) => Err(Failure::Told(problem)),
                // It panicked, which was reported.
                Err(_) => Err(Failure::Negative),
            },
            asked = signals.next() => match asked {
                SignalRequest::Recheck => drop(look.send(())),
                SignalRequest::Stop => {
                    gate.close();
                    return Ok(());
                }
            },
        }
    }
}

/// Keeps the profile fresh until a failure that ends it.
fn keep(
    mut refresher: ProfileRefresher,
    mut reporter: EventReporter,
    ends: Ends,
    looks: &Receiver<()>,
) -> Problem {
    let mut has_written = false;
    loop {
        let (events, wait) = refresher.step();
        has_written |= refresher.holds_session();
        for event in events {
            match event {
                // An error in the command itself will not go away.
                Event::Failed { problem, .. }
                    if ends == Ends::AtFailure || (problem.fault() == Fault::Usage && !has_written) =>
                {
                    reporter.log.failure(problem.as_ref());
                    return problem;
                }
                event @ (Event::Failed { .. } | Event::Wrote { .. }) => reporter.tell(event),
            }
        }
        match looks.recv_timeout(wait) {
            Ok(()) => refresher.check_now(),
            // The sender lives as long as the program.
            Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Reports the events, one line each.
struct EventReporter {
    log: Log,
    profile: String,
    /// Its path, in quotes.
    file: String,
    verification: ServerVerification,
    told_exposure: bool,
}

impl EventReporter {
    fn tell(&mut self, event: Event) {
        let Self { profile, file, .. } = self;
        match event {
            Event::Failed { problem, next } => {
                self.log.failure(problem.as_ref());
                let next = describe_seconds(next.as_secs());
                report::log(
                    SPEC.name,
                    &format!("{}; tried again in {next}", report::one_line(problem.as_ref())),
                );
            }
            Event::Wrote { access_key_id, expiration, written } => {
                let Written { static_key, exposure, .. } = written;
                let mut line = format!(
                    "wrote {access_key_id}, which expires at {expiration}, to the profile [{profile}]"
                );
                if let Some(static_key) = static_key {
                    line.push_str(&format!(", in place of the static access key {static_key}"));
                }
                match self.verification {
                    ServerVerification::Off => {
                        line.push_str("; warning: the server was not verified (no-verify-ssl)")
                    }
                    ServerVerification::On => {}
                }
                report::log(SPEC.name, &line);
                if let Some(mode) = exposure.filter(|_| !self.told_exposure) {
                    let warning = format!(
                        "warning: the mode of {file} is {mode:04o}, which is more than its owner's; chmod 600 closes it"
                    );
                    report::log(SPEC.name, &warning);
                    self.told_exposure = true;
                }
            }
        }
    }
}
