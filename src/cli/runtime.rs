//! The async runtime of one call; it exists only where something is sent.

use std::future::Future;

use super::report::Failure;
use crate::diagnostic::{Diagnostic, Fault};

/// The operating system gave no means to wait for the network.
#[derive(Debug, thiserror::Error)]
#[error("cannot wait for the network")]
pub(super) struct RuntimeError(#[source] std::io::Error);

impl RuntimeError {
    /// The ids of this error.
    pub(super) const IDS: &[&str] = &["runtime"];
}

impl Diagnostic for RuntimeError {
    fn id(&self) -> &'static str {
        "runtime"
    }

    fn fault(&self) -> Fault {
        Fault::Local
    }
}

/// Runs one future to its end on this thread.
pub(super) fn block_on<F: Future>(future: F) -> Result<F::Output, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(RuntimeError)?;
    Ok(runtime.block_on(future))
}
