//! The steps that `--debug` reports as they happen, each with the time since the start.
//!
//! There is one listener, chosen once per process. Without one, a step costs a look at a variable, and its text is
//! never built. A step contains no secret, no signature and no body; quoted text passes through `text` as in every
//! message.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Receives a step: the time since the start, and what is being done.
pub type Listener = fn(Duration, &str);

/// The listener, and the start of the clock.
static LISTENER: OnceLock<(Instant, Listener)> = OnceLock::new();

/// Starts reporting steps, for the rest of the process.
pub fn begin(tell: Listener) {
    // A second call changes nothing.
    let _ = LISTENER.set((Instant::now(), tell));
}

/// Reports a step; `text` is called only if there is a listener.
pub fn step(text: impl FnOnce() -> String) {
    if let Some((begun, tell)) = LISTENER.get() {
        tell(begun.elapsed(), &text());
    }
}
