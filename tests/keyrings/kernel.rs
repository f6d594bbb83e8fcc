//! The Linux kernel's keyring, from every kind of session, as several users, and against those who share it.
//!
//! Each test has a namespace of its own, and a user number of its own where it fills or counts, since the quota is the
//! user's. What it stored is removed at its end.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use linux_keyutils::{Key, KeyRing, KeyRingIdentifier, KeySerialId};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use tempfile::TempDir;

use crate::cache::driver::{CANARY, Drive, key};
use crate::components::have_as_root;
use crate::support::programs;

/// A user that exists nowhere else, with a folder and a program that it can reach.
struct User {
    number: u32,
    namespace: String,
    folder: TempDir,
}

impl User {
    /// Makes a home for root (0), or for a user of this run alone: the kernel counts what was removed against a
    /// user's quota for minutes, so that a second run would meet the first one's.
    fn new(number: u32) -> Self {
        let number = if number == 0 { 0 } else { number + 1000 * (std::process::id() % 100_000) };
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let home = folder.path().join("home");
        fs::create_dir(&home).unwrap();
        chown(&home, Some(number), Some(number)).unwrap();
        // By another process: what a sibling test starts meanwhile must not inherit a descriptor that writes it.
        let mut copy = Command::new("cp");
        copy.arg(std::env::current_exe().unwrap()).arg(folder.path().join("driver"));
        assert!(copy.status().unwrap().success());
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let namespace = format!("keyring-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self { number, namespace, folder }
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("home/state")
    }

    fn become_it(&self) -> String {
        let Self { number, .. } = self;
        format!("setpriv --reuid {number} --regid {number} --clear-groups")
    }

    /// Runs as this user, in a context: words put in front of the program.
    fn drive(&self, context: &str) -> Drive {
        Drive::new().under(&self.become_it()).under(context).program(&self.folder.path().join("driver")).open(
            "auto",
            &self.state(),
            &self.namespace,
        )
    }

    /// Opens another state folder, as another container would have.
    fn elsewhere(&self, context: &str, choice: &str) -> Drive {
        Drive::new().under(&self.become_it()).under(context).program(&self.folder.path().join("driver")).open(
            choice,
            &self.folder.path().join("home/elsewhere"),
            &self.namespace,
        )
    }

    /// Writes a script that does something and becomes the program behind it; returns its path.
    fn script(&self, name: &str, lines: &str) -> String {
        let path = self.folder.path().join(name);
        programs::script(&path, &format!("#!/bin/sh\n{lines}\nexec \"$@\"\n"));
        path.to_str().unwrap().to_owned()
    }

    fn description(&self, name: &str) -> String {
        format!("anyrole:{}:{}", self.namespace, key(name))
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let ours = format!("kernel clear anyrole:{}:", self.namespace);
        self.drive("").step(ours).step("kernel clear filler:").start().end();
    }
}

/// The steps of the driver that look at the keyring itself.
pub(crate) fn kernel(words: &[&str]) -> String {
    let user = || KeyRing::from_special_id(KeyRingIdentifier::User, true).unwrap();
    let possess = || {
        let process = KeyRing::from_special_id(KeyRingIdentifier::Process, true).unwrap();
        process.link_keyring(user()).unwrap();
    };
    match words {
        ["deny"] => {
            deny_keyctl();
            String::from("denied")
        }
        ["fill", count, size] => {
            let filler = vec![b'x'; size.parse().unwrap()];
            for index in 0..count.parse().unwrap() {
                user().add_key(&format!("filler:{index}"), &filler).unwrap();
            }
            String::from("filled")
        }
        ["write", description, text] => {
            possess();
            user().add_key(*description, text.as_bytes()).unwrap();
            String::from("written")
        }
        ["copy", from, to] => {
            let payload = user().search(*from).unwrap().read_to_vec().unwrap();
            user().search(*to).unwrap().update(&payload).unwrap();
            String::from("copied")
        }
        ["serial", description] => user()
            .search(*description)
            .map_or_else(|_| String::from("none"), |key| key.get_id().0.to_string()),
        ["read", serial] => match Key::from_id(KeySerialId(serial.parse().unwrap())).read_to_vec() {
            Ok(payload) => String::from_utf8_lossy(&payload).into_owned().replace('\n', " "),
            Err(error) => format!("{error:?}"),
        },
        ["clear", prefix] => {
            possess();
            for link in user().get_links(4096).unwrap().iter() {
                let Some(key) = link.as_key() else { continue };
                if key.metadata().is_ok_and(|found| found.get_description().starts_with(prefix)) {
                    let _ = key.invalidate();
                }
            }
            String::from("cleared")
        }
        words => panic!("no step {words:?}"),
    }
}

/// Denies what container runtimes deny, with their answer.
fn deny_keyctl() {
    #[cfg(target_arch = "x86_64")]
    const CALLS: [i64; 3] = [248, 249, 250];
    #[cfg(target_arch = "aarch64")]
    const CALLS: [i64; 3] = [217, 218, 219];
    const EPERM: u32 = 1;
    let rules = CALLS.into_iter().map(|call| (call, Vec::new())).collect();
    let architecture = std::env::consts::ARCH.try_into().unwrap();
    let filter =
        SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(EPERM), architecture).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
}

#[test]
fn an_entry_is_read_in_every_session_wherever_it_was_written() {
    if !have_as_root(&["keyctl", "setpriv", "setsid"]) {
        return;
    }
    for number in [0, 64_101] {
        let user = User::new(number);
        let linked = user.script("linked", "keyctl link @u @s");
        // No session keyring (as cron has none), a new one (as systemd's KeyringMode=private gives), and one that
        // links the user keyring (as pam_keyinit gives).
        let contexts = ["", "setsid", "keyctl session -", &format!("keyctl session - {linked}")];
        for (index, writer) in contexts.iter().enumerate() {
            let name = format!("a{index}");
            let written = user.drive(writer).step(format!("put {name} 3600 0")).step("survey").run();
            assert_eq!(written[0], "stored", "as {number} in {writer:?}");
            assert!(written[1].starts_with("kernel-keyring:works"), "{written:?}");
            for reader in contexts {
                let read = user.drive(reader).step(format!("get {name}")).run();
                assert_eq!(read, [format!("ASIAEXAMPLEA{index}")], "from {writer:?} in {reader:?}");
            }
        }
        let listed = user.drive("").step("list").step("clear").step("list").run();
        let all = "a0:kernel-keyring a1:kernel-keyring a2:kernel-keyring a3:kernel-keyring";
        assert_eq!(listed, [all, "removed 4", ""]);
    }
}

#[test]
fn another_user_sees_nothing() {
    if !have_as_root(&["setpriv"]) {
        return;
    }
    let (owner, other) = (User::new(64_102), User::new(64_103));
    let serial = owner
        .drive("")
        .step("put aa 3600 0")
        .step(format!("kernel serial {}", owner.description("aa")))
        .run()
        .pop()
        .unwrap();
    let seen = other
        .drive("")
        .open("auto", &other.state(), &owner.namespace)
        .step("get aa")
        .step(format!("kernel read {serial}"))
        .run();
    assert_eq!(seen, ["miss", "AccessDenied"]);
}

#[test]
fn the_kernel_drops_an_entry_when_it_expires() {
    if !have_as_root(&["setpriv"]) {
        return;
    }
    let user = User::new(64_104);
    let timeout = |lifetime: u32| {
        user.drive("").step(format!("put aa {lifetime} 0")).run();
        // SERIAL FLAGS USAGE TIMEOUT PERMISSIONS UID GID TYPE DESCRIPTION: SUMMARY
        let keys = Command::new("setpriv")
            .args(user.become_it().split(' ').skip(1))
            .args(["cat", "/proc/keys"])
            .output()
            .unwrap();
        let keys = String::from_utf8(keys.stdout).unwrap();
        let line = keys.lines().find(|line| line.contains(&user.description("aa"))).unwrap().to_owned();
        let fields: Vec<_> = line.split_whitespace().collect();
        (fields[3].to_owned(), fields[4].to_owned())
    };
    // The possessor may do all; the user may view, read, write and search; nobody else anything.
    let (left, seen) = timeout(3600);
    assert!(["59m", "60m", "1h"].contains(&left.as_str()), "{left}");
    assert_eq!(seen, "3f0f0000");
    // An update clears the timeout; it must be set again.
    let (left, seen) = timeout(12 * 3600);
    assert!(["11h", "12h"].contains(&left.as_str()), "{left}");
    assert_eq!(seen, "3f0f0000");
}

#[test]
fn what_another_container_plants_is_a_miss() {
    if !have_as_root(&["setpriv", "unshare"]) {
        return;
    }
    let user = User::new(64_105);
    user.drive("").step("put aa 3600 0").step("put bb 3600 0").run();
    let (aa, bb) = (user.description("aa"), user.description("bb"));
    // Garbage, an entry moved to another key, and an entry sealed by somebody else.
    let seen = user.drive("").step(format!("kernel copy {bb} {aa}")).step("get aa").step("get bb").run();
    assert_eq!(seen, ["copied", "miss", "ASIAEXAMPLEBB"]);
    let seen = user.drive("").step(format!("kernel write {aa} garbage")).step("get aa").run();
    assert_eq!(seen, ["written", "miss"]);
    assert_eq!(
        user.elsewhere("", "keyring").step("put bb 3600 0").step("get bb").run(),
        ["stored", "ASIAEXAMPLEBB"]
    );
    assert_eq!(
        user.drive("").step("get bb").step("put bb 3600 0").step("get bb").run(),
        ["miss", "stored", "ASIAEXAMPLEBB"]
    );
    // One that is closed to the user, as `add_key` alone leaves it.
    let cc = user.description("cc");
    let seen = user.drive("").step(format!("kernel write {cc} planted")).run();
    assert_eq!(seen, ["written"]);
    assert_eq!(
        user.drive("").step("get cc").step("put cc 3600 0").step("get cc").run(),
        ["miss", "stored", "ASIAEXAMPLECC"]
    );
}

#[test]
fn other_namespaces_of_the_same_user_see_no_plaintext() {
    if !have_as_root(&["setpriv", "unshare"]) {
        return;
    }
    // As root, who alone can make PID namespaces without a user namespace.
    let user = User::new(0);
    let aa = user.description("aa");
    let serial =
        user.drive("").step("put aa 3600 0").step(format!("kernel serial {aa}")).run().pop().unwrap();
    let container = "unshare --mount --pid --fork --mount-proc --kill-child";
    let rootless = "unshare --user --map-root-user";
    for context in [container, rootless] {
        let seen = user
            .elsewhere(context, "auto")
            .step("get aa")
            .step("survey")
            .step(format!("kernel read {serial}"))
            .run();
        assert_eq!(seen[0], "miss", "{context}");
        assert!(seen[1].starts_with("kernel-keyring:cache-container"), "{seen:?}");
        assert!(!seen[2].contains(&CANARY[..6]) && !seen[2].is_empty(), "{context}");
    }
    // Named by the user it works; without our sealing key it opens nothing, and its own entry is none for us.
    let seen = user.elsewhere(container, "keyring").step("get aa").step("put aa 3600 0").step("get aa").run();
    assert_eq!(seen, ["miss", "stored", "ASIAEXAMPLEAA"]);
    assert_eq!(user.drive("").step("get aa").run(), ["miss"]);
}

#[test]
fn a_denied_system_call_leads_to_the_next_store() {
    if !have_as_root(&["setpriv"]) {
        return;
    }
    let user = User::new(64_106);
    let steps = ["kernel deny", "survey", "put aa 3600 0", "get aa", "list"];
    let seen = steps.into_iter().fold(user.drive(""), Drive::step).run();
    let survey = "kernel-keyring:cache-unavailable secret-service:cache-unavailable file:works";
    assert_eq!(seen, ["denied", survey, "stored", "ASIAEXAMPLEAA", "aa:file"]);
    // Another process, which is not denied, finds it there.
    assert_eq!(user.drive("").step("get aa").run(), ["ASIAEXAMPLEAA"]);
    let named = user.drive("").open("keyring", &user.state(), &user.namespace);
    let seen = named.step("kernel deny").step("get aa").step("put aa 3600 0").run();
    assert_eq!(seen, ["denied", "error cache-unavailable", "error cache-unavailable"]);
}

/// What the kernel lets a user have is for all programs of the user: 40 % of it are enough for us, and the rest goes to files.
#[test]
fn sixty_sessions_leave_other_programs_their_room() {
    if !have_as_root(&["setpriv", "keyctl"]) {
        return;
    }
    let user = User::new(64_107);
    let names = || 10..70;
    let put = |drive: Drive, name: u32| drive.step(format!("put {name} 3600 700"));
    let stored = names().fold(user.drive(""), put).run();
    assert!(stored.iter().all(|result| result == "stored"), "each was made once: {stored:?}");
    let listed = user.drive("").step("list").run().pop().unwrap();
    let of = |store: &str| listed.split(' ').filter(|entry| entry.ends_with(store)).count();
    let (in_keyring, in_files) = (of(":kernel-keyring"), of(":file"));
    assert_eq!(in_keyring + in_files, 60, "{listed}");
    assert!((3..=7).contains(&in_keyring), "{listed}");
    // A foreign key of 8,000 octets fits, and ten keyrings, as rootless containers make.
    let script = "head -c 8000 /dev/zero | keyctl padd user foreign @u > /dev/null && \
                  for n in 1 2 3 4 5 6 7 8 9 10; do keyctl newring ring-$n @u > /dev/null || exit 1; done";
    let foreign = Command::new("setpriv")
        .args(user.become_it().split(' ').skip(1))
        .args(["keyctl", "session", "-", "sh", "-c", script])
        .output()
        .unwrap();
    assert!(foreign.status.success(), "{}", String::from_utf8_lossy(&foreign.stderr));
    // Entries of both stores are found, and an entry is renewed where it is.
    let found = names().fold(user.drive(""), |drive, name| drive.step(format!("get {name}"))).run();
    assert!(found.iter().all(|result| result.starts_with("ASIAEXAMPLE")), "{found:?}");
    assert_eq!(user.drive("").step("survey").run()[0].split(' ').next(), Some("kernel-keyring:cache-full"));
    names().fold(user.drive(""), put).run();
    let renewed = user.drive("").step("list").run().pop().unwrap();
    assert!(renewed.matches(":kernel-keyring").count() <= in_keyring, "{renewed}");
    user.drive("").step("clear").run();

    // Where others have taken their part of it already, all goes to files.
    let user = User::new(64_108);
    let seen =
        user.drive("").step("kernel fill 4 2000").step("put aa 3600 1800").step("get aa").step("list").run();
    assert_eq!(seen, ["filled", "stored", "ASIAEXAMPLEAA", "aa:file"]);
}

/// A listing looks at all keys of the user: root may have a million.
#[test]
fn an_entry_among_many_keys_of_others_is_listed() {
    if !have_as_root(&["setpriv"]) {
        return;
    }
    let user = User::new(64_111);
    let seen = user.drive("").step("put aa 3600 100").step("kernel fill 150 1").step("list").run();
    assert_eq!(seen, ["stored", "filled", "aa:kernel-keyring"]);
}

#[test]
fn sessions_of_every_size_are_kept_in_every_store() {
    if !have_as_root(&["setpriv"]) {
        return;
    }
    // Root's quota has room for the largest.
    let user = User::new(0);
    for size in [1, 4, 8, 16] {
        for choice in ["keyring", "file"] {
            let drive = user.drive("").open(choice, &user.state(), &user.namespace);
            let name = format!("a{}", size % 10);
            let seen =
                drive.step(format!("put {name} 3600 {}", size * 1024)).step(format!("get {name}")).run();
            assert_eq!(seen, [String::from("stored"), format!("ASIAEXAMPLE{}", name.to_uppercase())]);
            user.drive("").step("clear").run();
        }
    }
}

#[test]
fn three_hundred_readers_at_once_allocate_nothing() {
    if !have_as_root(&["setpriv"]) {
        return;
    }
    let user = User::new(64_109);
    user.drive("").step("put aa 3600 0").step("get aa").run();
    let keys = || {
        // UID: USAGE KEYS/INSTANTIATED QUOTA-KEYS/MAX QUOTA-OCTETS/MAX
        let users = fs::read_to_string("/proc/key-users").unwrap();
        let start = format!("{}:", user.number);
        let line = users.lines().find(|line| line.trim_start().starts_with(&start)).unwrap().to_owned();
        line.split_whitespace().nth(3).unwrap().split_once('/').unwrap().0.parse::<u32>().unwrap()
    };
    // The writer's own process keyring is collected some time after its end, so the number can only fall.
    let before = keys();
    let readers: Vec<_> = (0..300).map(|_| user.drive("").step("get aa").start()).collect();
    for reader in readers {
        assert_eq!(reader.finish(), ["ASIAEXAMPLEAA"]);
    }
    let after = keys();
    assert!(after <= before, "{before} keys before, {after} after");
}

#[test]
fn many_first_writers_agree_on_one_sealing_key() {
    if !have_as_root(&["setpriv"]) {
        return;
    }
    let user = User::new(64_110);
    let writers: Vec<_> = (10..26)
        .map(|index| {
            let steps = user.drive("").step("wait").step(format!("put {index} 3600 0"));
            steps.start()
        })
        .collect();
    let writers: Vec<_> = writers
        .into_iter()
        .map(|mut writer| {
            writer.go_on();
            writer
        })
        .collect();
    for writer in writers {
        assert_eq!(writer.finish(), ["stored"]);
    }
    for index in 10..26 {
        assert_eq!(user.drive("").step(format!("get {index}")).run(), [format!("ASIAEXAMPLE{index}")]);
    }
}

#[test]
fn a_hit_is_ten_system_calls() {
    if !have_as_root(&["setpriv", "strace"]) {
        return;
    }
    let user = User::new(0);
    user.drive("").step("put aa 3600 0").run();
    let trace = user.folder.path().join("trace");
    let traced = format!("strace -f -qq -o {}", trace.display());
    let seen = user.drive(&traced).step("get aa").step("mark begin").step("get aa").step("mark end").run();
    assert_eq!(seen, ["ASIAEXAMPLEAA", "ASIAEXAMPLEAA"]);
    let calls = calls_between_marks(&trace);
    // What follows is the driver that prints its line. A debug build looks at a descriptor before it closes it.
    let hit = calls.iter().map(String::as_str).take_while(|call| *call != "write");
    let hit: Vec<_> = hit.filter(|call| !(cfg!(debug_assertions) && *call == "fcntl")).collect();
    assert_eq!(
        hit,
        [
            "readlink", "readlink", // /proc/self/ns/{pid,user}
            "openat", "fstat", "geteuid", "read", "close", // the sealing key
            "keyctl", "keyctl", "keyctl", // find the user keyring, search, read
        ],
    );
}

fn calls_between_marks(trace: &Path) -> Vec<String> {
    let trace = fs::read_to_string(trace).unwrap();
    let begin = trace.lines().find(|line| line.contains("anyrole-mark-begin")).unwrap();
    let thread = begin.split_whitespace().next().unwrap();
    trace
        .lines()
        .filter(|line| line.split_whitespace().next() == Some(thread))
        .skip_while(|line| !line.contains("anyrole-mark-begin"))
        .skip(1)
        .take_while(|line| !line.contains("anyrole-mark-end"))
        .filter_map(|line| line.split_whitespace().nth(1)?.split_once('('))
        .map(|(call, _)| call.to_owned())
        .collect()
}
