//! The signals that a long-running command reacts to.

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignalRequest {
    /// To check everything again now: SIGHUP, unless a terminal was closed.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there is no such signal"))]
    Recheck,
    /// To end, which is not a failure: SIGTERM, SIGINT, or a closed terminal.
    Stop,
}

#[cfg(unix)]
mod system {
    use std::io;

    use tokio::signal::unix::{Signal, SignalKind, signal};

    use super::SignalRequest;
    use crate::process::ignored_signals;

    /// The signals; `None` for one that is ignored: SIGHUP under nohup, SIGINT in the background of a script.
    pub(in super::super) struct Signals {
        hangup: Option<Signal>,
        interrupt: Option<Signal>,
        terminate: Option<Signal>,
        has_terminal: bool,
    }

    impl Signals {
        pub(in super::super) fn catch() -> io::Result<Self> {
            let ignored = ignored_signals();
            let catch =
                |kind: SignalKind| (!ignored.contains(kind.as_raw_value())).then(|| signal(kind)).transpose();
            Ok(Self {
                hangup: catch(SignalKind::hangup())?,
                interrupt: catch(SignalKind::interrupt())?,
                terminate: Some(signal(SignalKind::terminate())?),
                has_terminal: std::fs::File::open("/dev/tty").is_ok(),
            })
        }

        pub(in super::super) async fn next(&mut self) -> SignalRequest {
            tokio::select! {
                () = arrival(&mut self.hangup) => if self.has_terminal { SignalRequest::Stop } else { SignalRequest::Recheck },
                () = arrival(&mut self.interrupt) => SignalRequest::Stop,
                () = arrival(&mut self.terminate) => SignalRequest::Stop,
            }
        }
    }

    async fn arrival(signal: &mut Option<Signal>) {
        match signal {
            Some(caught) => drop(caught.recv().await),
            None => std::future::pending().await,
        }
    }
}

#[cfg(not(unix))]
mod system {
    use std::io;

    use super::SignalRequest;

    /// Ctrl-C, on systems without signals.
    pub(in super::super) struct Signals;

    impl Signals {
        #[expect(clippy::unnecessary_wraps, reason = "as where there are signals")]
        pub(in super::super) fn catch() -> io::Result<Self> {
            Ok(Self)
        }

        pub(in super::super) async fn next(&mut self) -> SignalRequest {
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending().await
            }
            SignalRequest::Stop
        }
    }
}

pub(super) use system::Signals;
