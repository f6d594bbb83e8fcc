//! The helper `anyrole-pkcs11`: where it is, how it is started, and what it answers in time.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::error::{Pkcs11Error, named};
use super::wire::{Library, PROTOCOL, Refused, RefusedKind, Reply, Request, read_frame, write_frame};
use crate::private_file;

/// What the helper is called.
pub const NAME: &str = if cfg!(windows) { "anyrole-pkcs11.exe" } else { "anyrole-pkcs11" };
/// How long the helper may take to say that it is there.
const GREETING: Duration = Duration::from_secs(10);
/// How long it may take to end after its input ended.
const FAREWELL: Duration = Duration::from_secs(1);
/// The pause between two looks whether it has ended.
const PAUSE: Duration = Duration::from_millis(1);
/// How long a signature may take before the person in front of the token is told that it may wait for them.
const UNNOTICED: Duration = Duration::from_secs(1);

/// A running helper with a module in it.
#[derive(Debug)]
pub(super) struct Program {
    child: Child,
    requests: Option<ChildStdin>,
    replies: Receiver<std::io::Result<Option<Zeroizing<Vec<u8>>>>>,
    /// The module, as errors name it.
    module: String,
    /// Whether it has to be ended: it did not answer, or not in order.
    is_lost: bool,
}

/// Finds the helper: `given` by the user, else beside this program, else where packages put it.
///
/// It is judged as a module is: nobody but root and the caller can have written it, or any folder above it.
pub(super) fn find(given: Option<&Path>) -> Result<PathBuf, Pkcs11Error> {
    let unusable = |path: &Path, why: String| Pkcs11Error::HelperUnusable { program: named(path), why };
    let judged = |path: PathBuf| {
        private_file::judge_trusted(&path).map_err(|error| unusable(&path, error.reason.to_string()))?;
        Ok(path)
    };
    if let Some(given) = given {
        return judged(std::path::absolute(given).map_err(|error| unusable(given, error.to_string()))?);
    }
    let places = places(std::env::current_exe().ok().as_deref());
    match places.iter().find(|path| path.exists()) {
        Some(found) => judged(found.clone()),
        None => Err(Pkcs11Error::HelperMissing { searched: places.iter().map(|path| named(path)).collect() }),
    }
}

/// Returns where the helper may be, seen from this program.
fn places(program: Option<&Path>) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Some(folder) = program.and_then(Path::parent) {
        folders.push(folder.to_owned());
        if let Some(prefix) = folder.parent() {
            folders.extend(["libexec/anyrole", "libexec", "lib/anyrole"].map(|below| prefix.join(below)));
        }
    }
    if cfg!(unix) {
        folders.extend(["/usr/libexec/anyrole", "/usr/libexec", "/usr/lib/anyrole"].map(PathBuf::from));
    }
    let mut places: Vec<PathBuf> = Vec::new();
    for place in folders.into_iter().map(|folder| folder.join(NAME)) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

impl Program {
    /// Starts the helper with these variables and no others, and loads a module into it, until `deadline`.
    pub(super) fn start(
        program: &Path,
        variables: &[(String, OsString)],
        module: &Path,
        deadline: Instant,
    ) -> Result<(Self, Library), Pkcs11Error> {
        let unusable = |why: String| Pkcs11Error::HelperUnusable { program: named(program), why };
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Modules print there, the PIN among it (pkcs11-spy); and SDKs take our standard error for a part of the answer.
            .stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| unusable(error.to_string()))?;
        let (sender, replies) = mpsc::channel();
        let requests = child.stdin.take();
        if let Some(mut pipe) = child.stdout.take() {
            thread::spawn(move || {
                loop {
                    let frame = read_frame(&mut pipe);
                    let is_last = !matches!(frame, Ok(Some(_)));
                    if sender.send(frame).is_err() || is_last {
                        break;
                    }
                }
            });
        }
        let mut this = Self { child, requests, replies, module: named(module), is_lost: false };
        let left = deadline.saturating_duration_since(Instant::now());
        match this.replies.recv_timeout(left.min(GREETING)) {
            Ok(Ok(Some(message))) => match Reply::decode(&message) {
                Ok(Reply::Hello { protocol: PROTOCOL, .. }) => {}
                Ok(Reply::Hello { version, .. }) => {
                    return Err(unusable(format!(
                        "it is of version {version}, and this is anyrole {}",
                        env!("CARGO_PKG_VERSION")
                    )));
                }
                Ok(_) | Err(_) => return Err(unusable(String::from("it is another program"))),
            },
            Ok(Ok(None) | Err(_)) | Err(_) => {
                let how = this.ended();
                return Err(unusable(format!("it does not answer ({how})")));
            }
        }
        let Some(path) = module.to_str() else {
            let why = String::from("its path is not UTF-8");
            return Err(Pkcs11Error::ModuleNotLoaded { module: this.module.clone(), why });
        };
        let reply = this.ask(&Request::Load(path.to_owned()), "was being loaded", deadline, None)?;
        let Reply::Loaded(library) = reply else {
            return Err(this.out_of_turn(&reply, "was being loaded"));
        };
        Ok((this, library))
    }

    /// Returns the module, as errors name it.
    pub(super) fn module(&self) -> &str {
        &self.module
    }

    /// Asks, and waits for the answer until `deadline`; a refusal is an answer. `doing` is what the module is told to do: `was signing`.
    /// `waiting` is called once if that takes longer than a person in front of a token would think normal.
    pub(super) fn ask(
        &mut self,
        request: &Request,
        doing: &'static str,
        deadline: Instant,
        waiting: Option<&dyn Fn()>,
    ) -> Result<Reply, Pkcs11Error> {
        let begun = Instant::now();
        let sent = match &mut self.requests {
            Some(pipe) if !self.is_lost => write_frame(pipe, &request.encode()).and_then(|()| pipe.flush()),
            Some(_) | None => Err(std::io::ErrorKind::BrokenPipe.into()),
        };
        if sent.is_err() {
            return Err(self.crashed(doing));
        }
        let left = || deadline.saturating_duration_since(Instant::now());
        let mut received = self.replies.recv_timeout(left().min(UNNOTICED));
        if let (Err(RecvTimeoutError::Timeout), false) = (&received, left().is_zero()) {
            if let Some(waiting) = waiting {
                waiting();
            }
            received = self.replies.recv_timeout(left());
        }
        match received {
            Ok(Ok(Some(message))) => match Reply::decode(&message) {
                Ok(reply) => Ok(reply),
                Err(_) => Err(self.crashed(doing)),
            },
            Ok(Ok(None) | Err(_)) | Err(RecvTimeoutError::Disconnected) => Err(self.crashed(doing)),
            Err(RecvTimeoutError::Timeout) => {
                self.is_lost = true;
                let module = self.module.clone();
                Err(Pkcs11Error::ModuleHung { module, doing, after: begun.elapsed() })
            }
        }
    }

    /// Makes the error of an answer that is a refusal, or none to what was asked.
    pub(super) fn out_of_turn(&mut self, reply: &Reply, doing: &'static str) -> Pkcs11Error {
        let module = self.module.clone();
        match reply {
            Reply::Refused(Refused { kind: RefusedKind::NotLoaded, text }) => {
                Pkcs11Error::ModuleNotLoaded { module, why: text.clone() }
            }
            Reply::Refused(Refused { text, .. }) => {
                Pkcs11Error::ModuleFailed { module, doing, why: text.clone() }
            }
            Reply::Hello { .. }
            | Reply::Loaded(_)
            | Reply::LoggedIn
            | Reply::Objects(_)
            | Reply::Signature(_)
            | Reply::Tokens(_) => {
                self.is_lost = true;
                Pkcs11Error::ModuleFailed {
                    module,
                    doing,
                    why: String::from("the helper answered out of turn"),
                }
            }
        }
    }

    fn crashed(&mut self, doing: &'static str) -> Pkcs11Error {
        self.is_lost = true;
        let how = self.ended();
        Pkcs11Error::ModuleCrashed { module: self.module.clone(), doing, how }
    }

    /// Waits a moment for the helper to end, ends it if it does not, and says how it ended.
    fn ended(&mut self) -> String {
        self.requests = None;
        let begun = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return how(status),
                Ok(None) if !self.is_lost && begun.elapsed() < FAREWELL => thread::sleep(PAUSE),
                // What was told to end may be about to: its end says more than ours would.
                Ok(None) if begun.elapsed() < FAREWELL / 4 => thread::sleep(PAUSE),
                Ok(None) | Err(_) => {
                    let _ = self.child.kill();
                    let _ = self.child.wait();
                    return String::from("its process was ended");
                }
            }
        }
    }
}

/// Ends the helper: politely where it answered so far, so that the module closes its token.
impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.ended();
    }
}

#[cfg(unix)]
fn how(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.signal(), status.code()) {
        (Some(signal), _) => match signal_name(signal) {
            Some(name) => format!("{name}, signal {signal}"),
            None => format!("signal {signal}"),
        },
        (None, Some(code)) => format!("exit status {code}"),
        (None, None) => status.to_string(),
    }
}

#[cfg(not(unix))]
fn how(status: ExitStatus) -> String {
    status.to_string()
}

#[cfg(unix)]
fn signal_name(signal: i32) -> Option<&'static str> {
    use rustix::process::Signal;
    let names = [
        (Signal::ABORT, "SIGABRT"),
        (Signal::BUS, "SIGBUS"),
        (Signal::FPE, "SIGFPE"),
        (Signal::ILL, "SIGILL"),
        (Signal::KILL, "SIGKILL"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::SYS, "SIGSYS"),
    ];
    names.into_iter().find(|(one, _)| one.as_raw() == signal).map(|(_, name)| name)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_helper_is_looked_for_beside_the_program_first() {
        let places = places(Some(Path::new("/opt/anyrole/bin/anyrole")));
        let shown: Vec<_> = places.iter().map(|path| path.to_string_lossy()).collect();
        assert_eq!(shown[0], "/opt/anyrole/bin/anyrole-pkcs11");
        assert_eq!(shown[1], "/opt/anyrole/libexec/anyrole/anyrole-pkcs11");
        assert!(shown.contains(&"/usr/libexec/anyrole/anyrole-pkcs11".into()));
        assert_eq!(places.len(), 7);
    }
}
