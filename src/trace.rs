//! What `--debug` tells while it happens: each step with the time since the start.
//!
//! Steps are told to one place, chosen once for the process. Where nobody asked for them a step costs one look at a variable, and
//! its text is never made. A step holds no secret, no signature and no body; what it quotes passes through `text` like every message.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Takes a step: the time since the start, and what is done.
pub type Listener = fn(Duration, &str);

/// Who is told, and since when time is counted.
static LISTENER: OnceLock<(Instant, Listener)> = OnceLock::new();

/// Begins to tell steps, for the rest of the process.
pub fn begin(tell: Listener) {
    // A second call changes nothing.
    let _ = LISTENER.set((Instant::now(), tell));
}

/// Tells a step; `text` is asked for only if somebody listens.
pub fn step(text: impl FnOnce() -> String) {
    if let Some((begun, tell)) = LISTENER.get() {
        tell(begun.elapsed(), &text());
    }
}
