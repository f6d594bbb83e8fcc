//! Waiting for what other threads and processes do, with a bound that only a failing test meets.

use std::time::Duration;

/// Returns as soon as the condition holds.
///
/// # Panics
///
/// Panics if it does not hold within a minute.
pub(crate) fn wait_until(mut condition: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it did not come to that within a minute");
}
