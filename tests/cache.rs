//! The cache against real files, processes and users; the keyrings are in `components.rs`.
#![cfg(unix)]

#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "those who need the rest of it need Linux"))]
pub(crate) mod driver;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyrole::cache::failure::{Failures, Fallback};
use anyrole::cache::file::FileCache;
use anyrole::cache::freshness::Freshness;
use anyrole::cache::lock::{Locks, SingleFlight};
use anyrole::cache::state_folder::StateLocation;
use anyrole::cache::{Cache, CacheChoice, CacheError, CredentialCache, FolderProblem, Namespace};
use anyrole::clock::{Clock, SystemClock};
use anyrole::diagnostic::{Diagnostic, Fault};
use driver::{CANARY, Drive, entry, key, report, sealing_key};
use tempfile::TempDir;

#[cfg(target_os = "linux")]
use crate::support::wait::wait_until;

/// Longer than any step here takes; a wait that reaches it has failed.
const LONG: Duration = Duration::from_secs(30);

struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn cache(&self, private_key: u8) -> FileCache {
        let lender = Box::new(move || Some(sealing_key(private_key)));
        FileCache::new(StateLocation::at(self.state()), Namespace::default(), lender)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.state().join(format!("v1.{}.session", key(name)))
    }

    fn hit(&self, name: &str) -> bool {
        self.cache(1).get(&key(name)).unwrap().is_some()
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_file_is_an_entry_for_its_private_key_only() {
    let files = Files::new();
    files.cache(1).put(&key("aa"), &entry("aa", 3600, 0)).unwrap();
    let found = files.cache(1).get(&key("aa")).unwrap().expect("it was stored");
    assert_eq!(found.credential_set.credentials.session_token.expose(), CANARY);
    assert_eq!(found.freshness(SystemClock.now(), Duration::from_secs(1200)), Freshness::Fresh);
    assert!(files.cache(2).get(&key("aa")).unwrap().is_none());
    assert!(files.cache(1).get(&key("bb")).unwrap().is_none());

    let stored = fs::read(files.path("aa")).unwrap();
    assert!(!stored.windows(6).any(|window| window == b"canary"));
    assert_eq!((mode(&files.path("aa")), mode(&files.state())), (0o600, 0o700));

    let [summary] = &files.cache(1).list().unwrap()[..] else { panic!("one entry is stored") };
    assert_eq!(summary.facts.as_ref().expect("the key opens it").access_key_id, "ASIAEXAMPLEAA");
    assert!(!format!("{summary:?}").contains("canary"));
    let [summary] = &files.cache(2).list().unwrap()[..] else { panic!("it is listed without the key too") };
    assert_eq!(summary.facts, None);

    files.cache(1).remove(&key("aa")).unwrap();
    files.cache(1).remove(&key("aa")).unwrap();
    assert!(!files.path("aa").exists());
}

#[test]
fn without_a_key_in_software_there_is_no_file() {
    let files = Files::new();
    files.cache(1).put(&key("aa"), &entry("aa", 3600, 0)).unwrap();
    let location = StateLocation::at(files.state());
    let device = FileCache::new(location.clone(), Namespace::default(), Box::new(|| None));
    assert!(matches!(device.get(&key("aa")), Err(CacheError::NoSealingKey)));
    assert!(matches!(device.put(&key("bb"), &entry("bb", 3600, 0)), Err(CacheError::NoSealingKey)));
    let untouched = FileCache::new(location, Namespace::default(), Box::new(|| panic!("no file, no key")));
    assert!(untouched.get(&key("cc")).unwrap().is_none());
}

#[test]
fn each_flipped_byte_is_a_miss_and_is_replaced() {
    let files = Files::new();
    files.cache(1).put(&key("aa"), &entry("aa", 3600, 0)).unwrap();
    let good = fs::read(files.path("aa")).unwrap();
    for place in 0..good.len() {
        let mut bad = good.clone();
        bad[place] ^= 0x80;
        fs::write(files.path("aa"), bad).unwrap();
        assert!(!files.hit("aa"), "octet {place}");
    }
    for cut in [0, 1, 49, 50, good.len() - 1] {
        fs::write(files.path("aa"), &good[..cut]).unwrap();
        assert!(!files.hit("aa"), "cut at {cut}");
    }
    files.cache(1).put(&key("aa"), &entry("aa", 3600, 0)).unwrap();
    assert!(files.hit("aa"));
}

#[test]
fn what_is_no_private_file_of_ours_is_a_miss_without_a_hang() {
    let files = Files::new();
    let cache = files.cache(1);
    for name in ["aa", "bb", "cc", "dd", "ee", "ff"] {
        cache.put(&key(name), &entry(name, 3600, 0)).unwrap();
        assert!(files.hit(name));
    }
    // Two entries change places.
    let (aa, bb) = (fs::read(files.path("aa")).unwrap(), fs::read(files.path("bb")).unwrap());
    fs::write(files.path("aa"), bb).unwrap();
    fs::write(files.path("bb"), aa).unwrap();
    assert!(!files.hit("aa") && !files.hit("bb"));
    // A link, even to a good file.
    let elsewhere = files.folder.path().join("elsewhere");
    fs::rename(files.path("cc"), &elsewhere).unwrap();
    symlink(&elsewhere, files.path("cc")).unwrap();
    assert!(!files.hit("cc"));
    // Open to others.
    fs::set_permissions(files.path("dd"), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(!files.hit("dd"));
    // A FIFO that nobody writes to.
    fs::remove_file(files.path("ee")).unwrap();
    assert!(Command::new("mkfifo").args(["-m", "600"]).arg(files.path("ee")).status().unwrap().success());
    assert!(!files.hit("ee"));
    // A gibibyte of nothing.
    fs::File::options().write(true).open(files.path("ff")).unwrap().set_len(1 << 30).unwrap();
    assert!(!files.hit("ff"));
    // A folder.
    fs::create_dir(files.path("99")).unwrap();
    assert!(!files.hit("99"));
    if is_root() {
        cache.put(&key("77"), &entry("77", 3600, 0)).unwrap();
        std::os::unix::fs::chown(files.path("77"), Some(64_000), None).unwrap();
        assert!(!files.hit("77"));
    }
    // Replacing a link replaces the link.
    cache.put(&key("cc"), &entry("cc", 3600, 0)).unwrap();
    assert!(files.hit("cc"));
    assert!(fs::symlink_metadata(files.path("cc")).unwrap().is_file());
}

#[test]
fn expired_files_do_not_stay() {
    let files = Files::new();
    files.cache(1).put(&key("aa"), &entry("aa", 0, 0)).unwrap();
    assert!(!files.path("aa").exists());
    files.cache(1).put(&key("bb"), &entry("bb", 3600, 0)).unwrap();
    fs::write(files.path("cc"), "no entry").unwrap();
    files.cache(1).put(&key("dd"), &entry("dd", 3600, 0)).unwrap();
    assert!(files.path("bb").exists() && files.path("dd").exists() && !files.path("cc").exists());
    let names: Vec<_> =
        fs::read_dir(files.state()).unwrap().map(|found| found.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

/// Thousands of keys that failed, each once, and a thousand writers that were killed: the folder stays small, and each write looks
/// at a few files.
#[test]
fn what_was_left_behind_is_swept_by_later_writes() {
    let files = Files::new();
    let folder = Arc::new(StateLocation::at(files.state()).open().unwrap());
    let failures = Failures::new(folder, Namespace::default());
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(7200);
    for number in 0..1000 {
        let left = files.state().join(format!(".v1.session.{number:016x}"));
        let file = fs::File::create(&left).unwrap();
        file.set_modified(long_ago).unwrap();
    }
    let young = files.state().join(".v1.session.of-a-living-writer");
    fs::write(&young, "").unwrap();
    let now = SystemClock.now();
    for number in 0..2000 {
        let key = format!("{number:064x}").parse().unwrap();
        failures.note(&key, report(), [0; 32], now).unwrap();
        assert!(failures.last(&key).is_some(), "what was just written stays");
    }
    let left = fs::read_dir(files.state()).unwrap().count();
    assert!(left < 520, "{left} files");
    assert!(young.exists());
}

#[test]
fn a_folder_that_is_not_our_own_is_not_used() {
    let files = Files::new();
    let problem = |location: &StateLocation| match location.open() {
        Err(error @ CacheError::StateFolder { .. }) => {
            assert_eq!((error.id(), error.fault()), ("cache-state-folder", Fault::Local));
            let CacheError::StateFolder { problem, .. } = error else { unreachable!("matched above") };
            Some(problem)
        }
        Err(_) | Ok(_) => None,
    };
    let at = |name: &str| StateLocation::at(files.folder.path().join(name));

    fs::create_dir(files.folder.path().join("open")).unwrap();
    fs::set_permissions(files.folder.path().join("open"), fs::Permissions::from_mode(0o1777)).unwrap();
    assert!(matches!(problem(&at("open")), Some(FolderProblem::Writable)));
    symlink(files.folder.path().join("open"), files.folder.path().join("link")).unwrap();
    assert!(matches!(problem(&at("link")), Some(FolderProblem::NotAFolder)));
    fs::write(files.folder.path().join("file"), "").unwrap();
    assert!(matches!(problem(&at("file")), Some(FolderProblem::NotAFolder)));
    assert!(matches!(problem(&at("file/below")), Some(FolderProblem::NotAFolder | FolderProblem::Io(_))));
    assert!(problem(&at("new/folders/below")).is_none());
    assert_eq!(mode(&files.folder.path().join("new/folders")), 0o700);

    if is_root() {
        // `sudo` keeps HOME: nothing is made in another user's home, and nothing of theirs is used.
        let home = files.folder.path().join("alice");
        fs::create_dir(&home).unwrap();
        std::os::unix::fs::chown(&home, Some(64_000), None).unwrap();
        let location = StateLocation::in_home(&home);
        assert!(matches!(problem(&location), Some(FolderProblem::Foreign)));
        assert_eq!(fs::read_dir(&home).unwrap().count(), 0);
        let theirs = home.join(".local/state/anyrole");
        fs::create_dir_all(&theirs).unwrap();
        std::os::unix::fs::chown(&theirs, Some(64_000), None).unwrap();
        assert!(matches!(problem(&location), Some(FolderProblem::Foreign)));
        assert_eq!(fs::read_dir(&theirs).unwrap().count(), 0);
    }
}

#[test]
fn files_are_private_under_any_umask() {
    for umask in ["000", "0777"] {
        let files = Files::new();
        let script = format!("umask {umask}; exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).arg(std::env::current_exe().unwrap());
        command.args(["cache::driver::driver", "--exact", "--ignored", "-q"]);
        let steps = format!(
            "open file {}/above/state v1\nput aa 3600 0\nget aa\ntake aa 0\nfail aa",
            files.folder.path().display()
        );
        let output = command.env("ANYROLE_TEST_STEPS", steps).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let state = files.folder.path().join("above/state");
        assert_eq!((mode(&state), mode(state.parent().unwrap())), (0o700, 0o700));
        let mut names = 0;
        for found in fs::read_dir(&state).unwrap() {
            let path = found.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            names += 1;
        }
        assert_eq!(names, 3, "a session, a lock and a failure");
    }
}

#[test]
fn a_killed_holder_hands_over_at_once() {
    let files = Files::new();
    let mut holder = Drive::new().open("none", &files.state(), "v1").step("take aa 0").step("wait").start();
    assert_eq!(holder.next(), "ours");
    let mut waiter =
        Drive::new().open("none", &files.state(), "v1").step("take aa 0").step("take aa 30000").start();
    assert_eq!(waiter.next(), "timed out");
    holder.kill();
    assert_eq!(waiter.next(), "ours");
    assert_eq!(waiter.finish(), [""; 0]);
}

#[test]
fn waiting_ends_at_the_deadline_and_the_late_grant_is_given_back() {
    let files = Files::new();
    let mut holder = Drive::new()
        .open("none", &files.state(), "v1")
        .step("take aa 0")
        .step("wait")
        .step("release")
        .start();
    assert_eq!(holder.next(), "ours");
    let folder = Arc::new(StateLocation::at(files.state()).open().unwrap());
    let (locks, failures) =
        (Locks::new(Arc::clone(&folder)), Failures::new(Arc::clone(&folder), Namespace::default()));
    let begin = Instant::now();
    let turn = locks.acquire(&key("aa"), Duration::from_millis(100), &failures).unwrap();
    assert!(matches!(turn, SingleFlight::TimedOut));
    assert!(begin.elapsed() >= Duration::from_millis(100));
    assert!(locks.try_acquire(&key("aa")).unwrap().is_none());
    assert!(locks.try_acquire(&key("bb")).unwrap().is_some());
    holder.go_on();
    assert_eq!(holder.next(), "released");
    // The thread left behind is granted the lock now, and closes it.
    let turn = locks.acquire(&key("aa"), LONG, &failures).unwrap();
    assert!(matches!(turn, SingleFlight::Leads(_)));
}

#[cfg(target_os = "linux")]
#[test]
fn those_who_waited_share_the_failure_and_those_who_come_later_do_not() {
    const WAITERS: usize = 20;
    let files = Files::new();
    let mut holder = Drive::new()
        .open("none", &files.state(), "v1")
        .step("take aa 0")
        .step("wait")
        .step("fail aa")
        .step("release")
        .start();
    assert_eq!(holder.next(), "ours");
    let waiters: Vec<_> = (0..WAITERS)
        .map(|_| {
            let mut waiter = Drive::new()
                .open("none", &files.state(), "v1")
                .step("take aa 0")
                .step("take aa 30000")
                .start();
            assert_eq!(waiter.next(), "timed out");
            waiter
        })
        .collect();
    wait_until(|| waiting_for(&files.state().join("lock-aa")) >= WAITERS);
    holder.go_on();
    for waiter in waiters {
        assert_eq!(waiter.finish(), ["failed access-denied 1"]);
    }
    drop(holder);
    let later = Drive::new().open("none", &files.state(), "v1").step("take aa 30000").run();
    assert_eq!(later, ["ours"]);
}

/// Counts those who wait for the lock of a file, as `/proc/locks` shows them: `1: -> FLOCK … MAJOR:MINOR:INODE …`.
#[cfg(target_os = "linux")]
fn waiting_for(path: &Path) -> usize {
    use std::os::unix::fs::MetadataExt as _;

    let inode = format!(":{} ", fs::metadata(path).unwrap().ino());
    let locks = fs::read_to_string("/proc/locks").unwrap();
    locks.lines().filter(|line| line.contains("->") && line.contains(&inode)).count()
}

#[cfg(target_os = "linux")]
#[test]
fn a_lock_file_removed_while_waiting_does_not_make_two_holders() {
    let files = Files::new();
    let path = files.state().join("lock-aa");
    let mut first = Drive::new()
        .open("none", &files.state(), "v1")
        .step("take aa 0")
        .step("wait")
        .step("release")
        .step("wait")
        .start();
    assert_eq!(first.next(), "ours");
    let waiter = |step: &str| Drive::new().open("none", &files.state(), "v1").step(step).step("wait").start();
    let mut second = waiter("take aa 30000");
    wait_until(|| waiting_for(&path) == 1);
    fs::remove_file(&path).unwrap();
    let mut third = waiter("take aa 0");
    assert_eq!(third.next(), "ours");
    // The second is granted the removed file, notices, and waits for the one that has the name.
    first.go_on();
    assert_eq!(first.next(), "released");
    wait_until(|| waiting_for(&path) == 1);
    third.kill();
    assert_eq!(second.next(), "ours");
}

#[test]
fn failures_are_counted_kept_and_forgotten() {
    const OLD: [u8; 32] = [7; 32];
    const RENEWED: [u8; 32] = [8; 32];
    let files = Files::new();
    let folder = Arc::new(StateLocation::at(files.state()).open().unwrap());
    let failures = Failures::new(Arc::clone(&folder), Namespace::default());
    let other = Failures::new(folder, "other".parse().unwrap());
    let now = SystemClock.now();
    let long = Fallback::ValidEntry { until: now.plus(Duration::from_secs(1800)) };
    let short = Fallback::ValidEntry { until: now.plus(Duration::from_secs(80)) };
    assert_eq!(failures.last(&key("aa")), None);
    let waits: Vec<_> = (1..=6)
        .map(|count| {
            let failure = failures.note(&key("aa"), report(), OLD, now).unwrap();
            assert_eq!((failure.count, failures.last(&key("aa"))), (count, Some(failure.clone())));
            assert!(failure.requires_backoff(&OLD, now, Fallback::Nothing));
            assert!(failure.requires_backoff(&OLD, now, long) && failure.requires_backoff(&OLD, now, short));
            assert!(!failure.requires_backoff(&OLD, failure.next_try, Fallback::Nothing));
            assert!(!failure.requires_backoff(&RENEWED, now, Fallback::Nothing));
            // A clock that was set back by a day must not hold back for a day.
            assert!(!failure.requires_backoff(
                &OLD,
                now.minus(Duration::from_secs(86_400)),
                Fallback::Nothing
            ));
            failure.next_try.since(now).as_secs()
        })
        .collect();
    for (wait, minutes) in waits.iter().zip([1, 2, 4, 8, 15, 15]) {
        assert!((minutes * 60..=minutes * 75).contains(wait), "{waits:?}");
    }
    assert_eq!(other.last(&key("aa")), None);
    assert_eq!(failures.list().len(), 1);

    let mut network = report();
    network.fault = Fault::Unreachable;
    network.text = "é".repeat(5000);
    network.facts = vec![(String::from("name"), "x".repeat(5000)); 20];
    let failure = failures.note(&key("aa"), network, OLD, now).unwrap();
    assert_eq!(failure.count, 1, "another kind of failure begins anew");
    assert!(!failure.requires_backoff(&OLD, now, Fallback::Nothing));
    assert!(failure.requires_backoff(&OLD, now, long) && failure.requires_backoff(&OLD, now, short));
    // What runs out is tried for again after an eighth of what is left.
    let later = now.plus(Duration::from_secs(10));
    assert!(failure.requires_backoff(&OLD, later, long) && !failure.requires_backoff(&OLD, later, short));
    let kept = failures.last(&key("aa")).expect("long texts are cut, not refused");
    assert_eq!((kept.report.text.len(), kept.report.facts.len()), (1023, 5));

    failures.forget(&key("aa")).unwrap();
    failures.forget(&key("aa")).unwrap();
    assert_eq!(failures.last(&key("aa")), None);
    fs::write(files.state().join(format!("v1.{}.failed", key("aa"))), "no failure").unwrap();
    assert_eq!(failures.last(&key("aa")), None);
}

#[test]
fn a_foreign_user_cannot_hold_our_lock() {
    if !is_root() {
        eprintln!("skipped: this test changes users, which needs root");
        return;
    }
    let files = Files::new();
    // Even where the folder itself can be reached.
    fs::set_permissions(files.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let folder = Arc::new(StateLocation::at(files.state()).open().unwrap());
    fs::set_permissions(files.state(), fs::Permissions::from_mode(0o755)).unwrap();
    drop(Locks::new(folder).try_acquire(&key("aa")).unwrap());
    let lock = files.state().join("lock-aa");
    let foreign = Command::new("setpriv")
        .args(["--reuid", "64000", "--clear-groups", "flock", "--nonblock"])
        .arg(&lock)
        .args(["echo", "locked"])
        .output()
        .unwrap();
    assert!(!foreign.status.success() && foreign.stdout.is_empty());
}

#[test]
fn the_choice_none_keeps_nothing_and_file_says_what_is_missing() {
    let files = Files::new();
    let location = StateLocation::at(files.state());
    let none = Cache::new(CacheChoice::None, Namespace::default(), location.clone(), Box::new(|| None));
    none.put(&key("aa"), &entry("aa", 3600, 0)).unwrap();
    assert!(none.get(&key("aa")).unwrap().is_none());
    assert!(none.list().unwrap().is_empty() && none.survey().next().is_none());
    assert!(!files.state().exists());

    let file = Cache::new(CacheChoice::File, Namespace::default(), location, Box::new(|| None));
    assert!(matches!(file.put(&key("aa"), &entry("aa", 3600, 0)), Err(CacheError::NoSealingKey)));
    let [found] = &file.survey().collect::<Vec<_>>()[..] else { panic!("one store was chosen") };
    let error = found.verdict.as_ref().expect_err("the key is in a device");
    assert_eq!(error.id(), "cache-no-key");
}

#[test]
fn every_id_has_a_page() {
    for id in CacheError::IDS.iter().chain(anyrole::cache::NamespaceError::IDS) {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/manual/refusals/{id}.md"));
        assert!(fs::read_to_string(page).unwrap().starts_with(&format!("# {id}: ")));
    }
}
