//! A generated account of 40 users and 20 roles, and what is wrong in it.
//!
//! Everything comes from a seed, so that a failure can be repeated, and no key is anybody's.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyrole::clock::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::audit::corpus::{Random, write};

pub(crate) const ACCOUNT: u64 = 111_122_223_333;
/// 2026-11-23T16:00:00Z
pub(crate) const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_449_600);
const DAY: u64 = 86_400;

/// A finding: rule, severity, user or role, key.
pub(crate) type Truth = BTreeSet<(String, String, String, String)>;

pub(crate) struct Generated {
    pub(crate) folder: PathBuf,
    pub(crate) truth: Truth,
    /// The files besides the credential report, with the flag of each; without one it is a word.
    pub(crate) files: Vec<(Option<&'static str>, String)>,
    /// A key that stands on four hosts.
    pub(crate) spread: String,
    /// The secret that stands beside each key on a host.
    pub(crate) secret: String,
}

struct Account {
    random: Random,
    report: String,
    users: Vec<Value>,
    roles: Vec<Value>,
    keys: Vec<Value>,
    used: String,
    accessed: Vec<Value>,
    truth: Truth,
}

fn days_ago(days: u64) -> String {
    NOW.minus(std::time::Duration::from_secs(days * DAY)).to_string()
}

fn policy(action: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})
}

/// What a key is: active, its age, and when it was last used.
struct Key {
    active: bool,
    age: u64,
    used: Option<u64>,
}

/// What a user has besides its keys: the password and its last use; a second factor; its age.
struct Person {
    password: Option<Option<u64>>,
    mfa: bool,
    age: u64,
}

const SEEN: Person = Person { password: Some(Some(2)), mfa: true, age: 800 };

impl Account {
    /// Adds a user, and returns the ids of its keys.
    fn user(&mut self, name: &str, person: &Person, keys: &[Key], policies: &Value) -> Vec<String> {
        let own = self.random.next();
        let date = |days: Option<u64>, none: &str| days.map_or_else(|| none.to_owned(), days_ago);
        let (enabled, last) = match person.password {
            None => ("false", String::from("N/A")),
            Some(last) => ("true", date(last, "no_information")),
        };
        let mut line = format!(
            "{name},arn:aws:iam::{ACCOUNT}:user/{name},{},{enabled},{last},{last},N/A,{}",
            days_ago(person.age),
            person.mfa
        );
        let mut ids = Vec::new();
        for number in 0..2 {
            let Some(key) = keys.get(number) else {
                line.push_str(",false,N/A,N/A,N/A,N/A");
                continue;
            };
            let id = self.random.id("AKIA", ACCOUNT);
            let (used, region, service) = match key.used {
                None => (String::from("N/A"), "N/A", "N/A"),
                Some(days) => {
                    (days_ago(days), if own.is_multiple_of(2) { "eu-central-1" } else { "N/A" }, "s3")
                }
            };
            let _ = write!(line, ",{},{},{used},{region},{service}", key.active, days_ago(key.age));
            self.keys.push(json!({"UserName": name, "AccessKeyId": id, "CreateDate": days_ago(key.age),
                "Status": if key.active { "Active" } else { "Inactive" }}));
            let mut last = json!({"ServiceName": service, "Region": region});
            if key.used.is_some() {
                last["LastUsedDate"] = used.into();
            }
            let _ = writeln!(
                self.used,
                "{}",
                json!({"AccessKeyId": id, "UserName": name, "AccessKeyLastUsed": last})
            );
            ids.push(id);
        }
        line.push_str(",false,N/A,false,N/A,N/A\n");
        self.report.push_str(&line);
        let tag = ["Owner", "team", "Contact"][usize::try_from(own % 3).unwrap()];
        self.users.push(json!({"UserName": name, "Arn": format!("arn:aws:iam::{ACCOUNT}:user/{name}"), "GroupList": [],
            "UserPolicyList": policies, "AttachedManagedPolicies": [], "Tags": [{"Key": tag, "Value": format!("of {name}")}]}));
        ids
    }

    fn found(&mut self, rule: &str, severity: &str, who: &str, key: &str) {
        self.truth.insert((rule.to_owned(), severity.to_owned(), who.to_owned(), key.to_owned()));
    }

    /// Adds one user of a kind.
    fn of_kind(&mut self, kind: usize, name: &str) {
        let active = |age, used| Key { active: true, age, used };
        let some = json!([{"PolicyName": "p", "PolicyDocument": policy(&json!("s3:GetObject"))}]);
        let old = 91 + self.random.next() % 900;
        match kind {
            // What is in order, up to the last day.
            0 => drop(self.user(name, &SEEN, &[active(90, Some(89))], &some)),
            1 => drop(self.user(name, &SEEN, &[active(3, None)], &some)),
            2 => drop(self.user(name, &Person { password: None, mfa: false, age: 5 }, &[], &some)),
            3 => {
                let ids = self.user(name, &SEEN, &[active(old, Some(1))], &some);
                self.found("iam-key-old", "medium", name, &ids[0]);
            }
            4 => {
                let ids = self.user(name, &SEEN, &[active(old, None)], &some);
                self.found("iam-key-old", "medium", name, &ids[0]);
                self.found("iam-key-never-used", "medium", name, &ids[0]);
            }
            5 => {
                let ids = self.user(name, &SEEN, &[active(30, None)], &some);
                self.found("iam-key-never-used", "low", name, &ids[0]);
            }
            6 => {
                let ids = self.user(name, &SEEN, &[active(old + 100, Some(old))], &some);
                self.found("iam-key-old", "medium", name, &ids[0]);
                self.found("iam-key-idle", "medium", name, &ids[0]);
            }
            7 => {
                self.user(name, &SEEN, &[active(80, Some(1)), active(10, Some(0))], &some);
                self.found("iam-keys-two", "medium", name, "");
            }
            8 => {
                let keys = [Key { active: false, age: old, used: Some(50) }, active(10, Some(1))];
                let ids = self.user(name, &SEEN, &keys, &some);
                self.found("iam-key-inactive", "low", name, &ids[0]);
            }
            9 => {
                self.user(name, &Person { mfa: false, ..SEEN }, &[], &some);
                self.found("iam-password-mfa", "high", name, "");
            }
            10 => {
                self.user(name, &Person { password: Some(Some(old)), ..SEEN }, &[], &some);
                self.found("iam-user-unused", "medium", name, "");
            }
            11 => {
                self.user(name, &Person { password: None, mfa: false, age: old }, &[], &some);
                self.found("iam-user-unused", "low", name, "");
            }
            12 => {
                let admin = json!([{"PolicyName": "p", "PolicyDocument": policy(&json!("*"))}]);
                let ids = self.user(name, &Person { mfa: false, ..SEEN }, &[active(old, Some(1))], &admin);
                self.found("iam-key-old", "high", name, &ids[0]);
                self.found("iam-password-mfa", "critical", name, "");
            }
            // May give itself more, by a group.
            _ => {
                let ids = self.user(
                    name,
                    &Person { password: Some(None), ..SEEN },
                    &[active(old + 9, Some(old))],
                    &some,
                );
                self.users.last_mut().unwrap()["GroupList"] = json!(["powerful"]);
                self.found("iam-key-old", "high", name, &ids[0]);
                self.found("iam-key-idle", "high", name, &ids[0]);
                self.found("iam-user-unused", "high", name, "");
            }
        }
    }

    fn role(&mut self, number: usize) {
        let name = format!("role-{number}");
        let old = 91 + self.random.next() % 300;
        let (path, age, used, action, severity) = match number % 7 {
            0 => ("/", 800, Some(90), "s3:*", None),
            1 => ("/team/", 800, Some(old), "s3:*", Some("medium")),
            2 => ("/", 800, None, "s3:GetObject", Some("medium")),
            3 => ("/", 10, None, "*", None),
            4 => ("/aws-service-role/x.amazonaws.com/", 800, None, "ec2:*", None),
            5 => ("/", 800, None, "*", Some("high")),
            _ => ("/", 800, Some(1), "*", None),
        };
        let arn = format!("arn:aws:iam::{ACCOUNT}:role{path}{name}");
        let last = used
            .map_or_else(|| json!({}), |days| json!({"LastUsedDate": days_ago(days), "Region": "eu-west-1"}));
        self.roles.push(json!({"RoleName": name, "Arn": arn, "Path": path, "CreateDate": days_ago(age),
            "AssumeRolePolicyDocument": policy(&json!("sts:AssumeRole")), "RoleLastUsed": last,
            "RolePolicyList": [{"PolicyName": "p", "PolicyDocument": policy(&json!(action))}]}));
        if let Some(severity) = severity {
            self.found("iam-role-unused", severity, &name, "");
        }
        // Two in seven have services that nobody uses; one that is complete and in use, and one whose job failed, have none.
        let service = |name: &str, used: Option<u64>| match used {
            Some(days) => {
                json!({"ServiceNamespace": name, "LastAuthenticated": days_ago(days), "LastAuthenticatedEntity": arn})
            }
            None => json!({"ServiceNamespace": name, "TotalAuthenticatedEntities": 0}),
        };
        match number % 7 {
            0 => {
                self.accessed.push(json!({"JobStatus": "COMPLETED", "ServicesLastAccessed": [service("s3", Some(95)), service("sqs", None)]}));
                self.found("iam-service-unused", "low", &name, "");
            }
            2 => {
                self.accessed.push(json!({"Arn": arn, "JobStatus": "COMPLETED", "ServicesLastAccessed": [service("s3", None)]}));
                self.found("iam-service-unused", "low", &name, "");
            }
            3 => self.accessed.push(json!({"Arn": arn, "JobStatus": "FAILED", "ServicesLastAccessed": [service("s3", None)]})),
            6 => self.accessed.push(json!({"Arn": arn, "JobStatus": "COMPLETED", "ServicesLastAccessed": [service("s3", Some(1))]})),
            _ => {}
        }
    }
}

/// Writes the files of an account. With another seed they have another form too: JSON, pages, percent-encoded policies.
pub(crate) fn generate(folder: &Path, seed: u64, places: &dyn Fn(&[String]) -> Value) -> Generated {
    let mut account = Account {
        random: Random::new(seed),
        report: String::from(HEADING),
        users: Vec::new(),
        roles: Vec::new(),
        keys: Vec::new(),
        used: String::new(),
        accessed: Vec::new(),
        truth: Truth::new(),
    };
    let is_other = seed.is_multiple_of(2);
    let (root_mfa, root_key) = if is_other { ("false", "true") } else { ("true", "false") };
    let changed = if is_other { days_ago(5) } else { String::from("N/A") };
    let _ = writeln!(
        account.report,
        "<root_account>,arn:aws:iam::{ACCOUNT}:root,{},not_supported,{},not_supported,not_supported,{root_mfa},{root_key},{changed},N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A,N/A",
        days_ago(2000),
        days_ago(700)
    );
    if is_other {
        account.found("iam-root-mfa", "critical", "<root_account>", "");
        account.found("iam-root-key", "critical", "<root_account>", "");
    }
    for number in 0..37 {
        account.of_kind((number + usize::try_from(seed).unwrap()) % 14, &format!("user-{number}"));
    }
    for number in 0..20 {
        account.role(number);
    }
    // Three users whose keys stand on hosts, a key of another account, and one that is deleted.
    let young = |active| Key { active, age: 20, used: Some(1) };
    let open = account.user("on-hosts", &SEEN, &[young(true)], &json!([]))[0].clone();
    let closed = account.user("on-a-host", &SEEN, &[young(true)], &json!([]))[0].clone();
    let gone = account.user("was-on-a-host", &SEEN, &[young(false)], &json!([]))[0].clone();
    let foreign = account.random.id("AKIA", 444_455_556_666);
    let deleted = account.random.id("AKIA", ACCOUNT);
    let temporary = account.random.id("ASIA", ACCOUNT);
    account.found("iam-key-on-host", "critical", "on-hosts", &open);
    account.found("iam-key-on-host", "high", "on-a-host", &closed);
    account.found("iam-key-on-host", "low", "was-on-a-host", &gone);
    account.found("iam-key-inactive", "low", "was-on-a-host", &gone);
    account.found("iam-key-other-account", "high", "-", &foreign);
    // Root's key has no id, so that whether the id is of a key that is gone cannot be told.
    account.found("iam-key-not-known", if is_other { "high" } else { "low" }, "-", &deleted);

    let secret = account.random.secret();
    let with_secret = |id: &String| {
        format!("aws_access_key_id={id}\naws_secret_access_key={secret}\nregion=eu-central-1\n")
    };
    let mut texts: Vec<String> = [&open, &closed, &gone, &foreign, &deleted].map(with_secret).into();
    texts.push(format!("aws_access_key_id={temporary}\n"));
    let mut report = places(&texts);
    for found in report["data"]["findings"].as_array_mut().unwrap() {
        // Whoever runs this has a umask of their own.
        found["readable_by"] = if found["access_key_id"] == *open { "everyone" } else { "owner" }.into();
    }
    let mut files = Vec::new();
    for host in 1..=4 {
        let mut report = report.clone();
        report["data"]["host"] = format!("web{host}").into();
        if host > 1 {
            report["data"]["findings"]
                .as_array_mut()
                .unwrap()
                .retain(|found| found["access_key_id"] == *open);
        }
        let name = format!("web{host}.json");
        write(folder, &name, report.to_string().as_bytes());
        // The first by its flag, and the others as a shell spells them out.
        files.push((Some("files").filter(|_| host == 1), name));
    }
    finish(folder, account, is_other, files, (open, secret))
}

const HEADING: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated,additional_credentials_info\n";

fn finish(
    folder: &Path,
    account: Account,
    is_other: bool,
    mut files: Vec<(Option<&'static str>, String)>,
    (spread, secret): (String, String),
) -> Generated {
    let Account { report, mut users, mut roles, mut keys, used, accessed, truth, .. } = account;
    if is_other {
        let answer = json!({"Content": STANDARD.encode(report), "ReportFormat": "text/csv", "GeneratedTime": NOW.to_string()});
        write(folder, "report", answer.to_string().as_bytes());
        let encode = |document: &mut Value| {
            *document = utf8_percent_encode(&document.to_string(), NON_ALPHANUMERIC).to_string().into();
        };
        users.iter_mut().for_each(|user| {
            user["UserPolicyList"]
                .as_array_mut()
                .unwrap()
                .iter_mut()
                .for_each(|one| encode(&mut one["PolicyDocument"]));
        });
        roles.iter_mut().for_each(|role| encode(&mut role["RolePolicyList"][0]["PolicyDocument"]));
        // AWS promises no order.
        keys.reverse();
    } else {
        write(folder, "report", report.as_bytes());
    }
    let groups = json!([{"GroupName": "powerful", "Arn": "a", "AttachedManagedPolicies": [{"PolicyName": "p", "PolicyArn": "arn:p"}]}]);
    let managed = json!([{"PolicyName": "p", "Arn": "arn:p", "DefaultVersionId": "v2", "PolicyVersionList": [
        {"VersionId": "v1", "IsDefaultVersion": false, "Document": policy(&json!("s3:GetObject"))},
        {"VersionId": "v2", "IsDefaultVersion": true, "Document": policy(&json!(["iam:AttachUserPolicy", "sqs:*"]))}]}]);
    let details = if is_other {
        let page = |users: &[Value], roles: &[Value], more: bool| json!({"UserDetailList": users, "GroupDetailList": [], "RoleDetailList": roles, "Policies": [], "IsTruncated": more});
        let mut last = page(&[], &roles, false);
        last["GroupDetailList"] = groups;
        last["Policies"] = managed;
        format!("{:#}\n{:#}\n{last:#}\n", page(&users[..20], &[], true), page(&users[20..], &[], true))
    } else {
        json!({"UserDetailList": users, "GroupDetailList": groups, "RoleDetailList": roles, "Policies": managed}).to_string()
    };
    write(folder, "details", details.as_bytes());
    let keys: String =
        keys.iter().map(|key| format!("{:#}\n", json!({"AccessKeyMetadata": [key]}))).collect();
    write(folder, "keys", keys.as_bytes());
    write(folder, "used", used.as_bytes());
    let accessed: String = accessed.iter().map(|answer| format!("{answer}\n")).collect();
    write(folder, "accessed", accessed.as_bytes());
    files.extend([
        (Some("details"), String::from("details")),
        (None, String::from("keys")),
        (Some("last-used"), String::from("used")),
        (Some("accessed"), String::from("accessed")),
    ]);
    Generated { folder: folder.to_owned(), truth, files, spread, secret }
}
