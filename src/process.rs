//! What this process lets others see of itself: no core dump, no debugger, no borrowed privileges.

/// The process runs with privileges that its caller does not have: a setuid or setgid copy, or file capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this copy of the program runs with privileges its caller does not have")]
pub struct BorrowedPrivileges;

/// Closes the process to other processes of the same user; to be called before anything is read.
///
/// On Linux the process becomes not dumpable, so that no debugger attaches and `/proc/PID/{mem,environ,fd}` belong to
/// root. On every Unix the limit of core files becomes zero. What the system does not grant is left as it is.
///
/// # Errors
///
/// Fails if the program was started with privileges that its caller does not have: it reads files named by the
/// caller, and would read them for the caller with those privileges.
#[cfg(unix)]
pub fn close_to_others() -> Result<(), BorrowedPrivileges> {
    use rustix::process::{Resource, Rlimit, getegid, geteuid, getgid, getuid, setrlimit};

    if getuid() != geteuid() || getgid() != getegid() || was_started_secure() {
        return Err(BorrowedPrivileges);
    }
    // A limit can always be lowered; where a sandbox forbids the call, the process is no worse off than before.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    Ok(())
}

/// Does nothing where the operating system has none of this.
///
/// # Errors
///
/// Never fails here.
#[cfg(not(unix))]
pub const fn close_to_others() -> Result<(), BorrowedPrivileges> {
    Ok(())
}

/// Returns how many descriptors this process may have at once (`RLIMIT_NOFILE`); `None` where there is no limit.
#[cfg(unix)]
pub fn most_descriptors() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

/// The system sets no such limit.
#[cfg(not(unix))]
pub const fn most_descriptors() -> Option<u64> {
    None
}

/// The signals that a process was started to ignore.
#[derive(Clone, Copy, Debug)]
pub struct IgnoredSignals(u64);

impl IgnoredSignals {
    /// Tells whether the signal of that number is ignored, as SIGHUP is under nohup, and SIGINT in the background of a script.
    pub fn contains(self, signal: i32) -> bool {
        u32::try_from(signal - 1)
            .is_ok_and(|place| self.0.checked_shr(place).is_some_and(|mask| mask & 1 == 1))
    }
}

/// Returns the signals that this process was started to ignore, as `/proc` shows them: the lowest bit is signal 1. None where there is no
/// `/proc`.
pub fn ignored_signals() -> IgnoredSignals {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    IgnoredSignals(mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0))
}

/// Returns the process id of the parent; `None` where there is none to wait for, or the system does not tell.
///
/// A process whose parent has ended is given another one. (The kernel's own signal for that follows the parent's
/// *thread*, and would end a child of a program that starts children from threads.)
pub fn parent() -> Option<i32> {
    #[cfg(unix)]
    return rustix::process::getppid().map(|id| id.as_raw_nonzero().get()).filter(|id| *id > 1);
    #[cfg(not(unix))]
    return None;
}

/// Returns the name of the program that started this one, as the system shows it; `None` where it does not tell.
pub fn parent_name() -> Option<String> {
    let mut name = String::new();
    let file = std::fs::File::open(format!("/proc/{}/comm", parent()?)).ok()?;
    // The kernel keeps 15 octets of it.
    std::io::Read::read_to_string(&mut std::io::Read::take(file, 64), &mut name).ok()?;
    Some(name.trim_end().to_owned())
}

/// Tells whether the program was started with more than its caller has, file capabilities among it.
///
/// The kernel makes a process that gains privileges by exec not dumpable, so that one system call answers for all others.
/// Only where it is not, as with a file that its user cannot read, does `AT_SECURE` of the auxiliary vector decide. Where
/// `/proc` is missing, or `fs.suid_dumpable` is 1, the comparison of user and group has to do.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn was_started_secure() -> bool {
    use std::io::Read as _;

    use rustix::process::{DumpableBehavior, dumpable_behavior};

    if dumpable_behavior() == Ok(DumpableBehavior::Dumpable) {
        return false;
    }
    // The kernel writes some twenty pairs, so that one read takes all.
    let mut vector = [0; 1024];
    std::fs::File::open("/proc/self/auxv")
        .and_then(|mut file| file.read(&mut vector))
        .is_ok_and(|length| secure_entry(&vector[..length]))
}

/// On other Unixes the comparison of user and group is the test.
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
