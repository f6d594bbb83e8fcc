//! A host on which all is well: a config file with a session, a profile of the AWS config file that starts it, and a simulator that grants it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pki_test::algorithm::KeyAlgorithm;
use pki_test::end_entity::EndEntitySpec;
use pki_test::key_pair::{KeyForm, KeyPair};
use pki_test::simulator::SimulatorSettings;
use serde_json::Value;

use crate::support::stage::{PROFILE, ROLE, Stage, TRUST_ANCHOR};

/// One host.
pub(crate) struct Host {
    pub(crate) stage: Stage,
    /// The lines of `[session.build]`, by key; the values as TOML has them.
    pub(crate) session: BTreeMap<&'static str, String>,
    /// The AWS config file; nothing where there is none.
    pub(crate) aws: String,
    pub(crate) env: BTreeMap<&'static str, String>,
    /// The name of the session in the config file.
    pub(crate) title: &'static str,
    /// The lines as they are where all is well.
    well: BTreeMap<&'static str, String>,
    /// What follows `doctor build --json`.
    pub(crate) more: Vec<&'static str>,
}

/// What `doctor` answered.
pub(crate) struct Answer {
    pub(crate) status: i32,
    pub(crate) data: Value,
    pub(crate) elapsed: Duration,
    text: String,
}

/// A fault: how it is planted, which cause is named, and how the hint is carried out.
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    /// What is otherwise at AWS; nothing of it where all of it is on the host.
    pub(crate) settings: Option<fn(&mut SimulatorSettings)>,
    pub(crate) plant: fn(&mut Host),
    /// The check, a part of its text, and a part of its hint.
    pub(crate) cause: (&'static str, &'static str, &'static str),
    /// Done to the host as it was planted; a simulator of other settings needs another stage.
    pub(crate) cure: Cure,
}

/// How a fault is cured.
pub(crate) enum Cure {
    /// On this host.
    Here(fn(&mut Host)),
    /// At AWS: another simulator, and the same host.
    AtAws,
}

/// A fault on this host alone.
pub(crate) const fn fault(
    name: &'static str,
    plant: fn(&mut Host),
    cause: (&'static str, &'static str, &'static str),
    cure: fn(&mut Host),
) -> Fault {
    Fault { name, settings: None, plant, cause, cure: Cure::Here(cure) }
}

impl Fault {
    /// Plants it and cures it; `usual` is a host without any fault, and is that afterwards.
    fn test(&self, usual: &mut Host) {
        let mut other = self.settings.map(Host::with);
        let host = other.as_mut().unwrap_or(usual);
        (self.plant)(host);
        let answer = host.doctor();
        let (id, text, hint) = self.cause;
        let cause = &answer.data["cause"];
        assert_eq!(cause["id"], id, "{}: {}", self.name, answer.text);
        assert!(cause["text"].as_str().unwrap().contains(text), "{}: {cause}", self.name);
        assert!(cause["hint"].as_str().unwrap().contains(hint), "{}: {cause}", self.name);
        assert_eq!(answer.status, 1, "{}", self.name);
        let cured = match self.cure {
            Cure::Here(cure) => {
                cure(host);
                host.doctor()
            }
            Cure::AtAws => {
                (self.plant)(usual);
                usual.doctor()
            }
        };
        assert!(
            cured.data["cause"].is_null() && cured.status == 0,
            "{} is not cured: {}",
            self.name,
            cured.text
        );
        assert_eq!(cured.of("doubtful"), Vec::<String>::new(), "{} leaves doubt", self.name);
        usual.reset();
    }
}

/// Does it with each, on two threads: what takes long is to wait.
pub(crate) fn each<T: Sync>(list: &[T], test: impl Fn(&T, &mut Host) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut usual = Host::set();
                while let Some(one) = list.get(next.fetch_add(1, Ordering::SeqCst)) {
                    test(one, &mut usual);
                }
            });
        }
    });
}

/// Tests each fault.
pub(crate) fn each_fault(faults: &[Fault]) {
    each(faults, |fault, usual| fault.test(usual));
}

impl Host {
    pub(crate) fn set() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut SimulatorSettings)) -> Self {
        let stage = Stage::with(change);
        let text = |text: &str| format!("\"{text}\"");
        let session = BTreeMap::from([
            ("trust_anchor_arn", text(TRUST_ANCHOR)),
            ("profile_arn", text(PROFILE)),
            ("role_arn", text(ROLE)),
            ("certificate", text(stage.certificate())),
            ("private_key", text(stage.private_key())),
            ("endpoint", text(&stage.https_endpoint())),
            ("sts_endpoint", text(&stage.https_endpoint())),
            ("extra_ca", text(stage.server_ca())),
        ]);
        let well = session.clone();
        let (aws, env) = (String::new(), BTreeMap::new());
        let mut host = Self { stage, session, aws, env, title: "build", well, more: Vec::new() };
        host.reset();
        host
    }

    /// Makes all settings what they were at first; files stay.
    pub(crate) fn reset(&mut self) {
        let program = env!("CARGO_BIN_EXE_anyrole");
        self.session.clone_from(&self.well);
        self.aws = format!(
            "[profile build]\ncredential_process = \"{program}\" credential-process build\nregion = eu-central-1\n"
        );
        self.env = BTreeMap::from([("ANYROLE_CACHE", String::from("file"))]);
        self.title = "build";
        self.write(".aws/credentials", "", 0o600);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.stage.folder().join(name)
    }

    /// Writes a file below the home folder.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>, mode: u32) -> String {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Gives the session a value.
    pub(crate) fn say(&mut self, key: &'static str, value: &str) {
        self.session.insert(key, format!("\"{value}\""));
    }

    /// Gives it the value again that it had where all was well.
    pub(crate) fn well_again(&mut self, key: &'static str) {
        self.session.insert(key, self.well[key].clone());
    }

    /// Makes an end entity of the stage's CA, as the certificate and the key of the session.
    pub(crate) fn issue(&mut self, spec: &EndEntitySpec) {
        let key = KeyPair::generate(KeyAlgorithm::EcP256).unwrap();
        let issued = self.stage.issuing().issue(spec, key.subject_public_key_info()).unwrap();
        let certificate = self.write("made.pem", issued.chain_pem(), 0o644);
        let key = self.write("made.key", key.to_pem(KeyForm::Pkcs8).unwrap().as_bytes(), 0o600);
        self.say("certificate", &certificate);
        self.say("private_key", &key);
    }

    fn files(&self) {
        let lines: String = self.session.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        let config = self.path(".config/anyrole/config.toml");
        // What a fault did to the file's mode stays.
        if !config.exists() {
            self.write(".config/anyrole/config.toml", "", 0o600);
        }
        fs::write(config, format!("version = 1\n\n[session.{}]\n{lines}", self.title)).unwrap();
        if !self.aws.is_empty() {
            self.write(".aws/config", &self.aws, 0o600);
        }
    }

    /// Runs `doctor build --json`.
    pub(crate) fn doctor(&self) -> Answer {
        self.files();
        let mut arguments = vec!["doctor", "build", "--json"];
        arguments.extend(&self.more);
        let begun = Instant::now();
        let mut command = self.stage.anyrole(&arguments);
        let output = command.envs(&self.env).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
        let elapsed = begun.elapsed();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["kind"], "doctor");
        Answer { status: output.status.code().unwrap_or(-1), data: document["data"].clone(), elapsed, text }
    }

    /// Everything in the home folder, with its content.
    pub(crate) fn everything(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        fn walk(folder: &std::path::Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.path().is_dir() {
                    found.insert(entry.path(), Vec::new());
                    walk(&entry.path(), found);
                } else {
                    found.insert(entry.path(), fs::read(entry.path()).unwrap());
                }
            }
        }
        let mut found = BTreeMap::new();
        walk(self.stage.folder(), &mut found);
        found
    }
}

impl Answer {
    /// The ids of the checks with that verdict.
    pub(crate) fn of(&self, verdict: &str) -> Vec<String> {
        let checks = self.data["checks"].as_array().unwrap().iter();
        let checks = checks.filter(|check| check["verdict"] == verdict);
        checks
            .map(|check| format!("{}: {}", check["id"].as_str().unwrap(), check["text"].as_str().unwrap()))
            .collect()
    }

    /// The check of that id.
    pub(crate) fn check(&self, id: &str) -> &Value {
        let checks = self.data["checks"].as_array().unwrap();
        checks.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("{id}: {}", self.text))
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}
