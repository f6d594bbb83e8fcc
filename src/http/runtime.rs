//! The async runtime of one call; it exists only while something is sent.

use std::future::Future;
use std::io;

use crate::diagnostic::{Diagnostic, Fact, Fault};

/// The ids of this module's error.
pub const IDS: &[&str] = &["runtime"];

/// The most descriptors needed to wait for the network: epoll and its waker, three for signals, the connection, and two
/// for the name service and the files it reads.
const DESCRIPTORS: usize = 8;

/// The operating system offers no way to wait for the network.
#[derive(Debug, thiserror::Error)]
#[error("cannot wait for the network")]
pub struct RuntimeError {
    source: io::Error,
    /// How many descriptors the process may have, if there are too few.
    limit: Option<u64>,
}

impl From<io::Error> for RuntimeError {
    /// Converts an error in waiting for anything else, such as a signal.
    fn from(source: io::Error) -> Self {
        Self { source, limit: None }
    }
}

impl Diagnostic for RuntimeError {
    fn id(&self) -> &'static str {
        "runtime"
    }

    fn fault(&self) -> Fault {
        Fault::Local
    }

    fn facts(&self) -> Vec<Fact> {
        let told = self.limit.map(|limit| {
            let text = format!("this process may have {limit} at once (RLIMIT_NOFILE), and needs {DESCRIPTORS} more than it has");
            Fact::new("open files", text)
        });
        told.into_iter().collect()
    }

    fn hint(&self) -> Option<String> {
        self.limit.map(|_| {
            String::from("allow 64 open files: ulimit -n 64 in a shell, LimitNOFILE=64 in a systemd unit")
        })
    }
}

/// Runs one future to completion on this thread.
///
/// # Errors
///
/// Fails if the operating system provides no descriptors to wait with.
pub fn block_on<F: Future>(future: F) -> Result<F::Output, RuntimeError> {
    reserve_descriptors()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| RuntimeError { source, limit: None })?;
    Ok(runtime.block_on(future))
}

/// Checks that there are enough descriptors, by opening and closing that many.
///
/// Otherwise the shortage appears late and as something else: tokio panics, or the name lookup fails. The check takes
/// ten microseconds of a call that takes milliseconds.
#[cfg(unix)]
fn reserve_descriptors() -> Result<(), RuntimeError> {
    let pipes: Result<Vec<_>, io::Error> = (0..DESCRIPTORS / 2).map(|_| io::pipe()).collect();
    pipes.map(drop).map_err(|source| RuntimeError { source, limit: crate::process::most_descriptors() })
}

/// Does nothing, because the system has no such limit.
#[cfg(not(unix))]
fn reserve_descriptors() -> Result<(), RuntimeError> {
    Ok(())
}
