//! Runs one command, passes signals on to it, and returns how it ended.

mod shadow;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::process::ExitStatus;

use tokio::process::Command;
use zeroize::Zeroizing;

pub use shadow::{Shadow, shadow};

use crate::diagnostic::{Diagnostic, Fault};
use crate::text::quoted;

/// The ids of this module's error.
pub const IDS: &[&str] = &["command-not-run"];

/// The variables that would lead an SDK to other credentials.
pub const SHADOWING: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    // Older names, which the SDKs for Go (and so Terraform), Java 1 and Ruby still read.
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AMAZON_ACCESS_KEY_ID",
    "AMAZON_SECRET_ACCESS_KEY",
    "AMAZON_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_ACCOUNT_ID",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_CREDENTIAL_FILE",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// The command could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot run the command {}", quoted(&program.to_string_lossy()))]
pub struct ExecError {
    program: OsString,
    source: io::Error,
}

impl ExecError {
    /// Returns the exit status that shells use: 127 if the command does not exist, 126 if it cannot be run.
    pub fn exit_status(&self) -> u8 {
        if self.source.kind() == io::ErrorKind::NotFound { 127 } else { 126 }
    }
}

impl Diagnostic for ExecError {
    fn id(&self) -> &'static str {
        "command-not-run"
    }

    fn fault(&self) -> Fault {
        Fault::Local
    }

    fn hint(&self) -> Option<String> {
        let is_there = Path::new(&self.program).exists();
        Some(if self.source.kind() == io::ErrorKind::NotFound && !is_there {
            String::from(
                "give its full path; no shell looks at the command, so an alias or a builtin needs sh -c '…'",
            )
        } else {
            String::from(
                "see that it may be executed: ls -l shows its mode, and a script's first line names a program that is there",
            )
        })
    }
}

/// Runs a command, given as a program and its arguments, with this process's environment plus `set` and without
/// `removed`; passes on every signal that asks for something, and returns the exit status that a shell would return.
///
/// Signals are caught before it starts, so that none ends only this process; if the future is dropped, the command is
/// killed.
///
/// # Errors
///
/// Fails if the command does not exist or cannot be run.
pub async fn run(
    command: &[OsString],
    removed: &[String],
    set: &[(&str, Zeroizing<String>)],
) -> Result<u8, ExecError> {
    let (program, arguments) =
        command.split_first().map_or((OsStr::new(""), command), |(program, rest)| (program, rest));
    let failed = |source| ExecError { program: program.to_owned(), source };
    let mut signals = signals::Signals::catch().map_err(failed)?;
    let mut command = Command::new(program);
    command.args(arguments).kill_on_drop(true);
    for name in removed {
        command.env_remove(name);
    }
    let mut child =
        command.envs(set.iter().map(|(name, value)| (name, value.as_str()))).spawn().map_err(failed)?;
    loop {
        tokio::select! {
            ended = child.wait() => return ended.map(exit_status).map_err(failed),
            signal = signals.next() => signals::pass_on(&child, signal),
        }
    }
}

/// Returns the exit status as shells do: 128 plus the number of the signal that ended it, if one did.
fn exit_status(ended: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&ended) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    ended.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

#[cfg(unix)]
mod signals {
    use std::io;

    use rustix::process::{Pid, Signal, getpgrp, kill_process};
    use tokio::process::Child;
    use tokio::signal::unix::{Signal as Caught, SignalKind, signal};

    use crate::process::ignored_signals;

    /// The signals meant for the command; `None` for one that is ignored, as under nohup, and stays ignored in the
    /// command.
    pub(super) struct Signals {
        hangup: Option<Caught>,
        interrupt: Option<Caught>,
        quit: Option<Caught>,
        terminate: Option<Caught>,
        user1: Option<Caught>,
        user2: Option<Caught>,
        /// Only caught, because while it is ignored the system discards how a child ended.
        _child: Caught,
    }

    impl Signals {
        pub(super) fn catch() -> io::Result<Self> {
            let ignored = ignored_signals();
            let catch =
                |kind: SignalKind| (!ignored.contains(kind.as_raw_value())).then(|| signal(kind)).transpose();
            Ok(Self {
                hangup: catch(SignalKind::hangup())?,
                interrupt: catch(SignalKind::interrupt())?,
                quit: catch(SignalKind::quit())?,
                terminate: catch(SignalKind::terminate())?,
                user1: catch(SignalKind::user_defined1())?,
                user2: catch(SignalKind::user_defined2())?,
                _child: signal(SignalKind::child())?,
            })
        }

        pub(super) async fn next(&mut self) -> Signal {
            tokio::select! {
                () = arrival(&mut self.hangup) => Signal::HUP,
                () = arrival(&mut self.interrupt) => Signal::INT,
                () = arrival(&mut self.quit) => Signal::QUIT,
                () = arrival(&mut self.terminate) => Signal::TERM,
                () = arrival(&mut self.user1) => Signal::USR1,
                () = arrival(&mut self.user2) => Signal::USR2,
            }
        }
    }

    async fn arrival(signal: &mut Option<Caught>) {
        match signal {
            Some(caught) => drop(caught.recv().await),
            None => std::future::pending().await,
        }
    }

    /// Sends a signal to the command, unless the terminal has done so already: Ctrl-C and Ctrl-\ reach every process in
    /// the foreground, and Terraform takes a second one as a request to stop at once.
    pub(super) fn pass_on(child: &Child, signal: Signal) {
        let from_terminal = matches!(signal, Signal::INT | Signal::QUIT) && is_in_foreground();
        let process = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(process) = process
            && !from_terminal
        {
            // The command may have ended in the meantime, which is noticed next.
            let _ = kill_process(process, signal);
        }
    }

    fn is_in_foreground() -> bool {
        std::fs::File::open("/dev/tty")
            .ok()
            .and_then(|terminal| rustix::termios::tcgetpgrp(terminal).ok())
            .is_some_and(|foreground| foreground == getpgrp())
    }
}

/// Without signals, Ctrl-C reaches the command directly; this program waits for it to end.
#[cfg(not(unix))]
mod signals {
    use std::io;

    use tokio::process::Child;

    pub(super) struct Signals;

    impl Signals {
        #[expect(clippy::unnecessary_wraps, reason = "as where there are signals")]
        pub(super) fn catch() -> io::Result<Self> {
            Ok(Self)
        }

        pub(super) async fn next(&mut self) {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending().await
            }
        }
    }

    pub(super) fn pass_on(_child: &Child, _signal: ()) {}
}
