//! A folder with a CA and certificates, a program called `aws` that notes what it is asked, and the judges.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::Validity;
use pki_test::distinguished_name::DistinguishedName;
use pki_test::end_entity::{EndEntity, EndEntitySpec, SubjectAlternativeName};
use pki_test::key_pair::{KeyForm, KeyPair};
use pki_test::revocation::{RevocationListSpec, RevokedCertificate};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

use crate::support::components;
use crate::support::programs;

pub(super) const ACCOUNT: &str = "111122223333";

/// Notes its arguments and says what AWS would say, as far as a script asks for it.
const AWS: &str = r#"#!/bin/sh
{ printf '%s\0' "$@"; printf '\001\0'; } >>"$RECORD"
region=us-east-1 previous=
for word in "$@"; do
    [ "$previous" = --region ] && region=$word
    previous=$word
done
case $region in cn-*) partition=aws-cn ;; us-gov-*) partition=aws-us-gov ;; *) partition=aws ;; esac
own=arn:$partition:rolesanywhere:$region:111122223333
id=a1b2c3d4-0000-4000-8000-000000000001
case "$1 $2" in
'sts get-caller-identity') echo "${ACCOUNT:-111122223333}" ;;
'rolesanywhere create-trust-anchor') echo "$own:trust-anchor/$id" ;;
'rolesanywhere list-trust-anchors') [ -z "${ANCHOR:-}" ] || echo "$own:trust-anchor/$id" ;;
'rolesanywhere create-profile') echo "$own:profile/$id" ;;
'rolesanywhere list-profiles')
    case "$*" in *profileId*) echo $id ;; *) echo "arn:$partition:iam::111122223333:role/deploy" ;; esac ;;
'rolesanywhere list-crls') echo "${CRL_ID:-}" ;;
'iam create-role') echo "arn:$partition:iam::111122223333:role/$4" ;;
'sns create-topic') echo "arn:$partition:sns:$region:111122223333:anyrole-alerts" ;;
'organizations create-policy') echo p-examplepolicyid111 ;;
esac
"#;

/// The folder, with its CA.
pub(super) struct Stage {
    folder: TempDir,
    pub(super) root: Authority,
}

impl Stage {
    pub(super) fn set() -> Self {
        let root = authority("CN=TEST root");
        let folder = TempDir::with_prefix("anyrole-setup-").unwrap();
        let stage = Self { folder, root };
        stage.write("ca.pem", &stage.root.certificate_pem());
        programs::script(stage.path("aws"), AWS);
        stage
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file that only its owner can read.
    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// Issues a certificate under the names of its files, with the root's key or another's.
    pub(super) fn issue(&self, file: &str, subject: DistinguishedName, uri: Option<&str>) -> EndEntity {
        self.issue_from(&self.root, file, subject, uri)
    }

    pub(super) fn issue_from(
        &self,
        authority: &Authority,
        file: &str,
        subject: DistinguishedName,
        uri: Option<&str>,
    ) -> EndEntity {
        let key = KeyPair::generate(KeyAlgorithm::EcP256).unwrap();
        let mut spec = EndEntitySpec::new(subject, validity());
        spec.subject_alternative_names.extend(uri.map(|uri| SubjectAlternativeName::Uri(uri.to_owned())));
        let issued = authority.issue(&spec, key.subject_public_key_info()).unwrap();
        self.write(&format!("{file}.pem"), &issued.chain_pem());
        self.write(&format!("{file}.key"), &key.to_pem(KeyForm::Pkcs8).unwrap());
        issued
    }

    /// A program in the folder, with nothing of our own environment.
    pub(super) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PATH", format!("{}:/usr/bin:/bin", self.folder.path().display()))
            .env("ANYROLE_CACHE", "none")
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    pub(super) fn anyrole(&self, arguments: &[&str]) -> Output {
        self.command(env!("CARGO_BIN_EXE_anyrole")).args(arguments).output().unwrap()
    }

    /// What `anyrole setup` prints, which says nothing else.
    pub(super) fn setup(&self, arguments: &[&str]) -> String {
        let output = self.anyrole(&[&["setup"], arguments].concat());
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && told.is_empty(), "{arguments:?}: {told}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a script of `anyrole setup` with the program that notes; returns what it was asked, and what the script says.
    pub(super) fn run(&self, script: &str, set: &[(&str, &str)]) -> (Vec<Vec<String>>, String) {
        let script = self.write("script.sh", script);
        let record = self.write("record", "");
        let mut shell = self.command("/bin/sh");
        shell.arg(script).arg("r-abcd").env("RECORD", &record).envs(set.iter().copied());
        let output = shell.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && told.is_empty(), "{told}");
        let record = fs::read_to_string(record).unwrap();
        let calls = record.split_terminator("\u{1}\0").map(|call| {
            let words = call.split_terminator('\0').map(str::to_owned);
            words.collect()
        });
        (calls.collect(), String::from_utf8(output.stdout).unwrap())
    }
}

/// The value of a flag in one of the noted calls.
pub(super) fn argument<'a>(calls: &'a [Vec<String>], operation: &str, flag: &str) -> &'a str {
    let call = calls.iter().find(|call| call[1] == operation);
    let call = call.unwrap_or_else(|| panic!("{operation} was not called: {calls:?}"));
    let place = call.iter().position(|word| word == flag).unwrap_or_else(|| panic!("{operation}: no {flag}"));
    &call[place + 1]
}

pub(super) fn authority(name: &str) -> Authority {
    let spec = AuthoritySpec::new(name.parse().unwrap(), validity());
    Authority::root(&spec, KeyPair::generate(KeyAlgorithm::EcP256).unwrap()).unwrap()
}

pub(super) fn validity() -> Validity {
    Validity::starting(OffsetDateTime::now_utc() - Duration::hours(1), Duration::days(30))
}

/// Returns the judges in Python, or `None` after saying that they are missing.
pub(super) fn judges() -> Option<Command> {
    let python = components::folder().join("judges/bin/python");
    if !python.exists() {
        components::missing("the folder of judges (cfn-lint, botocore, moto, parliament)");
        return None;
    }
    let mut command = Command::new(python);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", "/nonexistent")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command.arg("-B").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/setup.py"));
    Some(command)
}

/// Returns the program `terraform` with the configuration that tells where its providers are, if there is one: without it
/// it would ask its makers' host. The second value says whether there is such a configuration.
pub(super) fn terraform() -> Option<(Command, bool)> {
    let path = env::var_os("PATH").unwrap_or_default();
    let program =
        env::split_paths(&path).map(|folder| folder.join("terraform")).find(|path| path.exists())?;
    let named = env::var_os("TF_CLI_CONFIG_FILE").map(PathBuf::from);
    let written = components::folder().join("terraform/cli.tfrc");
    let configuration = named.into_iter().chain([written]).find(|path| path.is_file());
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", "/nonexistent")
        .env("CHECKPOINT_DISABLE", "1");
    command.env("GOGC", "400");
    let has_configuration = configuration.is_some();
    command.env("TF_CLI_CONFIG_FILE", configuration.unwrap_or_else(|| PathBuf::from("/dev/null")));
    Some((command, has_configuration))
}

impl Stage {
    /// A list of the root that revokes a certificate, in PEM.
    pub(super) fn revocation_list(&self, certificate: &EndEntity) -> String {
        let now = OffsetDateTime::now_utc();
        let spec = RevocationListSpec {
            number: 1,
            this_update: now - Duration::minutes(1),
            next_update: now + Duration::days(7),
            revoked: vec![RevokedCertificate {
                serial: certificate.serial().clone(),
                revoked_at: now - Duration::minutes(1),
                reason: None,
            }],
        };
        self.root.revocation_list(&spec).unwrap().pem()
    }
}
