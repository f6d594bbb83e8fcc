//! The command line as a user meets it: each file under `tests/cmd` is one call and everything it answers.
//!
//! A case says what is typed (`args`), what is there before (`env`, `files`, `modes`, `identities`, `simulator`,
//! `before`), and what must come (`status`, `stdout`, `stderr`, always the last three). `{dir}` is the case's own
//! folder, which is also its working folder, and `{endpoint}` its simulator. What differs from run to run is shown as
//! `{time}`, `{hex}` and the like; `[..]` stands for anything within a line.
//!
//! `SNAPSHOTS=overwrite cargo test --test cli` accepts new texts; read the difference before committing it.
#![cfg(feature = "pki")]
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test may stop at once, and writes files of its own"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::Validity;
use pki_test::defect::Defect;
use pki_test::end_entity::EndEntitySpec;
use pki_test::key_pair::{KeyForm, KeyPair};
use pki_test::simulator::{Profile, Role, Simulator, SimulatorSettings};
use pki_test::verifier::TrustAnchor;
use serde::Deserialize;
use snapbox::IntoData as _;
use time::{Duration, OffsetDateTime};

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
    #[serde(default)]
    modes: BTreeMap<String, u32>,
    /// `NAME = "good"`, an algorithm or a defect: makes `NAME.pem` (the chain), `NAME.key`, `NAME-ca.pem`.
    #[serde(default)]
    identities: BTreeMap<String, String>,
    #[serde(default)]
    simulator: Option<SimulatorCase>,
    /// Calls that must succeed before.
    #[serde(default)]
    before: Vec<Vec<String>>,
    status: i32,
    stdout: String,
    stderr: String,
}

/// A simulator that trusts the identity `host`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SimulatorCase {
    #[serde(default)]
    faults: Vec<String>,
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
    fn arguments(&self) -> Vec<String> {
        let mut arguments = self.args.clone();
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
        for (name, kind) in &self.identities {
            make_identity(&folder, name, kind);
        }
        let simulator = self.simulator.as_ref().map(|simulator| start(&folder, simulator));
        let endpoint =
            simulator.as_ref().map_or(String::from("http://127.0.0.1:9"), Simulator::http_endpoint);
        let filled = |text: &str| text.replace("{dir}", &dir).replace("{endpoint}", &endpoint);
        for (name, content) in &self.files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, filled(content)).unwrap();
        }
        for (name, mode) in &self.modes {
            set_mode(&folder.join(name), *mode);
        }
        let program = program(&folder, self.program.as_deref());
        let call = |arguments: &[String]| {
            Command::new(&program)
                .args(arguments.iter().map(|argument| filled(argument)))
                .current_dir(&folder)
                .env_clear()
                .env("HOME", folder.join("home"))
                .envs(self.env.iter().map(|(name, value)| (name, filled(value))))
                .stdin(Stdio::null())
                .output()
                .unwrap()
        };
        for arguments in &self.before {
            let done = call(arguments);
            assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        }
        let done = call(&self.arguments());
        let shown = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).expect("the program writes UTF-8");
            let host = endpoint.trim_start_matches("http://");
            redacted(&text.replace(&dir, "{dir}").replace(&endpoint, "{endpoint}").replace(host, "{host}"))
        };
        Answer {
            status: done.status.code().unwrap_or(-1),
            stdout: shown(done.stdout),
            stderr: shown(done.stderr),
        }
    }
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

fn make_identity(folder: &Path, name: &str, kind: &str) {
    let now = OffsetDateTime::now_utc();
    let (anchor, chain, key_pair) = if let Ok(defect) = kind.parse::<Defect>() {
        // A second from now is too soon: the call must come before it.
        let ahead = if defect == Defect::NotYetValid { Duration::HOUR } else { Duration::ZERO };
        let made = defect.make(now + ahead).unwrap();
        let chain = made.end_entity_pem() + &made.intermediates_pem();
        (made.trust_anchor_pem(), chain, made.key_pair)
    } else {
        let algorithm =
            if kind == "good" { KeyAlgorithm::EcP256 } else { kind.parse().expect("a known kind") };
        let validity = Validity::starting(now - Duration::HOUR, Duration::days(400));
        let authority = AuthoritySpec::new("CN=TEST root".parse().unwrap(), validity);
        let root = Authority::root(&authority, KeyPair::generate(KeyAlgorithm::EcP256).unwrap()).unwrap();
        let key_pair = KeyPair::generate(algorithm).unwrap();
        let spec = EndEntitySpec::new(format!("CN=TEST {name}").parse().unwrap(), validity);
        let issued = root.issue(&spec, key_pair.subject_public_key_info()).unwrap();
        (root.certificate_pem(), issued.chain_pem(), key_pair)
    };
    let write = |suffix: &str, text: &str| fs::write(folder.join(format!("{name}{suffix}")), text).unwrap();
    write("-ca.pem", &anchor);
    write(".pem", &chain);
    write(".key", &key_pair.to_pem(KeyForm::Pkcs8).unwrap());
    set_mode(&folder.join(format!("{name}.key")), 0o600);
}

fn start(folder: &Path, case: &SimulatorCase) -> Simulator {
    use anyrole::x509::pem;

    let anchors: Vec<Vec<u8>> = pem::read(&fs::read(folder.join("host-ca.pem")).unwrap())
        .unwrap()
        .into_iter()
        .map(|block| block.der.to_vec())
        .collect();
    let anchor = TrustAnchor::new(TRUST_ANCHOR, &anchors).unwrap();
    let profile = Profile::new(PROFILE, &[ROLE]).unwrap();
    let mut settings =
        SimulatorSettings::new("eu-central-1", vec![anchor], vec![profile], vec![Role::new(ROLE).unwrap()]);
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
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c))).unwrap_or(rest.len());
        let word = &rest[..end.max(first.len_utf8())];
        rest = &rest[word.len()..];
        if let Some(after) = after_unit(word, rest, &shown) {
            shown.push_str("{distance}");
            rest = after;
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

fn redacted_word(word: &str) -> &str {
    let all = |test: fn(&u8) -> bool| word.bytes().all(|byte| test(&byte));
    if word.len() >= 30 && all(u8::is_ascii_digit) {
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

#[test]
fn every_case_answers_as_written() {
    let accept = std::env::var_os("SNAPSHOTS").is_some_and(|value| value == "overwrite");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cmd");
    let mut files = Vec::new();
    case_files(&root, &mut files);
    files.sort();
    assert!(!files.is_empty(), "there are cases under tests/cmd");
    let mut wrong = Vec::new();
    for path in files {
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        let text = fs::read_to_string(&path).unwrap();
        let case: Case = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let answer = case.run();
        let expected =
            format!("status {}\n--- stdout\n{}--- stderr\n{}", case.status, case.stdout, case.stderr);
        let actual =
            format!("status {}\n--- stdout\n{}--- stderr\n{}", answer.status, answer.stdout, answer.stderr);
        let compared = snapbox::Assert::new().normalize_paths(false).try_eq(
            None,
            actual.into_data(),
            expected.into_data(),
        );
        let Err(difference) = compared else { continue };
        if accept {
            overwrite(&path, &text, &answer);
        } else {
            wrong.push(format!("{name}\n{difference}"));
        }
    }
    assert!(wrong.is_empty(), "{} cases answer otherwise:\n{}", wrong.len(), wrong.join("\n"));
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
