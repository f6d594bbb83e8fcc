//! `migrate status`: where each key is, what the next step is, and whether the way back is still open.

use serde::Serialize;

use super::super::args::{Needs, Spec, Words};
use super::super::report::Failure;
use super::super::settings::table::{Group, Kind, Setting};
use super::super::{Invocation, output};
use super::operator::{self, IAM_ENDPOINT, OPERATOR_ENV, OPERATOR_PROFILE};
use super::session::settings;
use super::{AWS_PROFILE, KEY_ID, is_device, key_id, of_profile};
use crate::identity::{self, IdentitySource};
use crate::migrate::backup::{Backup, IdentityKey};
use crate::migrate::rollback::{self, Way};
use crate::migrate::state::{KeyEvent, Phase, State, Verification, Workload};
use crate::migrate::store::Store;
use crate::text::{printable, quoted};

const JSON: Setting = Setting::flag("json", Kind::Boolean, "print JSON for programs");

/// `anyrole migrate status`.
pub(in crate::cli) const SPEC: Spec = Spec {
    name: "migrate status",
    about: "Shows where each migrated key is, and what comes next.",
    words: Words::None,
    groups: &[Group::Network, Group::Program],
    flags: &[AWS_PROFILE, KEY_ID, JSON, OPERATOR_PROFILE, OPERATOR_ENV, IAM_ENDPOINT],
    more: "\
Nothing is sent, except with the credentials of an operator: then IAM is asked when each key was last used.
Whether the identity's private key still opens the backup is looked at each time: pki renew by the same
user sees to it; after another change of the key only the former key or a password opens it.
Exit status: 0 all is well, 1 something is not: an interrupted step, a profile that was changed, a backup
that does not open.
",
    needs: Needs::Everything,
    run,
};

/// One key.
#[derive(Serialize)]
struct Entry {
    access_key_id: String,
    account: Option<String>,
    phase: Phase,
    session: String,
    role_arn: String,
    profiles: Vec<Profile>,
    backup: Option<BackupEntry>,
    verified: Option<Verification>,
    workloads: Vec<Workload>,
    deactivated: Option<KeyEvent>,
    deleted: Option<KeyEvent>,
    last_used: Option<LastUsed>,
    /// What is not well.
    problems: Vec<String>,
    next: String,
}

#[derive(Serialize)]
struct Profile {
    name: String,
    /// `old`, `new` or `other`.
    works: &'static str,
}

#[derive(Serialize)]
struct BackupEntry {
    path: String,
    opens_with: Vec<String>,
    /// Whether the identity's private key is one of those; `None` where that needs a device or a prompt.
    identity_opens_it: Option<bool>,
}

#[derive(Serialize)]
struct LastUsed {
    at: Option<String>,
    service: Option<String>,
}

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let store = Store::locate(invocation.env)?;
    let mut states = store.all()?;
    if let Some(id) = key_id(invocation)? {
        states.retain(|state| state.access_key_id == id);
    }
    if let Some(profile) = invocation.typed.flag(AWS_PROFILE.name) {
        states = of_profile(states, profile);
    }
    let entries: Vec<Entry> =
        states.iter().map(|state| entry(invocation, &store, state)).collect::<Result<_, _>>()?;
    let written = if invocation.has(&JSON) {
        output::write_json("migrate-status", &entries)
    } else {
        output::write_lines(&render(&entries))
    };
    written.map_err(Failure::output)?;
    if entries.iter().all(|entry| entry.problems.is_empty()) { Ok(()) } else { Err(Failure::Negative) }
}

fn entry(invocation: &Invocation<'_>, store: &Store, state: &State) -> Result<Entry, Failure> {
    let mut problems = Vec::new();
    let ways = match rollback::ways(state) {
        Ok(ways) => ways,
        Err(error) => {
            problems.push(error.to_string());
            Vec::new()
        }
    };
    problems.extend(interrupted(state, &ways));
    problems.extend(ways.iter().filter_map(|(profile, way)| astray(state, profile, *way)));
    // What the session needs may be gone by now: the rest is shown all the same.
    let settled = settings(invocation, state).and_then(|settings| {
        let session = settings.session(invocation.env, false)?;
        Ok((settings, session))
    });
    let backup = match &settled {
        Ok((_, session)) => backup(invocation, store, state, Some(&session.identity), &mut problems),
        Err(failure) => {
            problems.push(format!("session {}: {}", state.session, failure.first_line()));
            backup(invocation, store, state, None, &mut problems)
        }
    };
    let last_used = match &settled {
        Ok((settings, session)) => {
            match operator::named(invocation, settings, session, &state.access_key_id)? {
                Some(operator) => operator
                    .last_used(&state.access_key_id)?
                    .map(|used| LastUsed { at: used.at.map(|at| at.to_string()), service: used.service }),
                None => None,
            }
        }
        Err(_) => None,
    };
    Ok(Entry {
        access_key_id: state.access_key_id.clone(),
        account: state.account.clone(),
        phase: state.phase,
        session: state.session.clone(),
        role_arn: state.role_arn.clone(),
        profiles: ways.into_iter().map(|(name, way)| Profile { name, works: word(way) }).collect(),
        backup,
        verified: state.verified.clone(),
        workloads: state.workloads.clone(),
        deactivated: state.deactivated.clone(),
        deleted: state.deleted.clone(),
        last_used,
        problems,
        next: next(state),
    })
}

const fn word(way: Way) -> &'static str {
    match way {
        Way::Old => "old",
        Way::New => "new",
        Way::Other => "other",
    }
}

/// Says what an interrupted step left.
fn interrupted(state: &State, ways: &[(String, Way)]) -> Option<String> {
    let step = match state.phase {
        Phase::Switching => "switch",
        Phase::RollingBack => "rollback",
        Phase::Switched | Phase::RolledBack => return None,
    };
    let works: Vec<String> =
        ways.iter().map(|(profile, way)| format!("{} in the {} way", quoted(profile), word(*way))).collect();
    Some(format!("its {step} was interrupted; each profile works: {}", works.join(", ")))
}

fn astray(state: &State, profile: &str, way: Way) -> Option<String> {
    let expected = match state.phase {
        Phase::Switched => Way::New,
        Phase::RolledBack => return None,
        Phase::Switching | Phase::RollingBack => way,
    };
    (way != expected).then(|| match way {
        Way::Old => format!("the key is in profile {} again", quoted(profile)),
        Way::New | Way::Other => format!("profile {} was changed by others since", quoted(profile)),
    })
}

fn backup(
    invocation: &Invocation<'_>,
    store: &Store,
    state: &State,
    identity: Option<&IdentitySource>,
    problems: &mut Vec<String>,
) -> Option<BackupEntry> {
    let path = store.backup(&state.access_key_id, state.backup.as_ref()?);
    let shown = quoted(&path.to_string_lossy());
    if !path.exists() {
        // Before the switch has written it, and after it was destroyed, on purpose.
        if state.phase == Phase::Switched && state.deleted.is_none() {
            problems.push(format!("the backup {shown} is gone"));
        }
        return None;
    }
    let backup = match Backup::read(&path) {
        Ok(backup) => backup,
        Err(error) => {
            problems.push(error.to_string());
            return None;
        }
    };
    let opens_with = backup.opens_with();
    let own = identity.and_then(|identity| fingerprint(invocation, identity));
    let identity_opens_it = own.map(|own| opens_with.iter().any(|what| what.ends_with(&own)));
    if identity_opens_it == Some(false) && !backup.has_password() && state.deleted.is_none() {
        problems.push(format!(
            "the identity has another private key since the switch, which does not open {shown}: keep the former key for --backup-key"
        ));
    }
    Some(BackupEntry { path: path.to_string_lossy().into_owned(), opens_with, identity_opens_it })
}

/// Returns the SHA-256 of the identity's public key, where its private key is a file that needs nobody.
fn fingerprint(invocation: &Invocation<'_>, source: &IdentitySource) -> Option<String> {
    use crate::signer::SigningKey as _;
    let input = identity::key_input(&source.unattended(), invocation.env).ok()?;
    if is_device(&input) {
        return None;
    }
    let key = identity::unattended_key(source, invocation.env)?;
    Some(IdentityKey::from(key.sealing_key().ok()??).fingerprint())
}

fn next(state: &State) -> String {
    let id = &state.access_key_id;
    match (state.phase, &state.verified, &state.deactivated, &state.deleted) {
        (Phase::Switching | Phase::RolledBack, ..) => {
            format!("anyrole migrate switch {} --key-id {id}", state.session)
        }
        (Phase::RollingBack, ..) => format!("anyrole migrate rollback --key-id {id}"),
        (Phase::Switched, _, _, Some(_)) => String::from("anyrole migrate summary"),
        (Phase::Switched, _, Some(_), None) => format!("anyrole migrate delete --key-id {id}"),
        (Phase::Switched, Some(_), None, None) => format!("anyrole migrate deactivate --key-id {id}"),
        (Phase::Switched, None, None, None) => format!("anyrole migrate verify --key-id {id} -- COMMAND"),
    }
}

fn render(entries: &[Entry]) -> String {
    if entries.is_empty() {
        return String::from("no key is being migrated here\n");
    }
    let mut text = String::new();
    for entry in entries {
        if !text.is_empty() {
            text.push('\n');
        }
        let phase = match (entry.phase, &entry.deactivated, &entry.deleted) {
            (Phase::Switching, ..) => "interrupted while it was switched",
            (Phase::RollingBack, ..) => "interrupted on its way back",
            (Phase::RolledBack, ..) => "back in its files",
            (Phase::Switched, _, Some(_)) => "deleted",
            (Phase::Switched, Some(_), None) => "switched, inactive",
            (Phase::Switched, None, None) => "switched",
        };
        text.push_str(&format!("{}  {phase}\n", entry.access_key_id));
        let profiles: Vec<String> = entry
            .profiles
            .iter()
            .map(|profile| format!("{} ({} way)", printable(&profile.name), profile.works))
            .collect();
        let verified = entry.verified.as_ref().map(|verified| format!("{}, {}", verified.at, verified.arn));
        let backup = entry.backup.as_ref().map(|backup| {
            let with = match backup.identity_opens_it {
                Some(true) => "opens with the identity's private key",
                Some(false) => "does not open with the identity's private key",
                None => "opens with what it was made for",
            };
            format!("{}, {with}", printable(&backup.path))
        });
        let ran: Vec<String> = entry
            .workloads
            .iter()
            .map(|ran| format!("{} (status {}, {})", printable(&ran.program), ran.status, ran.at))
            .collect();
        let used = entry.last_used.as_ref().map(|used| match (&used.at, &used.service) {
            (Some(at), Some(service)) => format!("{at}, {}", printable(service)),
            (Some(at), None) => at.clone(),
            (None, _) => String::from("never"),
        });
        let event = |event: &Option<KeyEvent>| {
            event.as_ref().map(|event| format!("{} ({})", event.at, event.known_by))
        };
        for (name, value) in [
            ("account", entry.account.clone()),
            ("session", Some(format!("{}, {}", entry.session, entry.role_arn))),
            ("profiles", Some(profiles.join(", "))),
            ("backup", backup),
            ("verified", verified),
            ("ran", (!ran.is_empty()).then(|| ran.join(", "))),
            ("inactive", event(&entry.deactivated)),
            ("deleted", event(&entry.deleted)),
            ("last used", used),
            ("next", Some(entry.next.clone())),
        ] {
            if let Some(value) = value {
                text.push_str(&format!("  {name:<10} {value}\n"));
            }
        }
        for problem in &entry.problems {
            text.push_str(&format!("  problem    {}\n", printable(problem)));
        }
    }
    text
}
