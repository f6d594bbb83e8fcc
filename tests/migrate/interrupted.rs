//! Interruptions: at every moment a profile works in the old way or the new, and the next call finishes or undoes the step.
//!
//! The system calls that change files are few, so each of them is tried: the process ends before it (SIGKILL), and it fails. A test
//! that is run by hand kills a thousand at moments of no choice.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::host::{Host, Run, SECRET, key_id, profile};
use crate::support::components::skip;

/// What changes what others see of files: each alone, since strace counts each for itself. What is flushed is the new content of a
/// file before it takes its place, and its folder after that.
const CHANGES: &[&str] = &["rename", "renameat", "renameat2", "unlink", "unlinkat"];

/// Those, and what ends the time between two of them.
const MOMENTS: &[&str] = &["rename", "renameat", "renameat2", "unlink", "unlinkat", "fsync"];

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

const CONFIG: Option<&str> = Some("# mine\n[default]\noutput = json\n");

/// A host with a key in its credentials file, and this config file.
fn host(config: Option<&str>) -> (Host, [Option<String>; 2]) {
    let credentials = format!("{}\n{}", profile("default", 1), profile("other", 2));
    (Host::new(), [config.map(String::from), Some(credentials)])
}

/// Says which way the profile `default` works, and fails if it does not.
fn way(host: &Host, what: &str) -> Way {
    let [config, credentials] = host.files().map(Option::unwrap_or_default);
    assert!(
        credentials.contains(&profile("other", 2)),
        "{what}: the other profile is as it was: {credentials}"
    );
    if credentials.contains(&key_id(1)) {
        assert!(credentials.contains(&profile("default", 1)), "{what}: {credentials}");
        return Way::Old;
    }
    assert!(!credentials[..credentials.find("[other]").unwrap()].contains(SECRET), "{what}");
    assert!(
        config.contains("credential_process = "),
        "{what}: it works in neither way: {config}\n{credentials}"
    );
    Way::New
}

/// A host as it is at the beginning of a step.
struct Moment {
    files: [Option<String>; 2],
    /// The files of the state folder.
    state: Vec<(PathBuf, Vec<u8>)>,
}

impl Moment {
    /// Before the switch, or after it.
    fn of(host: &Host, before: &[Option<String>; 2], switched: bool) -> Self {
        begin(host, before);
        if switched {
            succeeds(host, SWITCH, "to begin with");
        }
        let mut state = Vec::new();
        let folder = host.state_folder();
        for name in ["lock", &format!("{}/state.json", key_id(1))] {
            state.extend(fs::read(folder.join(name)).ok().map(|octets| (folder.join(name), octets)));
        }
        for entry in fs::read_dir(folder.join(key_id(1))).into_iter().flatten() {
            let path = entry.unwrap().path();
            state.push((path.clone(), fs::read(path).unwrap()));
        }
        Self { files: host.files(), state }
    }

    fn restore(&self, host: &Host) {
        begin(host, &self.files);
        for (path, octets) in &self.state {
            for folder in [host.state_folder(), path.parent().unwrap().to_owned()] {
                fs::create_dir_all(&folder).unwrap();
                fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
            }
            fs::write(path, octets).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}

/// Puts a host back to where nothing was begun.
fn begin(host: &Host, files: &[Option<String>; 2]) {
    let _ = fs::remove_dir_all(host.state_folder());
    host.write(files[0].as_deref(), files[1].as_deref());
}

fn succeeds(host: &Host, arguments: &[&str], what: &str) -> Run {
    let run = host.run(&mut host.command(arguments));
    assert_eq!(run.status, 0, "{what}: {run:?}");
    run
}

/// Whatever happened, either step leads to a whole state.
fn goes_on(host: &Host, before: &[Option<String>; 2], what: &str, forward: bool) {
    let now = way(host, what);
    if forward && now == Way::Old {
        succeeds(host, SWITCH, what);
        assert_eq!(way(host, what), Way::New, "{what}");
    } else if host.state_folder().join(key_id(1)).join("state.json").exists() {
        let run = host.run(&mut host.command(ROLLBACK));
        // What was undone before needs no more of it.
        let is_back = run.stderr.contains("is back in its files");
        assert!(run.status == 0 || is_back, "{what}: {run:?}");
        assert_eq!(&host.files(), before, "{what}");
    } else {
        assert_eq!((now, &host.files()), (Way::Old, before), "{what}");
    }
    host.assert_nothing_leaked();
}

/// The status says which way a profile works, and that a step was interrupted.
fn is_told(host: &Host, what: &str) {
    let told = host.migrate(&["status"]).stdout;
    if told.contains("interrupted") {
        let way = if way(host, what) == Way::Old { "in the old way" } else { "in the new way" };
        assert!(told.contains(way), "{what}: {told}");
    }
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
    traced.args(["-f", "-qq", "-o"]).arg(&trace);
    // It is faster, and delivers no signals.
    if !fault.starts_with("signal") {
        traced.arg("--seccomp-bpf");
    }
    // The ? is for calls that this machine does not have.
    traced.args(["-e", &format!("trace=?{call}"), "-e", &format!("inject=?{call}:{fault}:when={n}")]);
    traced.args(["--", env!("CARGO_BIN_EXE_anyrole")]);
    let run = host.run(&mut host.settled(traced, step));
    let seen = fs::read_to_string(&trace).unwrap_or_default();
    let count = seen.lines().filter(|line| line.contains(&format!(" {call}("))).count();
    (count >= n as usize, run)
}

/// Tries each of these calls of both steps, on two threads, where AWS's config file is this one.
fn each(config: Option<&str>, calls: &'static [&str], fault: &'static str, least: u32) {
    let Some(strace) = strace() else {
        return skip("strace is missing, or may not trace");
    };
    let tried = AtomicU32::new(0);
    let try_all = |step: &[&str], switched: bool| {
        let (host, before) = host(config);
        let moment = Moment::of(&host, &before, switched);
        for call in calls {
            for n in 1..MOST {
                moment.restore(&host);
                let (was_there, run) = without(&host, strace, step, call, n, fault);
                if !was_there {
                    break;
                }
                let what = format!("{} without {call} {n} ({fault}): {run:?}", step[1]);
                // What is left to be removed may stay.
                assert!(run.status != 0 || call.starts_with("unlink"), "{what}");
                if tried.fetch_add(1, Ordering::Relaxed).is_multiple_of(4) {
                    is_told(&host, &what);
                }
                goes_on(&host, &before, &what, n % 2 == 1);
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| try_all(SWITCH, false));
        scope.spawn(|| try_all(ROLLBACK, true));
    });
    let tried = tried.into_inner();
    assert!(tried >= least, "only {tried} calls change files");
}

#[test]
fn it_ends_before_any_change_of_a_file() {
    each(CONFIG, MOMENTS, "signal=SIGKILL", 20);
}

/// The switch makes the config file, and the way back takes it away.
#[test]
fn it_ends_before_any_change_where_there_was_no_config_file() {
    each(None, MOMENTS, "signal=SIGKILL", 20);
}

#[test]
fn any_change_of_a_file_fails() {
    each(CONFIG, CHANGES, "error=EIO", 8);
}

/// Two at once: one works, and the other says so.
#[test]
fn one_at_a_time() {
    let (host, before) = host(CONFIG);
    begin(&host, &before);
    fs::create_dir_all(host.state_folder()).unwrap();
    for folder in [host.state_folder(), host.state_folder().parent().unwrap().to_owned()] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
    }
    let lock = fs::File::create(host.state_folder().join("lock")).unwrap();
    lock.lock().unwrap();
    let run = host.run(&mut host.command(SWITCH));
    assert!(run.stderr.contains("[migrate-busy]"), "{run:?}");
    assert_eq!(host.files(), before);
    drop(lock);
    succeeds(&host, SWITCH, "after it");
}

/// Kills at moments of no choice: a thousand, or as many as `ANYROLE_TEST_KILLS` says.
#[test]
#[ignore = "takes minutes: cargo test --test all migrate:: -- --ignored"]
fn kills_at_random_moments() {
    let kills = std::env::var("ANYROLE_TEST_KILLS").map_or(1000, |text| text.parse().unwrap());
    let (host, before) = host(CONFIG);
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move |below: u64| {
        // xorshift64
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below.max(1)
    };
    let moments = [false, true].map(|switched| Moment::of(&host, &before, switched));
    let longest = [SWITCH, ROLLBACK].map(|step| {
        moments[usize::from(step == ROLLBACK)].restore(&host);
        let started = Instant::now();
        succeeds(&host, step, "to see how long it takes");
        u64::try_from(started.elapsed().as_micros()).unwrap()
    });
    let (mut killed, mut early, mut found) = (0, 0, [0_u32; 4]);
    let mut round = 0_u64;
    while killed < kills {
        round += 1;
        let switched = round.is_multiple_of(2);
        moments[usize::from(switched)].restore(&host);
        let step = if switched { ROLLBACK } else { SWITCH };
        let mut child = host.command(step).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(random(longest[usize::from(switched)])));
        let _ = child.kill();
        if child.wait().unwrap().success() {
            early += 1;
        } else {
            killed += 1;
        }
        let what = format!("round {round}");
        let state = fs::read_to_string(host.state_folder().join(key_id(1)).join("state.json"));
        let phase =
            state.map(|state| serde_json::from_str::<serde_json::Value>(&state).unwrap()["phase"].clone());
        let interrupted = phase.is_ok_and(|phase| phase == "switching" || phase == "rolling-back");
        found[usize::from(way(&host, &what) == Way::New) + 2 * usize::from(interrupted)] += 1;
        goes_on(&host, &before, &what, random(2) == 0);
    }
    eprintln!(
        "{killed} kills, {early} runs ended before: old way {}, new way {}, interrupted in the old way {}, in the new way {}",
        found[0], found[1], found[2], found[3]
    );
}
