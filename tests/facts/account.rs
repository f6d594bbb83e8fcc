//! An account with one trust anchor, profile and role, as the simulator has it and as the AWS CLI prints it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyrole::clock::{Clock as _, SystemClock};
use anyrole::doctor::Check;
use anyrole::doctor::facts::{Presented, checks};
use anyrole::session::SessionRequest;
use anyrole::x509::{Certificate, Chain};
use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::Validity;
use pki_test::end_entity::{EndEntity, EndEntitySpec, SubjectAlternativeName};
use pki_test::key_pair::{KeyForm, KeyPair};
use pki_test::revocation::{RevocationListSpec, RevokedCertificate};
use pki_test::simulator::{Simulator, SimulatorSettings};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

pub(super) const ANCHOR: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000001";
pub(super) const PROFILE: &str =
    "arn:aws:rolesanywhere:eu-central-1:111122223333:profile/a1b2c3d4-0000-4000-8000-000000000002";
pub(super) const ROLE: &str = "arn:aws:iam::111122223333:role/team/build";
const ACTIONS: [&str; 3] = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];

/// What is asked for, and what the account has; each test changes what it is about.
#[derive(Clone)]
pub(super) struct Account {
    pub(super) anchor_arn: String,
    pub(super) profile_arn: String,
    pub(super) role_arn: String,
    pub(super) duration: u64,
    pub(super) session_name: Option<&'static str>,
    pub(super) subject: &'static str,
    pub(super) uri: Option<&'static str>,
    pub(super) with_intermediate: bool,
    /// The CA in the trust anchor; `false` for another one of the same name.
    pub(super) own_ca: bool,
    pub(super) anchor_enabled: bool,
    pub(super) anchor_alias: Option<&'static str>,
    pub(super) crl: Option<List>,
    pub(super) profile_enabled: bool,
    pub(super) profile_alias: Option<&'static str>,
    pub(super) roles: Vec<String>,
    pub(super) profile_duration: u64,
    pub(super) accepts_names: bool,
    /// Field and specifiers; `None` for the defaults.
    pub(super) mappings: Option<Vec<(&'static str, Vec<&'static str>)>>,
    /// `subjectType` and `subjectSource`.
    pub(super) tip: Option<(Option<&'static str>, Option<&'static str>)>,
    pub(super) role_maximum: u64,
    pub(super) trust_policy: Value,
}

/// A list that was imported.
#[derive(Clone, Copy)]
pub(super) struct List {
    pub(super) enabled: bool,
    pub(super) revokes: bool,
}

/// A trust policy for Roles Anywhere with these conditions.
pub(super) fn policy(condition: Value) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": "rolesanywhere.amazonaws.com" },
            "Action": ACTIONS,
            "Condition": condition,
        }],
    })
}

impl Account {
    /// An account in which everything fits.
    pub(super) fn good() -> Self {
        Self {
            anchor_arn: ANCHOR.to_owned(),
            profile_arn: PROFILE.to_owned(),
            role_arn: ROLE.to_owned(),
            duration: 3600,
            session_name: None,
            subject: "CN=build-17,OU=Build,O=Example",
            uri: Some("spiffe://example/build/17"),
            with_intermediate: true,
            own_ca: true,
            anchor_enabled: true,
            anchor_alias: None,
            crl: Some(List { enabled: true, revokes: false }),
            profile_enabled: true,
            profile_alias: None,
            roles: vec![ROLE.to_owned(), "arn:aws:iam::111122223333:role/deploy".to_owned()],
            profile_duration: 3600,
            accepts_names: false,
            mappings: None,
            tip: None,
            role_maximum: 3600,
            trust_policy: policy(json!({
                "ArnEquals": { "aws:SourceArn": ANCHOR },
                "StringLike": { "aws:PrincipalTag/x509Subject/CN": "build-*" },
            })),
        }
    }

    /// Makes the files of identity and account, and starts nothing yet.
    pub(super) fn set(&self) -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let now = OffsetDateTime::now_utc();
        let validity = Validity::starting(now - Duration::minutes(10), Duration::DAY * 30);
        let key = || KeyPair::generate(KeyAlgorithm::EcP256).unwrap();
        let root = || {
            Authority::root(&AuthoritySpec::new("CN=TEST root".parse().unwrap(), validity), key()).unwrap()
        };
        let (own, other) = (root(), root());
        let intermediate = own
            .intermediate(&AuthoritySpec::new("CN=TEST issuing".parse().unwrap(), validity), key())
            .unwrap();
        let issuer = if self.with_intermediate { &intermediate } else { &own };
        let private = key();
        let spec = EndEntitySpec {
            subject_alternative_names: self
                .uri
                .map(|uri| SubjectAlternativeName::Uri(uri.to_owned()))
                .into_iter()
                .collect(),
            ..EndEntitySpec::new(self.subject.parse().unwrap(), validity)
        };
        let end_entity = issuer.issue(&spec, private.subject_public_key_info()).unwrap();
        let held = if self.own_ca { &own } else { &other };
        let list = self.crl.map(|list| {
            let serial = pki_test::verifier::Certificate::parse(named_by_the_root(&end_entity)).unwrap();
            let revoked = RevokedCertificate {
                serial: pki_test::certificate::SerialNumber::new(&serial.serial().to_bytes_be()).unwrap(),
                revoked_at: now - Duration::DAY,
                reason: None,
            };
            let spec = RevocationListSpec {
                number: 1,
                this_update: now - Duration::DAY,
                next_update: now + Duration::DAY,
                revoked: if list.revokes { vec![revoked] } else { Vec::new() },
            };
            held.revocation_list(&spec).unwrap().pem()
        });
        let stage = Stage { account: self.clone(), end_entity, root: held.certificate_pem(), list, folder };
        stage.write("host.pem", stage.end_entity.chain_pem());
        stage.write("host.key", private.to_pem(KeyForm::Pkcs8).unwrap());
        stage.write("root.pem", &stage.root);
        stage.write("crl.pem", stage.list.as_deref().unwrap_or_default());
        stage
    }

    fn tip_values(&self) -> Option<(Option<&'static str>, &'static str)> {
        self.tip.map(|(kind, source)| (kind, source.unwrap_or("x509Subject/CN")))
    }
}

/// The certificate that the root's own list can name: the end entity's, or that of its intermediate.
fn named_by_the_root(end_entity: &EndEntity) -> &[u8] {
    end_entity.intermediates().first().map_or(end_entity.certificate_der(), Vec::as_slice)
}

/// The files of an account, and of an identity that it is asked with.
pub(super) struct Stage {
    account: Account,
    pub(super) end_entity: EndEntity,
    root: String,
    list: Option<String>,
    folder: tempfile::TempDir,
}

impl Stage {
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }

    pub(super) fn anchor(&self) -> Value {
        let Account { anchor_enabled, anchor_alias, .. } = &self.account;
        let mut anchor = json!({
            "createdAt": "2026-11-01T00:00:00+00:00",
            "enabled": anchor_enabled,
            "name": "fleet",
            "source": {
                "sourceType": "CERTIFICATE_BUNDLE",
                "sourceData": { "x509CertificateData": self.root },
            },
            "trustAnchorArn": ANCHOR,
            "trustAnchorId": "a1b2c3d4-0000-4000-8000-000000000001",
        });
        if let Some(alias) = anchor_alias {
            anchor["aliasName"] = json!(alias);
            anchor["aliasArn"] = json!(alias_arn("trust-anchor", alias));
        }
        json!({ "trustAnchor": anchor })
    }

    pub(super) fn profile(&self) -> Value {
        let account = &self.account;
        let defaults = vec![
            ("x509Issuer", vec!["*"]),
            ("x509SAN", vec!["DNS", "URI", "Name/*"]),
            ("x509Subject", vec!["*"]),
        ];
        let mappings: Vec<Value> = account
            .mappings
            .as_ref()
            .unwrap_or(&defaults)
            .iter()
            .map(|(field, specifiers)| {
                let rules: Vec<Value> = specifiers.iter().map(|text| json!({ "specifier": text })).collect();
                json!({ "certificateField": field, "mappingRules": rules })
            })
            .collect();
        let mut profile = json!({
            "acceptRoleSessionName": account.accepts_names,
            "attributeMappings": mappings,
            "durationSeconds": account.profile_duration,
            "enabled": account.profile_enabled,
            "managedPolicyArns": [],
            "name": "builders",
            "profileArn": PROFILE,
            "roleArns": account.roles,
        });
        if let Some((kind, source)) = account.tip_values() {
            profile["tipConfiguration"] = json!({ "status": "ENABLED", "subjectSource": source });
            if let Some(kind) = kind {
                profile["tipConfiguration"]["subjectType"] = json!(kind);
            }
        }
        if let Some(alias) = account.profile_alias {
            profile["aliasArn"] = json!(alias_arn("profile", alias));
        }
        json!({ "profile": profile })
    }

    pub(super) fn role(&self) -> Value {
        json!({ "Role": {
            "Path": "/team/",
            "RoleName": "build",
            "Arn": ROLE,
            "AssumeRolePolicyDocument": self.account.trust_policy,
            "MaxSessionDuration": self.account.role_maximum,
        } })
    }

    pub(super) fn crls(&self) -> Value {
        use base64::Engine as _;
        let lists: Vec<Value> = self
            .account
            .crl
            .iter()
            .zip(&self.list)
            .map(|(list, pem)| {
                json!({
                    "crlArn": "arn:aws:rolesanywhere:eu-central-1:111122223333:crl/a1b2c3d4-0000-4000-8000-000000000003",
                    "crlData": base64::engine::general_purpose::STANDARD.encode(pem),
                    "enabled": list.enabled,
                    "name": "fleet",
                    "trustAnchorArn": ANCHOR,
                })
            })
            .collect();
        json!({ "crls": lists })
    }

    pub(super) fn subject(&self, failed: bool) -> Value {
        json!({ "subject": {
            "subjectArn": "arn:aws:rolesanywhere:eu-central-1:111122223333:subject/a1b2c3d4-0000-4000-8000-000000000004",
            "subjectId": "a1b2c3d4-0000-4000-8000-000000000004",
            "enabled": true,
            "x509Subject": self.account.subject,
            "lastSeenAt": "2026-11-29T12:00:00+00:00",
            "credentials": [{
                "seenAt": "2026-11-29T12:00:00+00:00",
                "serialNumber": self.end_entity.serial().decimal(),
                "issuer": "CN=TEST issuing",
                "enabled": true,
                "failed": failed,
            }],
        } })
    }

    /// Writes the five answers, and returns their folder.
    pub(super) fn facts(&self) -> PathBuf {
        for (name, answer) in [
            ("get-trust-anchor", self.anchor()),
            ("get-profile", self.profile()),
            ("get-role", self.role()),
            ("list-crls", self.crls()),
            ("get-subject", self.subject(false)),
        ] {
            self.write(&format!("facts/{name}.json"), serde_json::to_string_pretty(&answer).unwrap());
        }
        self.path("facts")
    }

    /// Lays a folder beside what would be presented.
    pub(super) fn checks(&self, folder: &Path) -> Vec<Check> {
        let parse = |der: &[u8]| Certificate::parse(der).unwrap();
        let intermediates = self.end_entity.intermediates().iter().map(|der| parse(der)).collect();
        let chain = Chain::order(parse(self.end_entity.certificate_der()), intermediates);
        let Account { anchor_arn, profile_arn, role_arn, duration, session_name, .. } = &self.account;
        let request = SessionRequest {
            trust_anchor_arn: anchor_arn.parse().unwrap(),
            profile_arn: profile_arn.parse().unwrap(),
            role_arn: role_arn.parse().unwrap(),
            region: "eu-central-1".to_owned(),
            session_duration: Some(std::time::Duration::from_secs(*duration)),
            role_session_name: session_name.map(str::to_owned),
        };
        checks(folder, &Presented { chain: Some(&chain), request: &request, now: SystemClock.now() })
    }

    /// Starts a simulator of the account.
    pub(super) fn simulator(&self) -> Simulator {
        let account = &self.account;
        let list = |texts: &[String]| serde_json::to_string(texts).unwrap();
        let mut toml = format!(
            "version = 1\nregion = 'eu-central-1'\n[[trust_anchor]]\narn = '{ANCHOR}'\nenabled = {}\n\
             certificates = ['root.pem']\n",
            account.anchor_enabled
        );
        if account.crl.is_some_and(|list| list.enabled) {
            toml.push_str("revocation_lists = ['crl.pem']\n");
        }
        if let Some(alias) = account.anchor_alias {
            toml.push_str(&format!("alias = '{alias}'\n"));
        }
        toml.push_str(&format!(
            "[[profile]]\narn = '{PROFILE}'\nenabled = {}\nroles = {}\nduration = '{}s'\naccept_role_session_name = {}\n",
            account.profile_enabled,
            list(&account.roles),
            account.profile_duration,
            account.accepts_names
        ));
        if let Some(alias) = account.profile_alias {
            toml.push_str(&format!("alias = '{alias}'\n"));
        }
        if let Some((kind, source)) = account.tip_values() {
            let kind = kind.map(|kind| format!(", subject_type = '{kind}'")).unwrap_or_default();
            toml.push_str(&format!("tip = {{ status = 'ENABLED', subject_source = '{source}'{kind} }}\n"));
        }
        for (field, specifiers) in account.mappings.iter().flatten() {
            let specifiers: Vec<String> = specifiers.iter().map(|text| (*text).to_owned()).collect();
            toml.push_str(&format!(
                "[[profile.attribute_mapping]]\nfield = '{field}'\nspecifiers = {}\n",
                list(&specifiers)
            ));
        }
        toml.push_str(&format!(
            "[[role]]\narn = '{ROLE}'\nmax_session_duration = '{}s'\ntrust_policy = '''{}'''\n",
            account.role_maximum, account.trust_policy
        ));
        Simulator::start(SimulatorSettings::from_toml(&toml, self.folder.path()).unwrap()).unwrap()
    }

    /// Asks a simulator for a session.
    pub(super) fn ask(&self, simulator: &Simulator) -> Output {
        let Account { anchor_arn, profile_arn, role_arn, duration, session_name, .. } = &self.account;
        let mut command = self.program();
        command.args([
            "credential-process",
            "--cache",
            "none",
            "--certificate",
            "host.pem",
            "--private-key",
            "host.key",
        ]);
        command.args(["--endpoint", &simulator.http_endpoint(), "--trust-anchor-arn", anchor_arn]);
        command.args(["--profile-arn", profile_arn, "--role-arn", role_arn]);
        command.args(["--session-duration", &duration.to_string()]);
        command.args(session_name.iter().flat_map(|name| ["--role-session-name", name]));
        command.output().unwrap()
    }

    /// Our program, with nothing of the user's.
    pub(super) fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_anyrole"));
        command.env_clear().env("HOME", self.folder.path()).env("PATH", "/usr/bin:/bin");
        command.env("ANYROLE_CACHE", "file").current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Writes a config file with the session `build`, and returns its path.
    pub(super) fn config(&self, endpoint: &str) -> PathBuf {
        let text = format!(
            "version = 1\n[session.build]\ntrust_anchor_arn = '{}'\nprofile_arn = '{}'\nrole_arn = '{}'\n\
             certificate = '{}'\nprivate_key = '{}'\nendpoint = '{endpoint}'\n",
            self.account.anchor_arn,
            self.account.profile_arn,
            self.account.role_arn,
            self.path("host.pem").display(),
            self.path("host.key").display()
        );
        self.write("config.toml", text);
        self.path("config.toml")
    }
}

pub(super) fn alias_arn(kind: &str, alias: &str) -> String {
    format!("arn:aws:rolesanywhere:eu-central-1:111122223333:alias/{kind}/{alias}")
}
