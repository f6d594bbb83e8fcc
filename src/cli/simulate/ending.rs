//! What ends a simulator: a signal, or the end of the process that started it.

use std::time::Duration;

use crate::process;

/// How often to check for the parent.
const PARENT_INTERVAL: Duration = Duration::from_millis(500);

/// Catches Ctrl-C and SIGTERM from now on, and returns a future that waits for them; signals that cannot be caught end
/// the process.
#[cfg(unix)]
pub(in crate::cli) fn asked() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};

    let signals = signal(SignalKind::interrupt())
        .and_then(|interrupt| signal(SignalKind::terminate()).map(|terminate| (interrupt, terminate)));
    async {
        let Ok((mut interrupt, mut terminate)) = signals else { return std::future::pending().await };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

/// Waits for Ctrl-C; if it cannot be caught, it ends the process.
#[cfg(not(unix))]
pub(in crate::cli) async fn asked() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// Waits until the process has a different parent than at its start.
pub(super) async fn orphaned(parent: Option<i32>) {
    if parent.is_none() {
        return std::future::pending().await;
    }
    while process::parent() == parent {
        tokio::time::sleep(PARENT_INTERVAL).await;
    }
}
