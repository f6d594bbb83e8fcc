//! `migrate plan`: where a key is on this host, what replaces it, and the commands for that. Nothing is changed.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use super::super::args::{Needs, Spec, Words};
use super::super::report::Failure;
use super::super::settings::Settings;
use super::super::settings::table::{Group, Kind, Setting};
use super::super::{Invocation, output};
use super::switch::dependents;
use super::{AWS_PROFILE, KEY_ID, key_id};
use crate::audit::files::{self, AllowList, Finding, Progress, Request, account_of};
use crate::clock::SystemClock;
use crate::migrate::MigrateError;
use crate::migrate::files::{Files, Found, Holder};
use crate::migrate::policy::{self, Accessed, Reduced};
use crate::private_file::{self, shell_word};
use crate::text::{printable, quoted};

const LOOK: Setting = Setting::flag(
    "look",
    Kind::List("PATH"),
    "look for the key there [default: where this host keeps such things]",
);
const USER: Setting = Setting::flag("user", Kind::Text("NAME"), "the key's IAM user, for --details");
const DETAILS: Setting =
    Setting::flag("details", Kind::Text("FILE"), "what aws iam get-account-authorization-details printed");
const ACCESSED: Setting =
    Setting::flag("accessed", Kind::Text("FILE"), "what aws iam get-service-last-accessed-details printed");
const POLICY_OUTPUT: Setting =
    Setting::flag("policy-output", Kind::Text("FILE"), "where the role's policy goes");
const JSON: Setting = Setting::flag("json", Kind::Boolean, "print JSON for programs");

/// The largest file of the AWS CLI that is read, in bytes.
const LIMIT: u64 = 256 << 20;

/// `anyrole migrate plan`.
pub(in crate::cli) const SPEC: Spec = Spec {
    name: "migrate plan",
    about: "Shows who uses a static key on this host, and what replaces it.",
    words: Words::Session,
    groups: &[Group::Session, Group::Identity, Group::Program],
    flags: &[AWS_PROFILE, KEY_ID, LOOK, USER, DETAILS, ACCESSED, POLICY_OUTPUT, JSON],
    more: "\
Changes nothing and sends nothing; it may be run as root, to see the files and processes of every user:
  anyrole migrate plan deploy --aws-profile ci
NAME is the session that is to replace the key; it need not exist yet.

What the role may do: the user's policies, without what they allow and nobody used in 400 days, if
you bring what IAM knows. These commands read, and change nothing:
  aws iam get-account-authorization-details >details.json
  aws iam generate-service-last-accessed-details \\
    --granularity ACTION_LEVEL --arn arn:aws:iam::111122223333:user/ci
  aws iam get-service-last-accessed-details --job-id ID >accessed.json
  anyrole migrate plan deploy --user ci --details details.json \\
    --accessed accessed.json --policy-output policy.json
What is in doubt is kept, and said. Read the policy before you use it.
",
    needs: Needs::Everything,
    run,
};

/// The plan.
#[derive(Serialize)]
struct Plan {
    access_key_id: String,
    account: Option<String>,
    profiles: Vec<InProfile>,
    /// Where else on this host the key is.
    elsewhere: Vec<Finding>,
    session: String,
    policy: Option<Value>,
    notes: Vec<String>,
    /// The commands, in their order.
    steps: Vec<String>,
}

#[derive(Serialize)]
struct InProfile {
    profile: String,
    path: String,
    line: usize,
}

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let read = Files::read(invocation.env, false)?;
    let found = match key_id(invocation)? {
        Some(id) => read.find(id)?,
        None => read
            .find_by_profile(invocation.typed.flag(AWS_PROFILE.name).unwrap_or("default"), invocation.env)?,
    };
    let id = found.key.access_key_id.clone();
    let reduced = policy(invocation)?;
    let mut notes = dependents(&found);
    notes.extend(reduced.iter().flat_map(|reduced| reduced.notes.clone()));
    let elsewhere = elsewhere(invocation, &found);
    if elsewhere.iter().any(|finding| finding.process.is_some()) {
        notes.push(String::from(
            "a process keeps the key that it was started with: restart it after the switch",
        ));
    }
    let account = account_of(&id);
    let steps = steps(invocation, &id, account.as_deref(), reduced.is_some());
    let in_profile = |Holder { profile, path, line, .. }: &Holder| InProfile {
        profile: profile.clone(),
        path: path.to_string_lossy().into_owned(),
        line: *line,
    };
    let plan = Plan {
        account,
        profiles: found.holders.iter().map(in_profile).collect(),
        elsewhere,
        session: invocation.name().unwrap_or("NAME").to_owned(),
        policy: reduced.map(|reduced| reduced.policy),
        notes,
        steps,
        access_key_id: id,
    };
    if let (Some(file), Some(policy)) = (invocation.typed.flag(POLICY_OUTPUT.name), &plan.policy) {
        private_file::replace(Path::new(file), format!("{policy:#}\n").as_bytes(), 0o600)?;
    }
    let written = if invocation.has(&JSON) {
        output::write_json("migrate-plan", &plan)
    } else {
        output::write_lines(&render(&plan, invocation.typed.flag(POLICY_OUTPUT.name)))
    };
    written.map_err(Failure::output)
}

/// Returns where the key is beside the profiles.
fn elsewhere(invocation: &Invocation<'_>, found: &Found) -> Vec<Finding> {
    let request = Request {
        paths: invocation.typed.texts(LOOK.name).map(PathBuf::from).collect(),
        git: false,
        allow: AllowList::default(),
        threads: None,
    };
    let report = files::run(&request, invocation.env, &SystemClock, &Progress::default());
    let is_profile = |finding: &Finding| {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let path = real(Path::new(&finding.path));
        found.holders.iter().any(|holder| real(&holder.path) == path)
    };
    let findings = report.findings.into_iter();
    findings
        .filter(|finding| finding.access_key_id == found.key.access_key_id && !is_profile(finding))
        .collect()
}

/// Returns the policy of the role, from the files that were given.
fn policy(invocation: &Invocation<'_>) -> Result<Option<Reduced>, Failure> {
    let read = |file: &str| -> Result<Value, Failure> {
        let path = Path::new(file);
        let bytes = private_file::read_bounded(path, LIMIT)?;
        Ok(serde_json::from_slice(&bytes).map_err(|error| MigrateError::Input {
            file: path.to_owned(),
            why: format!("it is not JSON (line {}, column {})", error.line(), error.column()),
        })?)
    };
    let wrong = |file: &str, why: String| MigrateError::Input { file: PathBuf::from(file), why };
    let accessed = match invocation.typed.flag(ACCESSED.name) {
        Some(file) => Some(Accessed::read(&read(file)?).map_err(|why| wrong(file, why))?),
        None => None,
    };
    let Some(file) = invocation.typed.flag(DETAILS.name) else { return Ok(None) };
    let user = invocation.typed.flag(USER.name);
    let user = user
        .ok_or_else(|| wrong(file, String::from("--user says whose policies to take, and is not given")))?;
    let policies = policy::of_user(&read(file)?, user).map_err(|why| wrong(file, why))?;
    Ok(Some(policy::reduced(&policies, accessed.as_ref())))
}

/// Returns the commands that carry the plan out.
fn steps(invocation: &Invocation<'_>, id: &str, account: Option<&str>, has_policy: bool) -> Vec<String> {
    let name = invocation.name().unwrap_or("NAME");
    // The session may be there already, with all of its settings.
    let known = Settings::resolve(&invocation.typed, invocation.env, SPEC.groups).ok();
    let known = known.filter(Settings::describe_a_session);
    let mut steps = Vec::new();
    if known.is_none() || has_policy {
        let policy = match (has_policy, invocation.typed.flag(POLICY_OUTPUT.name)) {
            (false, _) => String::new(),
            (true, file) => format!(" --policy {}", shell_word(Path::new(file.unwrap_or("policy.json")))),
        };
        let certificate = known.as_ref().and_then(|settings| settings.given("certificate"));
        let certificate = certificate.map_or("host.pem", |given| given.text());
        let role = known.as_ref().and_then(|settings| settings.given("trust-anchor-arn"));
        let region = role.and_then(|given| given.text().split(':').nth(3)).unwrap_or("REGION");
        steps.push(format!(
            "anyrole setup {name} --ca ca.pem --certificate {} --account {} --region {region}{policy}",
            shell_word(Path::new(certificate)),
            account.unwrap_or("ACCOUNT"),
        ));
    }
    if known.is_none() {
        steps.push(format!("anyrole configure {name} --profile {name}"));
    }
    steps.push(format!("anyrole migrate switch {name} --key-id {id}"));
    steps.push(format!("anyrole migrate verify --key-id {id} -- COMMAND"));
    steps.push(format!("anyrole migrate deactivate --key-id {id}"));
    steps.push(format!("anyrole migrate delete --key-id {id}"));
    steps
}

fn render(plan: &Plan, policy_file: Option<&str>) -> String {
    let mut text = format!(
        "{}  of account {}\n\nIn AWS's files, which a switch changes:\n",
        plan.access_key_id,
        plan.account.as_deref().unwrap_or("that the id does not tell")
    );
    for InProfile { profile, path, line } in &plan.profiles {
        text.push_str(&format!("  profile {}  {}, line {line}\n", quoted(profile), printable(path)));
    }
    text.push_str("\nElsewhere, which it does not change:\n");
    if plan.elsewhere.is_empty() {
        text.push_str("  nowhere that this user may look\n");
    }
    for finding in &plan.elsewhere {
        let process = finding.process.as_ref().map(|process| {
            let more = process.processes.saturating_sub(1);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("process {} ({}){more}", process.pid, printable(&process.name))
        });
        let place = process.unwrap_or_else(|| format!("{}, line {}", printable(&finding.path), finding.line));
        let what = [&finding.place, &finding.holder, &finding.owner].into_iter().flatten();
        let what: Vec<String> = what.map(|text| printable(text)).collect();
        text.push_str(&format!("  {place}  {}\n", what.join(", ")));
    }
    if !plan.notes.is_empty() {
        text.push_str("\nTo know:\n");
        for note in &plan.notes {
            text.push_str(&format!("  {}\n", printable(note)));
        }
    }
    match (&plan.policy, policy_file) {
        (Some(_), Some(file)) => text.push_str(&format!("\nThe role's policy is in {}\n", printable(file))),
        (Some(policy), None) => text.push_str(&format!("\nThe role's policy:\n{policy:#}\n")),
        (None, _) => {
            text.push_str("\nThe role's policy: bring --details and --accessed, and it is proposed here\n")
        }
    }
    text.push_str("\nSteps:\n");
    for step in &plan.steps {
        text.push_str(&format!("  {step}\n"));
    }
    text
}
