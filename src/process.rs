//! Protects this process from others: no core dump, no debugger, no elevated privileges.

/// The process runs with privileges that its caller does not have: a setuid or setgid copy, or file capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this copy of the program runs with privileges its caller does not have")]
pub struct BorrowedPrivileges;

/// Closes the process to other processes of the same user; must be called before anything is read.
///
/// On Linux the process becomes non-dumpable, so that no debugger can attach and `/proc/PID/{mem,environ,fd}` belong to
/// root. On every Unix the core file limit becomes zero. What the system does not allow is skipped.
///
/// # Errors
///
/// Fails if the program was started with privileges that its caller does not have: it would use them to read files that
/// the caller names.
#[cfg(unix)]
pub fn close_to_others() -> Result<(), BorrowedPrivileges> {
    use rustix::process::{Resource, Rlimit, getegid, geteuid, getgid, getuid, setrlimit};

    if getuid() != geteuid() || getgid() != getegid() || was_started_secure() {
        return Err(BorrowedPrivileges);
    }
    // A limit can always be lowered; if a sandbox forbids the call, the process is no worse off than before.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    Ok(())
}

/// Does nothing, because this operating system has none of this.
///
/// # Errors
///
/// Never fails here.
#[cfg(not(unix))]
pub const fn close_to_others() -> Result<(), BorrowedPrivileges> {
    Ok(())
}

/// Returns how many descriptors this process may have at once (`RLIMIT_NOFILE`); `None` if there is no limit.
#[cfg(unix)]
pub fn most_descriptors() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

/// This system has no such limit.
#[cfg(not(unix))]
pub const fn most_descriptors() -> Option<u64> {
    None
}

/// The signals that the process was started with as ignored.
#[derive(Clone, Copy, Debug)]
pub struct IgnoredSignals(u64);

impl IgnoredSignals {
    /// Returns whether the signal with this number is ignored, like SIGHUP under nohup, or SIGINT in the background of
    /// a script.
    pub fn contains(self, signal: i32) -> bool {
        u32::try_from(signal - 1)
            .is_ok_and(|place| self.0.checked_shr(place).is_some_and(|mask| mask & 1 == 1))
    }
}

/// Returns the signals that this process was started with as ignored, according to `/proc`: the lowest bit is signal 1.
/// None if there is no `/proc`.
pub fn ignored_signals() -> IgnoredSignals {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    IgnoredSignals(mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0))
}

/// Returns the process id of the parent; `None` if there is none to wait for, or the system does not show it.
///
/// A process whose parent has ended gets another one. (The kernel's own signal for this follows the parent's *thread*,
/// and would end a child of a program that starts children from threads.)
pub fn parent() -> Option<i32> {
    #[cfg(unix)]
    return rustix::process::getppid().map(|id| id.as_raw_nonzero().get()).filter(|id| *id > 1);
    #[cfg(not(unix))]
    return None;
}

/// Returns the name of the program that started this one, as the system shows it; `None` if it does not.
pub fn parent_name() -> Option<String> {
    let mut name = String::new();
    let file = std::fs::File::open(format!("/proc/{}/comm", parent()?)).ok()?;
    // The kernel stores 15 octets of it.
    std::io::Read::read_to_string(&mut std::io::Read::take(file, 64), &mut name).ok()?;
    Some(name.trim_end().to_owned())
}

/// Returns whether the program was started with more privileges than its caller has, including file capabilities.
///
/// The kernel makes a process that gains privileges by exec non-dumpable, so one system call rules out all of these.
/// Only if the process is non-dumpable, which also happens with a file that its user cannot read, does `AT_SECURE` in
/// the auxiliary vector decide. If `/proc` is missing, or `fs.suid_dumpable` is 1, only user and group are compared.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn was_started_secure() -> bool {
    use std::io::Read as _;

    use rustix::process::{DumpableBehavior, dumpable_behavior};

    if dumpable_behavior() == Ok(DumpableBehavior::Dumpable) {
        return false;
    }
    // The kernel writes about twenty pairs, so one read gets all of them.
    let mut vector = [0; 1024];
    std::fs::File::open("/proc/self/auxv")
        .and_then(|mut file| file.read(&mut vector))
        .is_ok_and(|length| secure_entry(&vector[..length]))
}

/// On other Unixes only user and group are compared.
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
const fn was_started_secure() -> bool {
    false
}

/// Returns whether the vector of `(type, value)` pairs, each a machine word, holds a true `AT_SECURE`.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn secure_entry(vector: &[u8]) -> bool {
    /// From `<elf.h>`.
    const AT_SECURE: usize = 23;
    let mut words = vector.as_chunks().0.iter().map(|word| usize::from_ne_bytes(*word));
    while let (Some(kind), Some(value)) = (words.next(), words.next()) {
        if kind == AT_SECURE {
            return value != 0;
        }
    }
    false
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_found_by_its_number() {
        let ignored = IgnoredSignals(0b101);
        assert_eq!(
            [0, 1, 2, 3, 64, 65].map(|signal| ignored.contains(signal)),
            [false, true, false, true, false, false]
        );
    }

    #[test]
    fn the_secure_entry_is_found() {
        let vector = |pairs: &[(usize, usize)]| -> Vec<u8> {
            pairs
                .iter()
                .flat_map(|(kind, value)| [kind.to_ne_bytes(), value.to_ne_bytes()].concat())
                .collect()
        };
        assert!(secure_entry(&vector(&[(6, 4096), (23, 1), (0, 0)])));
        assert!(!secure_entry(&vector(&[(6, 23), (23, 0), (0, 0)])));
        assert!(!secure_entry(&vector(&[(6, 23), (23, 1)])[..24]));
    }
}
