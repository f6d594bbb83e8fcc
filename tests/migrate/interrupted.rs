//! Interruptions: at every moment a profile works in the old way or the new, and the next call finishes or undoes the step.
//!
//! The system calls that change files are few, so each of them is tried: the process ends before it (SIGKILL), and it fails. Where
//! `ANYROLE_TEST_KILLS` is a number, so many runs are killed at moments of no choice too.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::host::{Host, Run, SECRET, key_id, profile};

/// What changes files: each of these alone, since strace counts each for itself.
const CALLS: &[&str] = &["fsync", "rename", "renameat", "mkdir", "unlink", "unlinkat"];

/// More than a step makes of any of them.
const MOST: u32 = 40;

const SWITCH: &[&str] = &["migrate", "switch", "new", "--yes", "--no-verify"];
const ROLLBACK: &[&str] = &["migrate", "rollback", "--no-verify"];

/// Which way the profiles of a host work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Old,
    New,
}

fn host() -> (Host, [Option<String>; 2]) {
    let host = Host::new();
    let credentials = format!("{}\n{}", profile("default", 1), profile("other", 2));
    let config = String::from("# mine\n[default]\noutput = json\n");
    (host, [Some(config), Some(credentials)])
}

/// Says which way the profile `default` works, and fails if it does not.
fn way(host: &Host, what: &str) -> Way {
    let [config, credentials] = host.files().map(Option::unwrap_or_default);
    assert!(credentials.contains(&profile("other", 2)), "{what}: the other profile is as it was: {credentials}");
    if credentials.contains(&key_id(1)) {
        assert!(credentials.contains(&profile("default", 1)), "{what}: {credentials}");
        return Way::Old;
    }
    assert!(!credentials[..credentials.find("[other]").unwrap()].contains(SECRET), "{what}");
    assert!(config.contains("credential_process = "), "{what}: it works in neither way: {config}\n{credentials}");
    Way::New
}

/// Puts a host back to where each case begins.
fn begin(host: &Host, before: &[Option<String>; 2], switched: bool) {
    let _ = std::fs::remove_dir_all(host.state_folder());
    host.write(before[0].as_deref(), before[1].as_deref());
    if switched {
        succeeds(host, SWITCH, "to begin with");
    }
}

fn succeeds(host: &Host, arguments: &[&str], what: &str) -> Run {
    let run = host.run(&mut host.command(arguments));
    assert_eq!(run.status, 0, "{what}: {run:?}");
    run
}

/// Whatever happened, the status says it, and either step leads to a whole state.
fn goes_on(host: &Host, before: &[Option<String>; 2], what: &str, forward: bool) {
    let now = way(host, what);
    let begun = host.migrate(&["status"]).stdout;
    if begun.contains("no key is being migrated") {
        assert_eq!((now, &host.files()), (Way::Old, before), "{what}");
    } else if begun.contains("interrupted") {
        assert!(begun.contains(if now == Way::Old { "in the old way" } else { "in the new way" }), "{what}: {begun}");
    }
    if forward {
        if now == Way::New && !begun.contains("interrupted") {
            succeeds(host, ROLLBACK, what);
        } else {
            succeeds(host, SWITCH, what);
            assert_eq!(way(host, what), Way::New, "{what}");
            succeeds(host, ROLLBACK, what);
        }
    } else if !begun.contains("no key") && !begun.contains("back in its files") {
        succeeds(host, ROLLBACK, what);
    }
    assert_eq!(&host.files(), before, "{what}");
    host.assert_nothing_leaked();
}

fn strace() -> Option<&'static str> {
    let found = ["/usr/bin/strace", "/bin/strace"].into_iter().find(|path| Path::new(path).exists())?;
    let traced = Command::new(found).args(["-qq", "-o", "/dev/null", "true"]).output().unwrap();
    traced.status.success().then_some(found)
}

/// Runs a step in which the nth of a system call does not happen; returns whether there was an nth.
fn without(host: &Host, strace: &str, step: &[&str], call: &str, n: u32, fault: &str) -> (bool, Run) {
    let mut traced = Command::new(strace);
    let trace = host.world.home().join("trace");
    traced.args(["-f", "-qq", "--seccomp-bpf", "-o"]).arg(&trace);
    // The ? is for calls that this machine does not have.
    traced.args(["-e", &format!("trace=?{call}"), "-e", &format!("inject=?{call}:{fault}:when={n}")]);
    traced.args(["--", env!("CARGO_BIN_EXE_anyrole")]);
    let run = host.run(&mut host.settled(traced, step));
    let seen = std::fs::read_to_string(&trace).unwrap_or_default();
    let count = seen.lines().filter(|line| line.contains(&format!(" {call}("))).count();
    (count >= n as usize, run)
}

/// Tries each call of both steps, on two threads.
fn each(fault: &'static str, check: impl Fn(&Host, &[Option<String>; 2], &str, bool, &Run) + Sync) {
    let Some(strace) = strace() else {
        assert!(std::env::var_os("ANYROLE_REQUIRE_COMPONENTS").is_none(), "strace is missing");
        eprintln!("skipped: strace is missing, or may not trace");
        return;
    };
    let tried = std::sync::atomic::AtomicU32::new(0);
    let try_all = |step: &[&str], switched: bool| {
        let (host, before) = host();
        for call in CALLS {
            for n in 1..MOST {
                begin(&host, &before, switched);
                let (was_there, run) = without(&host, strace, step, call, n, fault);
                if !was_there {
                    break;
                }
                tried.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let what = format!("{} without {call} {n} ({fault})", step[1]);
                check(&host, &before, &what, n % 2 == 0, &run);
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| try_all(SWITCH, false));
        scope.spawn(|| try_all(ROLLBACK, true));
    });
    let tried = tried.into_inner();
    assert!(tried >= 12, "only {tried} calls change files");
    eprintln!("{fault}: {tried} calls");
}

#[test]
fn it_ends_before_any_change_of_a_file() {
    each("signal=KILL", |host, before, what, forward, run| {
        assert_ne!(run.status, 0, "{what}: {run:?}");
        goes_on(host, before, what, forward);
    });
}

#[test]
fn any_change_of_a_file_fails() {
    each("error=EIO", |host, before, what, forward, _| goes_on(host, before, what, forward));
}

/// Two at once: one works, and the other says so.
#[test]
fn one_at_a_time() {
    let (host, before) = host();
    begin(&host, &before, false);
    std::fs::create_dir_all(host.state_folder()).unwrap();
    for folder in [host.state_folder(), host.state_folder().parent().unwrap().to_owned()] {
        std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    }
    let lock = std::fs::File::create(host.state_folder().join("lock")).unwrap();
    lock.lock().unwrap();
    let run = host.run(&mut host.command(SWITCH));
    assert!(run.stderr.contains("[migrate-busy]"), "{run:?}");
    assert_eq!(host.files(), before);
    drop(lock);
    succeeds(&host, SWITCH, "after it");
}

/// Kills at moments of no choice, as many as `ANYROLE_TEST_KILLS` says.
#[test]
fn kills_at_random_moments() {
    let Some(kills) = std::env::var("ANYROLE_TEST_KILLS").ok().and_then(|text| text.parse::<u32>().ok()) else {
        return;
    };
    let (host, before) = host();
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move |below: u64| {
        // xorshift64
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below.max(1)
    };
    let mut longest = [Duration::ZERO; 2];
    for (index, step) in [SWITCH, ROLLBACK].into_iter().enumerate() {
        begin(&host, &before, index == 1);
        let started = Instant::now();
        succeeds(&host, step, "to see how long it takes");
        longest[index] = started.elapsed();
    }
    let (mut killed, mut early, mut found) = (0, 0, [0_u32; 4]);
    let mut round = 0_u64;
    while killed < kills {
        round += 1;
        let switched = round % 2 == 0;
        begin(&host, &before, switched);
        let step = if switched { ROLLBACK } else { SWITCH };
        let mut child = host.command(step).stdout(std::process::Stdio::null()).spawn().unwrap();
        let limit = u64::try_from(longest[usize::from(switched)].as_micros()).unwrap();
        std::thread::sleep(Duration::from_micros(random(limit)));
        let _ = child.kill();
        let ended = child.wait().unwrap();
        if ended.success() {
            early += 1;
        } else {
            killed += 1;
        }
        let what = format!("round {round}");
        let is = way(&host, &what);
        let interrupted = host.migrate(&["status"]).stdout.contains("interrupted");
        found[usize::from(is == Way::New) + 2 * usize::from(interrupted)] += 1;
        goes_on(&host, &before, &what, random(2) == 0);
    }
    eprintln!(
        "{killed} kills, {early} runs ended before: old way {}, new way {}, interrupted in the old way {}, in the new way {}",
        found[0], found[1], found[2], found[3]
    );
}
