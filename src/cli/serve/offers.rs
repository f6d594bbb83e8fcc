//! From the settings to the sessions on offer: at the start, and again at each SIGHUP.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::TOKEN_FOLDER;
use crate::arn::RoleArn;
use crate::cache::CacheEntry;
use crate::cache::state_folder::StateLocation;
use crate::cli::event_log::EventLog;
use crate::cli::renewable::renewable;
use crate::cli::renewal::{self, Renewal};
use crate::cli::report::Failure;
use crate::cli::settings::{self, Settings, SettingsError};
use crate::cli::{CalledAs, Invocation, provider};
use crate::clock::SystemClock;
use crate::private_file;
use crate::provider::{Provider, SessionSource};
use crate::server::{
    Allowed, LastDocument, NoRandomness, Offer, Refresher, Token, group_number, user_number,
};

/// The name of a session that no config file names.
const UNNAMED: &str = crate::cli::credential_process::UNNAMED;
/// The mode of a token's file: owner-only.
const TOKEN_MODE: u32 = 0o600;
/// A shorter session leaves botocore less than the 25 minutes that it expects from a metadata service.
const SHORT: Duration = Duration::from_secs(52 * 60);

/// What exists already, so that a new configuration keeps sessions and tokens.
pub(super) struct Offers {
    log: Arc<EventLog>,
    token_folder: Option<PathBuf>,
    made: BTreeMap<String, Made>,
}

struct Made {
    role_arn: RoleArn,
    refresher: Arc<Refresher>,
    token: Arc<Token>,
    file: Option<PathBuf>,
}

/// One session according to its settings; nothing has been read or opened yet.
pub(super) struct Described {
    name: String,
    role_arn: RoleArn,
    region: String,
    allowed: Allowed,
    provider: Provider<Box<dyn SessionSource>>,
}

impl Described {
    /// Returns whether other users may ask for it too.
    pub(super) fn is_shared(&self) -> bool {
        self.allowed.is_shared()
    }
}

impl Offers {
    pub(super) fn new(invocation: &Invocation<'_>, log: Arc<EventLog>) -> Self {
        Self { log, token_folder: token_folder(invocation), made: BTreeMap::new() }
    }

    /// Reads the settings of every session.
    pub(super) fn read(&self, invocation: &Invocation<'_>) -> Result<Vec<Described>, Failure> {
        let config = settings::config(&invocation.typed, invocation.env)?;
        let words = &invocation.typed.words;
        let unnamed = words.is_empty().then_some(None);
        let names = words.iter().map(|name| Some(name.as_str())).chain(unnamed);
        names.map(|name| describe(invocation, &config, name)).collect()
    }

    /// Turns the described sessions into offers. A session that existed before keeps its token, and its credentials for
    /// as long as they work.
    pub(super) fn make(&mut self, described: Vec<Described>) -> Result<Vec<Offer>, NoRandomness> {
        let mut before = std::mem::take(&mut self.made);
        let mut offers = Vec::new();
        for Described { name, role_arn, region, allowed, provider } in described {
            let known = before.remove(&name);
            let first = known
                .as_ref()
                .filter(|known| known.role_arn == role_arn)
                .and_then(|known| known.refresher.last_good());
            let (token, file) = match known {
                Some(Made { token, file, .. }) => (token, file),
                None => {
                    let token = Arc::new(Token::random()?);
                    let file = self.write(&name, &token);
                    (token, file)
                }
            };
            let source = Renewal::new(provider, log_attempts(Arc::clone(&self.log), name.clone()));
            let refresher = Arc::new(Refresher::new(Box::new(source), first, Arc::new(SystemClock)));
            let made = Made {
                role_arn: role_arn.clone(),
                refresher: Arc::clone(&refresher),
                token: Arc::clone(&token),
                file,
            };
            self.made.insert(name.clone(), made);
            offers.push(Offer {
                name,
                role_arn,
                region,
                refresher,
                token,
                allowed,
                last_document: LastDocument::default(),
            });
        }
        Ok(offers)
    }

    /// Returns the file with the token of a session, if it could be written.
    pub(super) fn token_file(&self, name: &str) -> Option<&Path> {
        self.made.get(name)?.file.as_deref()
    }

    /// Writes a token for the SDKs' container provider: without a line feed, which they reject.
    fn write(&self, name: &str, token: &Token) -> Option<PathBuf> {
        let folder = self.token_folder.as_ref()?;
        let path = folder.join(format!("{name}.token"));
        let written = private_file::create_private_folder(folder)
            .and_then(|()| private_file::replace(&path, token.expose().as_bytes(), TOKEN_MODE));
        match written {
            Ok(()) => Some(path),
            Err(error) => {
                let facts = [("session", name.to_owned()), ("reason", crate::cli::report::one_line(&error))];
                self.log.tell("no-token-file", &facts);
                None
            }
        }
    }
}

/// Returns the folder for tokens: the configured one, the one that systemd created for the service, or one in the state
/// folder.
fn token_folder(invocation: &Invocation<'_>) -> Option<PathBuf> {
    if let Some(folder) = invocation.typed.flag(TOKEN_FOLDER.name) {
        return Some(PathBuf::from(folder));
    }
    let runtime = invocation.env.os_var("RUNTIME_DIRECTORY").and_then(|folders| folders.into_string().ok());
    if let Some(first) = runtime.as_deref().and_then(|folders| folders.split(':').next()) {
        return Some(PathBuf::from(first));
    }
    let state = StateLocation::resolve(invocation.env).ok()?.open().ok()?;
    Some(state.path().join("tokens"))
}

fn describe(
    invocation: &Invocation<'_>,
    config: &crate::config::Config,
    name: Option<&str>,
) -> Result<Described, Failure> {
    let Invocation { spec, called_as, env, typed } = invocation;
    let settings = Settings::of_config(config, typed, name, env, spec.groups)?;
    let allowed = allowed(&settings)?;
    let session = settings.session(env, *called_as == CalledAs::OfficialHelper)?;
    renewable(spec.name, &session.identity)?;
    let second = session.second_hop.as_ref().map(|hop| &hop.request.role_arn);
    let role_arn = second.unwrap_or(&session.request.role_arn).clone();
    let region = session.request.region.to_string();
    let provider = provider::provider(session, env)?;
    Ok(Described { name: name.unwrap_or(UNNAMED).to_owned(), role_arn, region, allowed, provider })
}

fn allowed(settings: &Settings) -> Result<Allowed, SettingsError> {
    if settings.boolean("allow-any-user") {
        return Ok(Allowed::anybody());
    }
    let numbers = |name: &str, find: fn(&str) -> Option<u32>, kind: &str| {
        let Some(given) = settings.given(name) else { return Ok(Vec::new()) };
        let known = if cfg!(target_env = "musl") { ", as /etc/passwd and /etc/group list them" } else { "" };
        let refused = || given.refused(format!("every {kind} of it must be known on this host{known}"));
        given.text().split(',').map(|text| find(text.trim()).ok_or_else(refused)).collect()
    };
    Ok(Allowed::also(
        numbers("allow-user", user_number, "user")?,
        numbers("allow-group", group_number, "group")?,
    ))
}

/// Logs each new session, and each attempt that failed.
fn log_attempts(log: Arc<EventLog>, name: String) -> renewal::AttemptListener {
    let last = Mutex::new(String::new());
    Box::new(move |outcome: Result<&CacheEntry, &str>| match outcome {
        Ok(entry) => {
            let id = &entry.credential_set.credentials.access_key_id;
            let Ok(mut last) = last.lock() else { return };
            if *last == *id {
                return;
            }
            id.clone_into(&mut last);
            let mut facts = vec![
                ("session", name.clone()),
                ("access-key-id", id.clone()),
                ("until", entry.usable_until.to_string()),
            ];
            if entry.lifetime() < SHORT {
                let why = "shorter than 52 minutes: SDKs may go on with credentials of the metadata service that have ended";
                facts.push(("warning", why.to_owned()));
            }
            log.tell("session", &facts);
        }
        Err(reason) => log.tell("no-session", &[("session", name.clone()), ("reason", reason.to_owned())]),
    })
}
