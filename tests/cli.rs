//! The command line as a user meets it: each file under `tests/cmd` is one call and everything it answers.
//!
//! A case says what is typed (`args`), what is there before (`env`, `files`, `modes`, `identities`, `simulator`,
//! `before`), and what must come (`status`, `stdout`, `stderr`, always the last three). `{dir}` is the case's own
//! folder, which is also its working folder, `{endpoint}` its simulator, `{program}` the program's path in what it answers, and `{trust-anchor}`,
//! `{profile}` and `{role}` are the usual ARNs. A case with a `cure` is proved further: the hint names it, and with it the call succeeds, or meets
//! what is missing next. A hint without one is in the list of `cli/hints.rs`, with the reason. What differs from run to run is shown as
//! `{time}`, `{hex}` and the like; `[..]` stands for anything within a line.
//!
//! A case with a `host` is called on another host than this one: other mounts, another user.
//!
//! `SNAPSHOTS=overwrite cargo test --test all cli::` accepts new texts; read the difference before committing it.
#![cfg(feature = "pki")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use pki_test::simulator::{Profile, Role, Simulator, SimulatorSettings};
use pki_test::verifier::TrustAnchor;
use serde::Deserialize;
use snapbox::IntoData as _;

mod hints;
mod identities;

use crate::support::programs;
use identities::Planted;

const TRUST_ANCHOR: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000001";
const PROFILE: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:profile/a1b2c3d4-0000-4000-8000-000000000001";
const ROLE: &str = "arn:aws:iam::111122223333:role/build";

/// One file under `tests/cmd`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    args: Vec<String>,
    /// Arguments that go before `args` in every case about a session: see [`Case::arguments`].
    #[serde(default)]
    session: bool,
    /// The name under which the program is called.
    #[serde(default)]
    program: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// Files that are others, one after the other.
    #[serde(default)]
    joined: BTreeMap<String, Vec<String>>,
    /// Files that hold a text many times.
    #[serde(default)]
    repeated: BTreeMap<String, (String, usize)>,
    #[serde(default)]
    modes: BTreeMap<String, u32>,
    /// The host that the call is made on, where this one will not do; skipped where that needs a root that the test is not.
    #[serde(default)]
    host: Option<Host>,
    /// What is made of each: see [`Planted`].
    #[serde(default)]
    identities: BTreeMap<String, Planted>,
    #[serde(default)]
    simulator: Option<SimulatorCase>,
    #[serde(default)]
    cure: Option<Cure>,
    /// Calls that must succeed before.
    #[serde(default)]
    before: Vec<Vec<String>>,
    status: i32,
    stdout: String,
    stderr: String,
}

/// A host as another one is, in a mount namespace of its own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Host {
    /// What is done to its file systems, as root, in the shell; the case's folder is the working folder.
    #[serde(default)]
    prepare: String,
    /// Who calls, by number; root where it is missing.
    #[serde(default)]
    user: Option<u32>,
}

impl Host {
    /// Tells whether this process may arrange hosts.
    fn can_be() -> bool {
        let tried = Command::new("unshare").args(["--mount", "setpriv", "--reuid", "65534", "true"]).output();
        tried.is_ok_and(|done| done.status.success())
    }

    /// Returns the call of a program on that host.
    fn command(&self, program: &Path, is_prepared: bool) -> Command {
        let user = self
            .user
            .map_or(String::new(), |user| format!("setpriv --reuid {user} --regid {user} --clear-groups "));
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c"]);
        let prepare = if is_prepared { "" } else { &self.prepare };
        command.arg(format!("set -e\n{prepare}\nexec {user}\"$0\" \"$@\"")).arg(program);
        command
    }
}

/// A simulator that trusts the identity `host`, or whose world is that of a world file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SimulatorCase {
    #[serde(default)]
    faults: Vec<String>,
    #[serde(default)]
    world: Option<String>,
    /// How often it is asked for a session, without the cure.
    #[serde(default)]
    requests: Option<u64>,
    /// Whether `{endpoint}` is its HTTPS.
    #[serde(default)]
    https: bool,
}

impl SimulatorCase {
    fn endpoint(&self, simulator: &Simulator) -> String {
        if self.https { simulator.https_endpoint().unwrap() } else { simulator.http_endpoint() }
    }
}

/// What the hint says, done: with it the call must succeed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cure {
    /// What of the hint is done; stands in it.
    hint: String,
    /// The call instead, if the cure is on the command line.
    #[serde(default)]
    args: Option<Vec<String>>,
    /// What is replaced in the world, if the cure is at AWS.
    #[serde(default)]
    world: Vec<[String; 2]>,
    /// What is run first, each a program and its arguments; the cure is skipped loudly where this host has not the program.
    #[serde(default)]
    run: Vec<Vec<String>>,
    /// The files that are written first.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// The variables that are set, too.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// The refusal that the call meets next, where this host has not all that it needs; else it must succeed.
    #[serde(default)]
    next: Option<String>,
}

impl Cure {
    fn cured(&self, world: &str) -> String {
        self.world.iter().fold(world.to_owned(), |world, [ill, well]| {
            assert_eq!(world.matches(ill).count(), 1, "{ill} stands in the world once");
            world.replace(ill, well)
        })
    }
}

/// What a call answered, fit to be compared.
#[derive(PartialEq, Eq)]
struct Answer {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Case {
    /// Returns the arguments: for a session, the command is followed by its ARNs, the identity `host` and the endpoint.
    fn arguments(&self, typed: &[String]) -> Vec<String> {
        let mut arguments = typed.to_vec();
        if self.session {
            let session = [
                ("--trust-anchor-arn", TRUST_ANCHOR),
                ("--profile-arn", PROFILE),
                ("--role-arn", ROLE),
                ("--certificate", "host.pem"),
                ("--private-key", "host.key"),
                ("--endpoint", "{endpoint}"),
            ];
            let flags = session.iter().flat_map(|(flag, value)| [(*flag).to_owned(), (*value).to_owned()]);
            arguments.splice(1..1, flags);
        }
        arguments
    }

    fn run(&self) -> Answer {
        let temporary = tempfile::Builder::new().prefix("anyrole-case-").tempdir().unwrap();
        let folder = temporary.path().canonicalize().unwrap();
        let dir = folder.to_str().unwrap().to_owned();
        fs::create_dir(folder.join("home")).unwrap();
        for (name, planted) in &self.identities {
            planted.plant(&folder, name);
        }
        let simulator = self.simulator.as_ref().map(|case| start(&folder, case, case.world.as_deref()));
        let endpoint = simulator
            .as_ref()
            .zip(self.simulator.as_ref())
            .map_or(String::from("http://127.0.0.1:9"), |(simulator, case)| case.endpoint(simulator));
        let filled_with = |text: &str, endpoint: &str| {
            with_arns(text).replace("{dir}", &dir).replace("{endpoint}", endpoint)
        };
        let filled = |text: &str| filled_with(text, &endpoint);
        let write = |files: &BTreeMap<String, String>| {
            for (name, content) in files {
                let path = folder.join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, filled(content)).unwrap();
            }
        };
        write(&self.files);
        for (name, parts) in &self.joined {
            let parts = parts.iter().map(|part| fs::read_to_string(folder.join(part)).unwrap());
            fs::write(folder.join(name), parts.collect::<String>()).unwrap();
        }
        for (name, (text, times)) in &self.repeated {
            fs::write(folder.join(name), text.repeat(*times)).unwrap();
        }
        for (name, mode) in &self.modes {
            set_mode(&folder.join(name), *mode);
        }
        let program = match &self.host {
            // Under the folder of the build there may be no way for others.
            Some(_) => {
                set_mode(&folder, 0o755);
                programs::copy(env!("CARGO_BIN_EXE_anyrole"), folder.join("anyrole"));
                folder.join("anyrole")
            }
            None => program(&folder, self.program.as_deref()),
        };
        let is_prepared = std::cell::Cell::new(false);
        let call_at = |endpoint: &str, arguments: &[String], env: &BTreeMap<String, String>| {
            let mut command = match &self.host {
                Some(host) => host.command(&program, is_prepared.get()),
                None => Command::new(&program),
            };
            command
                .args(arguments.iter().map(|argument| filled_with(argument, endpoint)))
                .current_dir(&folder)
                .env_clear()
                .env("HOME", folder.join("home"))
                // In the case's own home, and not in the keyring of whoever runs the tests.
                .env("ANYROLE_CACHE", "file")
                .envs(self.env.iter().chain(env).map(|(name, value)| (name, filled(value))))
                .stdin(Stdio::null())
                .output()
                .unwrap()
        };
        let call = |arguments: &[String]| call_at(&endpoint, arguments, &BTreeMap::new());
        for arguments in &self.before {
            let done = call(arguments);
            assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        }
        let done = call(&self.arguments(&self.args));
        if let Some((simulator, case)) = simulator.as_ref().zip(self.simulator.as_ref())
            && let Some(requests) = case.requests
        {
            assert_eq!(simulator.sessions_requested(), requests, "{:?}", self.args);
        }
        let told = String::from_utf8_lossy(&done.stderr);
        let hint = told.lines().last().and_then(|line| line.strip_prefix("anyrole: hint: "));
        for words in hint.into_iter().flat_map(hints::information) {
            let shown = call(&words);
            assert!(shown.status.success(), "{words:?}: {}", String::from_utf8_lossy(&shown.stderr));
        }
        if let Some(cure) = &self.cure {
            assert!(hint.is_some_and(|hint| hint.contains(&filled(&cure.hint))), "{told}");
            is_prepared.set(true);
            write(&cure.files);
            if !cure
                .run
                .iter()
                .all(|words| run_first(&folder, &words.iter().map(|word| filled(word)).collect::<Vec<_>>()))
            {
                eprintln!("skipped: the cure of {:?} needs a program that is not here", self.args);
            } else {
                let mut again = self.arguments(cure.args.as_ref().unwrap_or(&self.args));
                let cured = match self.simulator.as_ref() {
                    Some(case) => {
                        assert!(told.lines().count() <= 6, "{told}");
                        drop(simulator);
                        let world = cure.cured(case.world.as_deref().unwrap_or_default());
                        let simulator = start(&folder, case, case.world.is_some().then_some(world.as_str()));
                        // A refusal is held back for a while, and this is how its message says to go on at once.
                        again.push(String::from("--no-cache"));
                        call_at(&case.endpoint(&simulator), &again, &cure.env)
                    }
                    None => call_at(&endpoint, &again, &cure.env),
                };
                let left = String::from_utf8_lossy(&cured.stderr);
                match &cure.next {
                    Some(id) => assert!(left.contains(&format!("[{id}]")), "not cured: {left}"),
                    None => assert!(cured.status.success(), "not cured: {left}"),
                }
            }
        }
        let shown = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).expect("the program writes UTF-8");
            let host = endpoint.split_once("://").map_or("", |(_, host)| host);
            redacted(
                &text
                    .replace(env!("CARGO_BIN_EXE_anyrole"), "{program}")
                    .replace(&dir, "{dir}")
                    .replace(&endpoint, "{endpoint}")
                    .replace(host, "{host}"),
            )
        };
        Answer {
            status: done.status.code().unwrap_or(-1),
            stdout: shown(done.stdout),
            stderr: shown(done.stderr),
        }
    }
}

/// Runs what a hint says to run; false where this host has not the program.
fn run_first(folder: &Path, words: &[String]) -> bool {
    let program = if words[0] == "anyrole" { env!("CARGO_BIN_EXE_anyrole") } else { &words[0] };
    let done = Command::new(program).args(&words[1..]).current_dir(folder).stdin(Stdio::null()).output();
    let Ok(done) = done else { return false };
    assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
    true
}

/// Returns the program, under another name where the case asks for one.
fn program(folder: &Path, name: Option<&str>) -> PathBuf {
    let own = PathBuf::from(env!("CARGO_BIN_EXE_anyrole"));
    let Some(name) = name else { return own };
    let link = folder.join(name);
    #[cfg(unix)]
    std::os::unix::fs::symlink(own, &link).unwrap();
    #[cfg(not(unix))]
    fs::copy(own, &link).unwrap();
    link
}

/// Fills in the usual ARNs.
fn with_arns(text: &str) -> String {
    text.replace("{trust-anchor}", TRUST_ANCHOR).replace("{profile}", PROFILE).replace("{role}", ROLE)
}

fn start(folder: &Path, case: &SimulatorCase, world: Option<&str>) -> Simulator {
    use anyrole::x509::pem;

    if let Some(world) = world {
        let mut settings = SimulatorSettings::from_toml(&with_arns(world), folder).expect("the case's world");
        settings.https = case.https.then(|| ([127, 0, 0, 1], 0).into());
        return Simulator::start(settings).unwrap();
    }
    let anchors: Vec<Vec<u8>> = pem::read(&fs::read(folder.join("host-ca.pem")).unwrap())
        .unwrap()
        .into_iter()
        .map(|block| block.der.to_vec())
        .collect();
    let anchor = TrustAnchor::new(TRUST_ANCHOR, &anchors).unwrap();
    let profile = Profile::new(PROFILE, &[ROLE]).unwrap();
    let mut settings =
        SimulatorSettings::new("eu-central-1", vec![anchor], vec![profile], vec![Role::new(ROLE).unwrap()]);
    settings.https = case.https.then_some(settings.http);
    settings.faults = case.faults.iter().map(|fault| fault.parse().unwrap()).collect();
    Simulator::start(settings).unwrap()
}

fn set_mode(path: &Path, mode: u32) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    #[cfg(not(unix))]
    let _ = (path, mode);
}

/// Names what differs from run to run.
fn redacted(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(time) = rest.get(..20).filter(|text| is_time(text)) {
            shown.push_str("{time}");
            rest = &rest[time.len()..];
            continue;
        }
        if let Some(id) = rest.get(..36).filter(|text| is_uuid(text) && !shown.ends_with('/')) {
            shown.push_str("{uuid}");
            rest = &rest[id.len()..];
            continue;
        }
        if let Some(time) = rest.get(..16).filter(|text| is_short_time(text)) {
            shown.push_str("{time}");
            rest = &rest[time.len()..];
            continue;
        }
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c))).unwrap_or(rest.len());
        let word = &rest[..end.max(first.len_utf8())];
        rest = &rest[word.len()..];
        if word == "now" && shown.ends_with("{time}, ") {
            shown.push_str("{distance}");
        } else if let Some(after) = after_unit(word, rest, &shown) {
            shown.push_str("{distance}");
            rest = after;
        } else if shown.ends_with("} ") && last_line(&shown).contains("_remaining_seconds{") {
            shown.push_str("{seconds}");
        } else if shown.ends_with("https://127.0.0.1:") {
            shown.push_str("{port}");
        } else if shown.ends_with("anyrole-demo-") {
            shown.push_str("{hex}");
            rest = rest.trim_start_matches(|c: char| c.is_ascii_hexdigit());
            shown.push_str(word.find('/').map_or("", |index| &word[index..]));
        } else {
            shown.push_str(redacted_word(word));
        }
    }
    shown
}

/// Returns what follows a number and a unit of time: seconds may pass between two looks at a clock.
fn after_unit<'a>(word: &str, rest: &'a str, before: &str) -> Option<&'a str> {
    word.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
    let rest = [" second", " minute", " hour", " day"].iter().find_map(|unit| rest.strip_prefix(unit))?;
    let rest = rest.strip_prefix('s').unwrap_or(rest);
    let ahead = [" in ", "(in ", "\"in "].iter().any(|opening| before.ends_with(opening));
    rest.strip_prefix(" ago").or(ahead.then_some(rest))
}

fn last_line(text: &str) -> &str {
    text.rsplit('\n').next().unwrap_or_default()
}

fn redacted_word(word: &str) -> &str {
    let all = |test: fn(&u8) -> bool| word.bytes().all(|byte| test(&byte));
    if word.len() == 10 && word.starts_with('1') && all(u8::is_ascii_digit) {
        "{unix time}"
    } else if word.len() >= 30 && all(u8::is_ascii_digit) {
        "{decimal}"
    } else if word.len() >= 30 && all(u8::is_ascii_hexdigit) {
        "{hex}"
    } else if word.len() == 20 && word.starts_with("ASIA") {
        "{access key}"
    } else if word.len() >= 40 {
        "{token}"
    } else {
        word
    }
}

fn is_time(text: &str) -> bool {
    let form = b"0000-00-00T00:00:00Z";
    text.bytes()
        .zip(form)
        .all(|(byte, form)| if *form == b'0' { byte.is_ascii_digit() } else { byte == *form })
}

fn is_short_time(text: &str) -> bool {
    text.bytes()
        .zip(b"00000000T000000Z")
        .all(|(byte, form)| if *form == b'0' { byte.is_ascii_digit() } else { byte == *form })
}

fn is_uuid(text: &str) -> bool {
    let form = b"00000000-0000-0000-0000-000000000000";
    text.bytes().zip(form).all(|(byte, form)| match form {
        b'0' => byte.is_ascii_hexdigit(),
        _ => byte == *form,
    })
}

fn case_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            case_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
}

/// Puts the answer where the case's expectation stands: from its line `status = …` to the end.
fn overwrite(path: &Path, text: &str, answer: &Answer) {
    let head = text.find("\nstatus = ").map_or(text, |index| &text[..=index]);
    let Answer { status, stdout, stderr } = answer;
    let literal = |text: &str| if text.is_empty() { String::from("\"\"") } else { format!("'''\n{text}'''") };
    let tail = format!("status = {status}\nstdout = {}\nstderr = {}\n", literal(stdout), literal(stderr));
    fs::write(path, format!("{head}{tail}")).unwrap();
}

/// How many cases run at the same time.
const AT_ONCE: usize = 4;

/// Runs a case, and says what it answers otherwise than written.
fn judge(path: &Path, name: &str, accept: bool) -> Option<String> {
    let text = fs::read_to_string(path).unwrap();
    let case: Case = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    if case.host.is_some() && !Host::can_be() {
        eprintln!("skipped: {name} changes users and mounts, which needs root on Linux");
        return None;
    }
    let Ok(answer) = std::panic::catch_unwind(|| case.run()) else {
        return Some(format!("{name} panics, see above"));
    };
    let expected = format!("status {}\n--- stdout\n{}--- stderr\n{}", case.status, case.stdout, case.stderr);
    let actual =
        format!("status {}\n--- stdout\n{}--- stderr\n{}", answer.status, answer.stdout, answer.stderr);
    let compared =
        snapbox::Assert::new().normalize_paths(false).try_eq(None, actual.into_data(), expected.into_data());
    let difference = compared.err()?;
    if accept {
        overwrite(path, &text, &answer);
        return None;
    }
    Some(format!("{name}\n{difference}"))
}

#[test]
fn every_case_answers_as_written() {
    let accept = std::env::var_os("SNAPSHOTS").is_some_and(|value| value == "overwrite");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cmd");
    let mut files = Vec::new();
    case_files(&root, &mut files);
    files.sort();
    assert!(!files.is_empty(), "there are cases under tests/cmd");
    // Many of them wait, for a deadline or for a file that may yet come: they wait at the same time.
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let name = path.strip_prefix(&root).unwrap().display().to_string();
                    let told = judge(path, &name, accept);
                    wrong.lock().unwrap().extend(told);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} cases answer otherwise:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_hint_is_carried_out_or_listed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cmd");
    let mut files = Vec::new();
    case_files(&root, &mut files);
    let mut told = Vec::new();
    let mut unused: BTreeSet<_> = hints::not_carried_out().collect();
    let (mut carried_out, mut listed) = (0, 0);
    for path in files {
        let case: Case = toml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let Some(hint) = case.stderr.lines().find_map(|line| line.strip_prefix("anyrole: hint: ")) else {
            continue;
        };
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        let entries: Vec<_> =
            hints::not_carried_out().filter(|entry| hint.contains(entry) || name.contains(entry)).collect();
        if case.cure.is_some() || hints::information(hint).next().is_some() {
            carried_out += 1;
        } else if entries.is_empty() {
            told.push(format!("{name}: {hint}"));
        } else {
            listed += 1;
            unused.retain(|entry| !entries.contains(entry));
        }
    }
    println!("{carried_out} hints are carried out, {listed} are not");
    assert!(told.is_empty(), "give these a cure, or list them in tests/cli/hints.rs:\n{}", told.join("\n"));
    assert!(unused.is_empty(), "nothing needs these entries of tests/cli/hints.rs: {unused:?}");
}

#[test]
fn every_refusal_has_a_page() {
    let missing: Vec<_> =
        anyrole::cli::refusal_ids().filter(|id| anyrole::manual::refusal(id).is_none()).collect();
    assert!(missing.is_empty(), "no page in src/manual/refusals for {missing:?}");
}

#[test]
fn every_page_is_listed_and_says_something() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manual/refusals");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let id = path.file_stem().unwrap().to_str().unwrap();
        if id == "README" {
            continue;
        }
        let page = anyrole::manual::refusal(id).unwrap_or_else(|| panic!("src/manual.rs does not list {id}"));
        assert!(page.starts_with("# ") && page.lines().count() >= 4, "the page of {id} is too short");
        assert!(page.lines().all(|line| line.chars().count() <= 100), "the page of {id} is too wide");
        assert!(anyrole::cli::refusal_ids().any(|known| known == id), "nothing refuses with {id}");
    }
}
