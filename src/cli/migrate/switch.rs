//! `migrate switch`: the profiles with the key start this program, and the key goes into an encrypted backup.

use std::path::PathBuf;

use super::super::args::{Needs, Spec, Typed, Words};
use super::super::configure::{self, OwnFile};
use super::super::report::Failure;
use super::super::settings::Settings;
use super::super::settings::session::SessionSettings;
use super::super::settings::table::{Group, Kind, Setting};
use super::super::usage::UsageError;
use super::super::{Invocation, output};
use super::session::{Asked, check_account};
use super::{
    AWS_PROFILE, BACKUP_KEY, BACKUP_PASSWORD_FILE, KEY_ID, NO_VERIFY, OTHER_ACCOUNT, YES, confirm, key_id,
    keys,
};
use crate::audit::files::account_of;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::configure::shadow;
use crate::diagnostic::Diagnostic as _;
use crate::env::Environment;
use crate::identity::IdentitySource;
use crate::migrate::MigrateError;
use crate::migrate::backup::Keys;
use crate::migrate::files::{Files, Found};
use crate::migrate::rollback::{self, Opened, Way};
use crate::migrate::state::{Phase, State};
use crate::migrate::store::Store;
use crate::migrate::switch::{Switch, Target, outcome};
use crate::text::{printable_line, quoted};

const NO_BACKUP: Setting =
    Setting::flag("no-backup", Kind::Boolean, "keep no backup: the secret cannot be had again here");

/// How often to begin again where others write the files in between.
const ATTEMPTS: u32 = 5;

/// `anyrole migrate switch`.
pub(in crate::cli) const SPEC: Spec = Spec {
    name: "migrate switch",
    about: "Puts the line of a session in place of a static key, and keeps the key encrypted.",
    words: Words::Session,
    groups: Group::ALL,
    flags: &[AWS_PROFILE, KEY_ID, BACKUP_PASSWORD_FILE, BACKUP_KEY, NO_BACKUP, NO_VERIFY, OTHER_ACCOUNT, YES],
    more: "\
Shows what it would change, and asks:
  anyrole migrate switch deploy
  anyrole migrate switch deploy --aws-profile ci --yes

NAME is the session that replaces the key; its flags are those of configure, and make it where it does
not exist. The key is that of --aws-profile, of --key-id, or else of the profile default. First a
session is made and STS asked whose it is: if that fails, nothing is changed. Then every profile of
AWS's two files that holds the key gets the line of credential_process and loses the key. Each moment
of it leaves profiles that work, in the old way or the new; what was interrupted is finished or undone
by the next call.

The files as they were go into an encrypted backup in the state folder, under the identity's private
key. A key in a token or a TPM opens nothing: give --backup-password-file, or --no-backup. A renewal
that makes a new private key leaves the backup to the old one (see anyrole migrate status): keep that
one for --backup-key, renew with --reuse-key, or give the backup a password too.
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let plan = Plan::of(invocation)?;
    let store = Store::locate(invocation.env)?;
    let _lock = store.lock()?;
    let mut text = String::new();
    let Some(mut read) = plan.read(&store, &mut text)? else {
        return output::write(text.as_bytes()).map_err(Failure::output);
    };
    let keys = plan.backup_keys()?;
    let (account, arn) = plan.prove(&read.found)?;
    let target = plan.target(account);
    let outcome = outcome(&read.files, &read.found.profiles(), &target)?;
    output::write(text.as_bytes()).map_err(Failure::output)?;
    show(invocation, &plan, &read, &outcome)?;
    confirm(invocation, "Switch this? [y/N]")?;
    plan.write_session()?;
    for attempt in 1.. {
        let switch = Switch {
            store: &store,
            clock: &SystemClock,
            files: &read.files,
            found: &read.found,
            target: &target,
            keys: keys.as_ref(),
            arn: arn.clone(),
        };
        let error = match switch.run(read.earlier.as_ref()) {
            Ok(state) => {
                let told = told(&state, &read.found, &store);
                return output::write(told.as_bytes()).map_err(Failure::output);
            }
            Err(error) => error,
        };
        // What had begun is undone at once; where that fails too, the next call tries.
        let undone = plan.read(&store, &mut String::new());
        let is_changed = error.id() == "migrate-changed-meanwhile";
        match undone {
            // What was shown is agreed to, and nothing else: only --yes agrees to what the files are now.
            Ok(Some(again)) if is_changed && attempt < ATTEMPTS && invocation.has(&YES) => read = again,
            Ok(_) | Err(_) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Returns the variables that the line will find whoever starts it: none that gives a setting of ours.
fn here(env: &Environment) -> Environment {
    const KEPT: &[&str] = &[
        "HOME",
        "USERPROFILE",
        "CREDENTIALS_DIRECTORY",
        "AWS_CA_BUNDLE",
        "AWS_ENDPOINT_URL_ROLESANYWHERE",
        "AWS_ENDPOINT_URL_STS",
        "AWS_USE_DUALSTACK_ENDPOINT",
        "AWS_USE_FIPS_ENDPOINT",
        "TPM_DEVICE",
    ];
    Environment::given(KEPT.iter().filter_map(|name| Some((*name, env.os_var(name)?))))
}

/// What the command line and the configuration say.
struct Plan<'a> {
    invocation: &'a Invocation<'a>,
    name: &'a str,
    own: OwnFile,
    config: Config,
    /// What is written to our file, where the session is not in it yet.
    changes: Vec<(&'static str, crate::config::Value)>,
    notes: Vec<String>,
    settings: Settings,
    line: String,
    region: String,
    role_arn: String,
}

/// The files, and the key in them.
struct Reading {
    files: Files,
    found: Found,
    earlier: Option<State>,
}

impl<'a> Plan<'a> {
    fn of(invocation: &'a Invocation<'a>) -> Result<Self, Failure> {
        let env = invocation.env;
        let name = invocation.name();
        let name = name.ok_or(UsageError::WordMissing { word: "NAME", command: SPEC.name })?;
        let own = OwnFile::locate(&invocation.typed, env)?;
        let config = own.config(&invocation.typed, env)?;
        let mut notes = Vec::new();
        let mut wanted: Typed = invocation.typed.clone();
        wanted.words.clear();
        // As for configure: settings for another command do not apply to this session.
        let here = here(env);
        let known = config.session(name).map(|_| name);
        let settings = configure::resolve(&config, &mut wanted, known, &here, false)?;
        let session = settings.session(&here, false)?;
        notes.extend(configure::outlook(&session.identity, &here)?);
        let changes = own.changes(&wanted, false, env, &mut notes)?;
        let line = configure::command(&own, name, env)?;
        let anchor = session.request.trust_anchor_arn.arn();
        let region = wanted.flag("region").unwrap_or(anchor.region()).to_owned();
        let role_arn = session.request.role_arn.to_string();
        if config.session(name).is_none() || !changes.is_empty() {
            own.check_place(&config, name)?;
        }
        Ok(Self { invocation, name, own, config, changes, notes, settings, line, region, role_arn })
    }

    fn session(&self) -> Result<SessionSettings, Failure> {
        Ok(self.settings.session(&here(self.invocation.env), false)?)
    }

    fn identity(&self) -> Result<IdentitySource, Failure> {
        Ok(self.session()?.identity)
    }

    fn writes_session(&self) -> bool {
        self.config.session(self.name).is_none() || !self.changes.is_empty()
    }

    fn write_session(&self) -> Result<(), Failure> {
        if !self.writes_session() {
            return Ok(());
        }
        let suffix = format!("{}{}", configure::COPY, SystemClock.now().amz_date());
        let told = self.own.write(self.name, &self.changes, &suffix, |_| true)?;
        output::write(told.as_bytes()).map_err(Failure::output)
    }

    fn target(&self, account: Option<String>) -> Target {
        Target {
            session: self.name.to_owned(),
            config: self.own.named().map(PathBuf::from),
            role_arn: self.role_arn.clone(),
            line: self.line.clone(),
            region: self.region.clone(),
            account,
        }
    }

    /// Returns what the backup is made for; `None` for no backup.
    fn backup_keys(&self) -> Result<Option<Keys>, Failure> {
        if self.invocation.has(&NO_BACKUP) {
            return Ok(None);
        }
        let keys = keys(self.invocation, Some(&self.identity()?))?;
        if keys.is_empty() {
            return Err(MigrateError::NoBackupKey("does not leave its token or TPM").into());
        }
        Ok(Some(keys))
    }

    /// Reads the files and finds the key, after an interrupted step of its was finished or undone. `None` where that finished it.
    fn read(&self, store: &Store, text: &mut String) -> Result<Option<Reading>, Failure> {
        let env = self.invocation.env;
        let profile = self.invocation.typed.flag(AWS_PROFILE.name).unwrap_or("default");
        let id = key_id(self.invocation)?;
        for mut state in store.all()? {
            let is_meant = match id {
                Some(id) => state.access_key_id == id,
                None => state.profiles.iter().any(|one| one == profile),
            };
            if is_meant && self.is_finished(&mut state, store, text)? {
                return Ok(None);
            }
        }
        let files = Files::read(env, true)?;
        let found = match id {
            Some(id) => files.find(id)?,
            None => files.find_by_profile(profile, env)?,
        };
        let earlier = store.load(&found.key.access_key_id)?;
        Ok(Some(Reading { files, found, earlier }))
    }

    /// Finishes a switch of which only the record was missing, and undoes what was interrupted elsewhere; tells whether all is
    /// done.
    fn is_finished(&self, state: &mut State, store: &Store, text: &mut String) -> Result<bool, Failure> {
        if !matches!(state.phase, Phase::Switching | Phase::RollingBack) {
            return Ok(false);
        }
        let ways = rollback::ways(state)?;
        if state.phase == Phase::Switching && ways.iter().all(|(_, way)| *way == Way::New) {
            state.phase = Phase::Switched;
            state.note(SystemClock.now(), format!("switched to {}, after an interruption", state.session));
            store.save(state)?;
            store.remove_backups(&state.access_key_id, state.backup.as_deref())?;
            text.push_str("the switch had been interrupted after its last change: it is done\n");
            text.push_str(&next(state));
            return Ok(true);
        }
        let is_there = |name: &String| store.backup(&state.access_key_id, name).exists();
        if state.backup.as_ref().is_some_and(is_there) && !rollback::is_untouched(state)? {
            let keys = super::keys_of(self.invocation, store, state, Some(&self.identity()?))?;
            let opened = Opened::of(state, store, &keys)?;
            rollback::run(state, store, &SystemClock, &opened)?;
        } else {
            rollback::without_backup(state, store, &SystemClock)?;
        }
        text.push_str("an earlier attempt had been interrupted: what it had changed is undone\n");
        Ok(false)
    }

    /// Proves that the new way works, and that it is of the key's account; returns that account and who the session is.
    fn prove(&self, found: &Found) -> Result<(Option<String>, Option<String>), Failure> {
        let invocation = self.invocation;
        let mut session = self.session()?;
        let asked = Asked::of(&self.settings, &session, invocation)?;
        // A session that is found in the cache proves nothing about the next one.
        session.cache = crate::cache::choice::CacheChoice::None;
        let identity = asked.session(session, self.name, invocation)?;
        let id = &found.key.access_key_id;
        let old = match account_of(id) {
            Some(account) => Some(account),
            None if invocation.has(&NO_VERIFY) => None,
            None => asked.old_key(&found.key)?.map(|identity| identity.account),
        };
        let new = identity.as_ref().map(|identity| identity.account.as_str());
        check_account(invocation, id, old.as_deref(), new)?;
        Ok((old, identity.map(|identity| identity.arn.to_string())))
    }
}

/// Shows what will change, without secrets.
fn show(
    invocation: &Invocation<'_>,
    plan: &Plan<'_>,
    read: &Reading,
    outcome: &crate::migrate::switch::Outcome,
) -> Result<(), Failure> {
    let mut text = String::new();
    if plan.writes_session() {
        let (before, after) = plan.own.edited(plan.name, &plan.changes)?;
        text.push_str(&configure::difference(&plan.own.shown(), &before, &after));
    }
    for (content, after) in
        [(&read.files.config, &outcome.config), (&read.files.credentials, &outcome.credentials)]
    {
        text.push_str(&configure::difference(
            &quoted(&content.file.path().to_string_lossy()),
            &String::from_utf8_lossy(&content.octets),
            &String::from_utf8_lossy(after),
        ));
    }
    let mut notes = plan.notes.clone();
    let here = read.found.profiles();
    for profile in &here {
        notes.extend(shadow::in_variables(invocation.env, profile));
    }
    notes.dedup();
    notes.extend(dependents(&read.found));
    for note in &notes {
        text.push_str(&format!("note: {}\n", printable_line(note)));
    }
    output::write(text.as_bytes()).map_err(Failure::output)
}

/// Says what is to be seen to where a profile assumes a role with the key.
pub(super) fn dependents(found: &Found) -> Vec<String> {
    let told = |dependent: &crate::migrate::files::Dependent| {
        format!(
            "profile {} assumes {} with the credentials of {}: its trust policy must allow the new role, and its sessions last an hour at most",
            quoted(&dependent.profile),
            quoted(&dependent.role_arn),
            quoted(&dependent.source)
        )
    };
    found.dependents.iter().map(told).collect()
}

fn told(state: &State, found: &Found, store: &Store) -> String {
    let mut text = String::new();
    let names: Vec<String> = state.profiles.iter().map(|profile| quoted(profile)).collect();
    let noun = if names.len() == 1 { "profile" } else { "profiles" };
    text.push_str(&format!(
        "switched {} to session {}: {noun} {}\n",
        found.key.access_key_id,
        state.session,
        names.join(", ")
    ));
    match &state.backup {
        Some(name) => {
            let path = store.backup(&state.access_key_id, name);
            text.push_str(&format!("the key is in {}, encrypted\n", quoted(&path.to_string_lossy())));
        }
        None => text.push_str("there is no backup: the secret cannot be had again here\n"),
    }
    text.push_str(&next(state));
    text
}

/// Returns what to do next after a switch.
fn next(state: &State) -> String {
    format!(
        "next: anyrole migrate verify --key-id {id} -- COMMAND\nback: anyrole migrate rollback --key-id {id}\n",
        id = state.access_key_id
    )
}
