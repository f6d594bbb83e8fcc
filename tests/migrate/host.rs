//! A host with a session `new`, AWS's two files as somebody left them, and eyes for a secret that is nowhere else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use base64::Engine as _;
use pki_test::simulator::SimulatorSettings;

use crate::clients::world::{ROLE_ARN, World};

/// A secret that only AWS's files may show.
pub(super) const SECRET: &str = "canary+7hWq/Zt2LxR9vKp3Nd8Yc5Ms1Bf4Jg6aTe";

/// A host.
pub(super) struct Host {
    pub(super) world: World,
}

/// What a run said.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) status: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// An access key id of the account 111122223333 (AWS's newer generation of ids holds it), another one for each number.
pub(super) fn key_id(number: u8) -> String {
    const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: u64 = ((1 << 47) | (111_122_223_333 << 7)) << 2;
    let mut id = String::from("AKIA");
    id.extend(
        (0..10).map(|place| char::from(BASE32[usize::try_from(bits >> (45 - 5 * place)).unwrap() & 31])),
    );
    let tail = b"QX7MNK".iter().map(|letter| char::from(*letter));
    id.extend(tail.take(5));
    id.push(char::from(BASE32[usize::from(number & 31)]));
    id
}

/// A profile of the credentials file.
pub(super) fn profile(name: &str, number: u8) -> String {
    format!("[{name}]\naws_access_key_id = {}\naws_secret_access_key = {SECRET}\n", key_id(number))
}

impl Host {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    /// A host whose simulator has these settings, with an empty config file and no credentials file.
    pub(super) fn with(change: impl FnOnce(&mut SimulatorSettings)) -> Self {
        let world = World::start(change);
        world.name_sessions(&[("new", ROLE_ARN)]);
        fs::remove_file(world.home().join("config")).unwrap();
        fs::create_dir(world.home().join(".aws")).unwrap();
        Self { world }
    }

    pub(super) fn config(&self) -> PathBuf {
        self.world.home().join(".aws/config")
    }

    pub(super) fn credentials(&self) -> PathBuf {
        self.world.home().join(".aws/credentials")
    }

    /// Writes both files; `None` removes one.
    pub(super) fn write(&self, config: Option<&str>, credentials: Option<&str>) {
        for (path, content) in [(self.config(), config), (self.credentials(), credentials)] {
            match content {
                Some(content) => {
                    fs::write(&path, content).unwrap();
                    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
                    settle(&path);
                }
                None => drop(fs::remove_file(&path)),
            }
        }
    }

    /// Returns both files.
    pub(super) fn files(&self) -> [Option<String>; 2] {
        [self.config(), self.credentials()].map(|path| fs::read_to_string(path).ok())
    }

    /// Our program.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        self.settled(Command::new(env!("CARGO_BIN_EXE_anyrole")), arguments)
    }

    /// The same, started by another.
    pub(super) fn settled(&self, mut command: Command, arguments: &[&str]) -> Command {
        command.args(arguments).env_clear();
        let mut command = self.world.settle(command, "none");
        command
            .env("ANYROLE_CONFIG", self.world.anyrole_config())
            .env("AWS_ENDPOINT_URL_STS", self.world.simulator.http_endpoint())
            .env_remove("AWS_CONFIG_FILE")
            .stdin(Stdio::null());
        command
    }

    /// Runs `anyrole migrate` with these arguments.
    pub(super) fn migrate(&self, arguments: &[&str]) -> Run {
        self.run(&mut self.command(&[&["migrate"], arguments].concat()))
    }

    /// Runs a command, and looks for the secret in what it says.
    pub(super) fn run(&self, command: &mut Command) -> Run {
        let Output { status, stdout, stderr } = command.output().unwrap();
        for (octets, place) in [(&stdout, "stdout"), (&stderr, "stderr")] {
            assert_no_secret(octets, place);
        }
        let text = |octets| String::from_utf8(octets).unwrap();
        Run { status: status.code().unwrap_or(-1), stdout: text(stdout), stderr: text(stderr) }
    }

    /// Runs `anyrole migrate`, which must succeed; returns what it said.
    pub(super) fn must(&self, arguments: &[&str]) -> String {
        let run = self.migrate(arguments);
        assert!(run.status == 0 && run.stderr.is_empty(), "{arguments:?}: {run:?}");
        run.stdout
    }

    pub(super) fn switch(&self, more: &[&str]) -> String {
        self.must(&[&["switch", "new", "--yes"], more].concat())
    }

    /// Returns the status of the only key, as JSON.
    pub(super) fn status(&self) -> serde_json::Value {
        let run = self.migrate(&["status", "--json"]);
        let mut answer: serde_json::Value = serde_json::from_str(&run.stdout).expect(&run.stderr);
        assert_eq!(answer["kind"], "migrate-status");
        answer["data"][0].take()
    }

    pub(super) fn state_folder(&self) -> PathBuf {
        self.world.home().join(".local/state/anyrole/migrate")
    }

    /// Looks for the secret in all that was written but AWS's files.
    pub(super) fn assert_nothing_leaked(&self) {
        look(&self.state_folder());
        look(&self.world.anyrole_config());
    }
}

fn look(path: &Path) {
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| look(&entry.unwrap().path()));
    } else if let Ok(octets) = fs::read(path) {
        assert_no_secret(&octets, &path.display().to_string());
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", path.display());
    }
}

fn assert_no_secret(octets: &[u8], place: &str) {
    let base64 = base64::engine::general_purpose::STANDARD;
    // In base64 what stands before shifts it: its middle, from each of three places.
    let mut forms = vec![SECRET.as_bytes().to_vec(), hex::encode(SECRET).into_bytes()];
    forms.extend((0..3).map(|from| base64.encode(&SECRET.as_bytes()[from..from + 30]).into_bytes()));
    for form in forms {
        assert!(!octets.windows(form.len()).any(|window| window == form), "the secret is in {place}");
    }
}

/// Has a file look as if nobody had written to it for a while: a program that empties it first might be about to.
pub(super) fn settle(path: &Path) {
    let before = std::time::SystemTime::now() - std::time::Duration::from_secs(10);
    fs::File::options().write(true).open(path).unwrap().set_modified(before).unwrap();
}
