//! A software TPM, the programs that make keys in it, and a simulator that judges what they sign.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use anyrole::signer::tpm::KeyFile;
use anyrole::x509::pem::{self, Label};
use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::Validity;
use pki_test::distinguished_name::DistinguishedName;
use pki_test::end_entity::EndEntitySpec;
use pki_test::key_pair::KeyPair;
use pki_test::simulator::{Profile, Role, Simulator, SimulatorSettings};
use pki_test::verifier::TrustAnchor;
use time::OffsetDateTime;

use crate::support::components::missing;

const TRUST_ANCHOR: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000001";
const PROFILE: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:profile/a1b2c3d4-0000-4000-8000-000000000001";
const ROLE: &str = "arn:aws:iam::111122223333:role/build";

/// What signing keys of tpm2-tools may do, so that any scheme is theirs.
pub(super) const SIGNS: &str = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign";

/// A software TPM with a folder, and a simulator.
pub(super) struct World {
    folder: tempfile::TempDir,
    tpm: Child,
    simulator: Simulator,
    root: Authority,
}

impl World {
    /// Starts a TPM that nobody has used; `None` where a component is missing.
    pub(super) fn begin() -> Option<Self> {
        if !is_there() {
            return None;
        }
        let folder = tempfile::tempdir().expect("a private folder");
        fs::create_dir(folder.path().join("state")).expect("a folder");
        let socket = folder.path().join("tpm");
        let mut swtpm = Command::new("swtpm");
        swtpm.args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"]);
        swtpm.args(["--tpmstate", &format!("dir={}", folder.path().join("state").display())]);
        swtpm.args(["--server", &format!("type=unixio,path={}", socket.display())]);
        swtpm.args(["--ctrl", &format!("type=unixio,path={}.ctrl", socket.display())]);
        let tpm = swtpm.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("swtpm starts");
        for _ in 0..1000 {
            if UnixStream::connect(&socket).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let name = "CN=TEST root".parse::<DistinguishedName>().expect("a name");
        let key = KeyPair::generate(KeyAlgorithm::EcP256).expect("a key");
        let root = Authority::root(&AuthoritySpec::new(name, validity()), key).expect("a root");
        let anchor = TrustAnchor::new(TRUST_ANCHOR, &[root.certificate_der()]).expect("a trust anchor");
        let profile = Profile::new(PROFILE, &[ROLE]).expect("a profile");
        let role = Role::new(ROLE).expect("a role");
        let settings = SimulatorSettings::new("eu-central-1", vec![anchor], vec![profile], vec![role]);
        let simulator = Simulator::start(settings).expect("the simulator starts");
        Some(Self { folder, tpm, simulator, root })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes an owner-only file.
    pub(super) fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.path(name), content).expect("a file");
        self.close(name);
    }

    /// Makes a file the owner's alone.
    pub(super) fn close(&self, name: &str) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).expect("a mode");
    }

    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.folder.path());
        for variable in ["TPM2TOOLS_TCTI", "TPM2OPENSSL_TCTI", "TPM_DEVICE"] {
            command.env(variable, "swtpm:path=tpm");
        }
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Runs lines of a shell, each of which must succeed; the TPM has its room back afterwards.
    pub(super) fn run(&self, script: &str) -> String {
        let freed = format!(
            "set -e\nfree() {{ tpm2_flushcontext -t; tpm2_flushcontext -l; tpm2_flushcontext -s; }}\n{script}\nfree\n"
        );
        let output = self.command("sh").args(["-c", &freed]).output().expect("a shell");
        assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    /// Our program.
    pub(super) fn anyrole(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_anyrole"));
        command.env("ANYROLE_CACHE_NAMESPACE", format!("tpm-{}", std::process::id())).args(arguments);
        command
    }

    /// Runs our program, and checks that it left nothing in the TPM.
    pub(super) fn call(&self, arguments: &[&str]) -> Answer {
        let answer = Answer::of(self.anyrole(arguments).output().expect("our program"));
        self.is_empty();
        answer
    }

    /// Checks that nothing is loaded in the TPM.
    pub(super) fn is_empty(&self) {
        // TPM_CAP_HANDLES of sessions that are loaded, of saved ones, and of objects.
        for first in [0x0200_0000, 0x0300_0000, 0x8000_0000] {
            let told = self.capability(1, first, 254);
            assert_eq!(told[5..9], [0; 4], "what is left behind: {told:02x?}");
        }
    }

    /// Returns how many wrong passwords the TPM counts.
    pub(super) fn wrong_passwords(&self) -> u32 {
        // TPM_CAP_TPM_PROPERTIES, TPM_PT_LOCKOUT_COUNTER.
        let told = self.capability(6, 0x20E, 1);
        u32::from_be_bytes(told[13..17].try_into().expect("four octets"))
    }

    /// Asks the TPM itself (GetCapability), and returns the parameters of its answer.
    fn capability(&self, capability: u32, first: u32, most: u32) -> Vec<u8> {
        let numbers = [22, 0x17A, capability, first, most].map(u32::to_be_bytes).concat();
        let mut tpm = UnixStream::connect(self.path("tpm")).expect("the TPM listens");
        tpm.write_all(&[&[0x80, 1][..], &numbers].concat()).expect("the TPM reads");
        let mut answer = vec![0; 4096];
        let length = tpm.read(&mut answer).expect("the TPM answers");
        assert_eq!(answer[6..10], [0; 4], "GetCapability");
        answer[10..length].to_vec()
    }

    /// Makes the storage key at 0x81000001, as the programs of distributions do.
    pub(super) fn with_parent(self) -> Self {
        self.run(
            "tpm2_createprimary -Q -C o -G ecc256 -c parent.ctx -a 'restricted|decrypt|fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda'
             tpm2_evictcontrol -Q -C o -c parent.ctx 0x81000001",
        );
        self
    }

    /// Makes a key with tpm2-tools below a parent and its file with `tpm2_encodeobject`.
    pub(super) fn tools_key(&self, name: &str, algorithm: &str, more: &str) {
        self.tools_key_below("0x81000001", name, algorithm, more, "");
    }

    pub(super) fn tools_key_below(
        &self,
        parent: &str,
        name: &str,
        algorithm: &str,
        more: &str,
        parent_auth: &str,
    ) {
        self.run(&format!(
            "tpm2_create -Q -C {parent} {parent_auth} -G {algorithm} -u {name}.pub -r {name}.priv -a '{SIGNS}' {more}
             free
             tpm2_encodeobject -C {parent} {parent_auth} -u {name}.pub -r {name}.priv -o {name}.pem"
        ));
        self.close(&format!("{name}.pem"));
    }

    /// Issues a certificate for a key file, `NAME.pem`, as `NAME.crt`.
    pub(super) fn certify(&self, name: &str) {
        let text = fs::read(self.path(&format!("{name}.pem"))).expect("a key file");
        let blocks = pem::read(&text).expect("PEM");
        let block = blocks.iter().find(|block| block.label == Label::Tss2PrivateKey).expect("a key");
        let key = KeyFile::from_der(&block.der).expect("a key file").public_key().expect("a public key");
        self.certify_key(name, key.der());
    }

    /// Issues a certificate for a public key.
    pub(super) fn certify_key(&self, name: &str, public_key: &[u8]) {
        let subject = format!("CN={name}").parse::<DistinguishedName>().expect("a name");
        let issued =
            self.root.issue(&EndEntitySpec::new(subject, validity()), public_key).expect("a certificate");
        self.write(&format!("{name}.crt"), issued.chain_pem().as_bytes());
    }

    /// The command that asks the simulator for a session.
    pub(super) fn session(&self, certificate: &str, key: &str, more: &[&str]) -> Vec<String> {
        let endpoint = self.simulator.http_endpoint();
        let fixed = ["credential-process", "--certificate", certificate, "--private-key", key];
        let arns = ["--trust-anchor-arn", TRUST_ANCHOR, "--profile-arn", PROFILE, "--role-arn", ROLE];
        let rest = ["--endpoint", &endpoint, "--no-cache"];
        [&fixed[..], &arns[..], &rest[..], more].concat().into_iter().map(str::to_owned).collect()
    }

    /// Asks the simulator for a session with `NAME.crt`, and checks that it grants one.
    pub(super) fn accepts(&self, name: &str, key: &str, more: &[&str]) {
        let certificate = format!("{name}.crt");
        let arguments = self.session(&certificate, key, more);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let answer = self.call(&arguments);
        assert!(answer.status == 0 && answer.stderr.is_empty(), "{name}: {answer:?}");
        assert!(answer.stdout.contains("\"AccessKeyId\""), "{name}: {answer:?}");
    }

    /// Signs the test string with a key, and checks that this is refused for this reason.
    pub(super) fn refuses(&self, id: &str, key: &str, more: &[&str]) -> String {
        let answer = self.call(&[&["sign-string", "--private-key", key], more].concat());
        let told = answer.stderr.lines().next().is_some_and(|line| line.ends_with(&format!(" [{id}]")));
        assert!(answer.status == 1 && told && answer.stdout.is_empty(), "{id}: {answer:?}");
        answer.stderr
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.tpm.kill();
        let _ = self.tpm.wait();
    }
}

/// What a call answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Answer {
    pub(super) fn of(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

fn validity() -> Validity {
    Validity::starting(OffsetDateTime::now_utc() - time::Duration::minutes(1), time::Duration::DAY)
}

fn is_there() -> bool {
    // Where Debian and others keep OpenSSL's providers.
    let find = "command -v swtpm && command -v tpm2_createprimary && command -v openssl && ls /usr/lib*/*/ossl-modules/tpm2.so";
    let mut shell = Command::new("sh");
    shell.args(["-c", find]).stdout(Stdio::null()).stderr(Stdio::null());
    if shell.status().is_ok_and(|status| status.success()) {
        return true;
    }
    missing("swtpm, tpm2-tools, openssl or tpm2-openssl");
    false
}
