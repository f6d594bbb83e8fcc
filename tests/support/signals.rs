//! Signals that whoever runs the tests has left ignored.

/// Tells whether SIGHUP is ignored in this process and so in each program that it starts, as under `nohup`; says that a test is
/// skipped then, since ours leave such a signal ignored.
///
/// # Panics
///
/// Panics then where nothing may be skipped.
pub(crate) fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored =
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1);
    if ignored {
        super::components::skip("SIGHUP is ignored here, as nohup leaves it");
    }
    ignored
}
