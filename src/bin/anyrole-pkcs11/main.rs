//! `anyrole-pkcs11`: the one process that loads a PKCS#11 module.
//!
//! A module is foreign code: it crashes, hangs, forks, prints, installs signal handlers and reads the memory that it is in. So it is here,
//! and `anyrole` talks to it over this program's standard input and output (`anyrole::signer::pkcs11::wire`). The PIN comes in a message,
//! never in the arguments or the environment. This program reads no file, asks nobody, and ends when its input ends.

#[cfg(all(unix, not(target_feature = "crt-static")))]
mod module;
#[cfg(all(unix, not(target_feature = "crt-static")))]
mod refusal;
#[cfg(all(unix, not(target_feature = "crt-static")))]
mod signing;

use std::process::ExitCode;

#[cfg(all(unix, not(target_feature = "crt-static")))]
fn main() -> ExitCode {
    serving::run()
}

/// A static program has no loader, so it can load no module.
#[cfg(not(all(unix, not(target_feature = "crt-static"))))]
fn main() -> ExitCode {
    ExitCode::from(2)
}

#[cfg(all(unix, not(target_feature = "crt-static")))]
mod serving {
    //! Reads requests and writes replies.

    use std::fs::File;
    use std::os::fd::AsFd as _;
    use std::process::ExitCode;
    use std::sync::mpsc::{self, RecvTimeoutError};
    use std::thread;
    use std::time::Duration;

    use anyrole::process;
    use anyrole::signer::pkcs11::wire::{
        PROTOCOL, Refused, RefusedKind, Reply, Request, read_frame, write_frame,
    };
    use rustix::fs::{Mode, OFlags};
    use rustix::io::fcntl_dupfd_cloexec;
    use zeroize::Zeroizing;

    use super::module::Module;

    /// As large as the first thread's: modules expect that much.
    const STACK: usize = 8 * 1024 * 1024;
    /// How long a module may take to close its token at the end.
    const FAREWELL: Duration = Duration::from_millis(500);

    /// Serves until the input ends.
    ///
    /// The module works in a thread of its own: the end of the input is the end of this process, whatever the module does.
    pub(super) fn run() -> ExitCode {
        if process::close_to_others().is_err() {
            return ExitCode::from(2);
        }
        let Ok((mut requests, replies)) = own_pipes() else { return ExitCode::from(2) };
        let (to_worker, from_reader) = mpsc::channel();
        let (ended, end) = mpsc::channel::<()>();
        let worker = thread::Builder::new().stack_size(STACK).spawn(move || {
            serve(replies, &from_reader);
            drop(ended);
        });
        if worker.is_err() {
            return ExitCode::FAILURE;
        }
        while let Ok(Some(message)) = read_frame(&mut requests) {
            if to_worker.send(message).is_err() {
                return ExitCode::FAILURE;
            }
        }
        drop(to_worker);
        match end.recv_timeout(FAREWELL) {
            Ok(()) | Err(RecvTimeoutError::Disconnected) => ExitCode::SUCCESS,
            Err(RecvTimeoutError::Timeout) => ExitCode::FAILURE,
        }
    }

    /// Takes the standard streams away from the module: what it prints or reads must not meet the messages.
    fn own_pipes() -> rustix::io::Result<(File, File)> {
        let own = |stream: std::os::fd::BorrowedFd<'_>| fcntl_dupfd_cloexec(stream, 3).map(File::from);
        let pipes = (own(std::io::stdin().as_fd())?, own(rustix::stdio::stdout())?);
        let nowhere = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
        rustix::stdio::dup2_stdin(&nowhere)?;
        rustix::stdio::dup2_stdout(&nowhere)?;
        Ok(pipes)
    }

    fn serve(mut replies: File, requests: &mpsc::Receiver<Zeroizing<Vec<u8>>>) {
        let hello = Reply::Hello { protocol: PROTOCOL, version: String::from(env!("CARGO_PKG_VERSION")) };
        let mut module = None;
        let mut sent = write_frame(&mut replies, &hello.encode());
        while sent.is_ok()
            && let Ok(message) = requests.recv()
        {
            let Ok(request) = Request::decode(&message) else { return };
            drop(message);
            sent = write_frame(&mut replies, &answer(&mut module, request).encode());
        }
    }

    fn answer(module: &mut Option<Module>, request: Request) -> Reply {
        let answered = match (request, module) {
            (Request::Load(path), none @ None) => Module::load(&path).map(|(loaded, library)| {
                *none = Some(loaded);
                Reply::Loaded(library)
            }),
            (Request::Tokens, Some(module)) => module.tokens().map(Reply::Tokens),
            (Request::Find { slot, class, label, id }, Some(module)) => {
                module.find(slot, class, label.as_deref(), id.as_deref()).map(Reply::Objects)
            }
            (Request::Login { slot, pin }, Some(module)) => {
                module.log_in(slot, pin.as_ref()).map(|()| Reply::LoggedIn)
            }
            (Request::Sign(request), Some(module)) => module.sign(&request).map(Reply::Signature),
            (
                Request::Load(_)
                | Request::Tokens
                | Request::Find { .. }
                | Request::Login { .. }
                | Request::Sign(_),
                _,
            ) => Err(Refused { kind: RefusedKind::Other, text: String::from("asked out of turn") }),
        };
        answered.unwrap_or_else(Reply::Refused)
    }
}
