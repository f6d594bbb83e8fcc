//! The one folder through which all processes of a user coordinate: locks, the last failures, the sealing key, sealed
//! files.
//!
//! The user must own it (checked on the open descriptor) and others are denied access; everything in it is reached
//! through that descriptor, so nobody can replace it under us. Files are owner-only from their creation, under any
//! umask. If no place for it can be used, there is no locking and no cache, but never a failure.

#[cfg(unix)]
#[path = "state_folder/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "state_folder/windows.rs"]
mod system;

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

pub use system::StateFolder;

use super::seal::SealingKey;
use super::{CacheError, FolderProblem};
use crate::env::Environment;
use crate::secret::Secret;
use crate::trace;

/// The variable that names the folder; if set, no other is searched.
const VARIABLE: &str = "ANYROLE_STATE_DIR";

/// The folder that systemd created for the unit (`StateDirectory=`); of several, joined by colons, the first is used.
const STATE_VARIABLE: &str = "STATE_DIRECTORY";

/// The folder that systemd created for the unit until it stops (`RuntimeDirectory=`); likewise.
const RUNTIME_VARIABLE: &str = "RUNTIME_DIRECTORY";

/// Relative to the home folder, if no variable names one.
const BELOW_HOME: &str = ".local/state/anyrole";

/// The file with the key that keyring entries are sealed under.
const SEALING_KEY: &str = "sealing-key";

/// Its length in octets.
const SEALING_KEY_LENGTH: usize = 32;

/// What to do if a folder is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IfAbsent {
    Leave,
    Make,
}

/// What is required of the folder in which the state folder is created.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Parent {
    /// Nothing: the state folder was named explicitly.
    Any,
    /// The user owns it: a home folder, or what the login manager created for the user.
    Own(PathBuf),
    /// All users may write to it, and none can remove or rename another's files: `/dev/shm`, `/tmp`.
    ///
    /// This is the last resort of a user without a home, and the one exception to "nothing in a folder that others can
    /// write to". Whoever gets there first (with a folder, a link or a file of that name) costs this user the cache and
    /// gains nothing: the state folder is opened once without following a link, and must then belong to this user and
    /// be closed to all others. `tests/homeless.rs` tries it.
    #[cfg(unix)]
    Sticky(PathBuf),
}

/// A place where the state folder may be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    path: PathBuf,
    parent: Parent,
}

impl Place {
    fn named(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), parent: Parent::Any }
    }

    fn in_home(home: PathBuf) -> Self {
        Self { path: home.join(BELOW_HOME), parent: Parent::Own(home) }
    }

    fn open(&self, if_absent: IfAbsent) -> Result<StateFolder, CacheError> {
        StateFolder::open(&self.path, &self.parent, if_absent).map_err(|problem| self.failed(problem))
    }

    /// Opens the folder if sessions can be shared through it: a home may be read-only or full.
    fn open_usable(&self) -> Result<StateFolder, CacheError> {
        let folder = self.open(IfAbsent::Make)?;
        folder.check_writable().map_err(|error| self.failed(FolderProblem::Io(error)))?;
        match folder.sealing_key() {
            Ok(_) => Ok(folder),
            Err(CacheError::File { source, .. }) => Err(self.failed(FolderProblem::Io(source))),
            Err(error) => Err(error),
        }
    }

    /// Tells whether the folder is there, if sessions can be shared through it, or it could be made.
    fn look(&self, is_one_of_several: bool) -> Result<bool, CacheError> {
        match self.open(IfAbsent::Leave) {
            Err(CacheError::StateFolder { problem: FolderProblem::Io(error), .. })
                if error.kind() == io::ErrorKind::NotFound =>
            {
                system::check_makeable(&self.path, &self.parent).map_err(|problem| self.failed(problem))?;
                Ok(false)
            }
            Err(error) => Err(error),
            Ok(folder) if is_one_of_several => {
                folder.check_writable().map_err(|error| self.failed(FolderProblem::Io(error)))?;
                Ok(true)
            }
            Ok(_) => Ok(true),
        }
    }

    fn failed(&self, problem: FolderProblem) -> CacheError {
        CacheError::StateFolder { path: self.path.clone(), problem }
    }

    /// Reads the sealing key by its path; in a folder that others can write to, through the folder's descriptor.
    fn sealing_key(&self) -> Option<SealingKey> {
        let bytes = match self.parent {
            Parent::Any | Parent::Own(_) => {
                system::read_private(&self.path.join(SEALING_KEY), SEALING_KEY_LENGTH)?
            }
            #[cfg(unix)]
            Parent::Sticky(_) => self.open(IfAbsent::Leave).ok()?.read(SEALING_KEY, SEALING_KEY_LENGTH)?,
        };
        parse_key(bytes)
    }
}

/// Where the state folder is, or would be; nothing is opened yet.
///
/// All processes of a user search the same places in the same order, so that they find the same folder: the home folder
/// first, and for a user without one (Debian's system users have `/nonexistent`, an image's user has `/`) what the
/// system provides for its users in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateLocation {
    /// The preferred first.
    places: Vec<Place>,
    /// Whether the search continues with the system's places for users without a home. They are determined only when
    /// needed, which most calls never do.
    tries_system_places: bool,
}

/// The result of a search for the state folder.
#[derive(Debug)]
pub struct Found {
    /// The folder, if one was found.
    pub folder: Option<StateFolder>,
    /// The places before it, and why they cannot be used.
    pub passed_over: Vec<CacheError>,
}

/// What a search for the state folder would find.
#[derive(Debug)]
pub struct Outlook {
    /// Where it is or would be; `None` where no place can be used.
    pub path: Option<PathBuf>,
    /// Whether it is there already.
    pub is_there: bool,
    /// The places before it, and why they cannot be used.
    pub passed_over: Vec<CacheError>,
}

impl StateLocation {
    /// Determines where to search: `ANYROLE_STATE_DIR` alone; or else `$STATE_DIRECTORY`, `~/.local/state/anyrole`,
    /// `$RUNTIME_DIRECTORY`, `/run/user/UID/anyrole`, `/dev/shm/anyrole-UID` and `/tmp/anyrole-UID`.
    ///
    /// `XDG_RUNTIME_DIR` is not used: `su` keeps that of the user who calls it.
    ///
    /// # Errors
    ///
    /// Fails if there is no place at all: on Windows, for a user without a profile folder.
    pub fn resolve(env: &Environment) -> Result<Self, CacheError> {
        if let Some(path) = env.os_var(VARIABLE) {
            return Ok(Self::at(path));
        }
        let of_unit = |variable| Some(Place::named(std::env::split_paths(&env.os_var(variable)?).next()?));
        let mut places: Vec<Place> = of_unit(STATE_VARIABLE).into_iter().collect();
        places.extend(env.home().map(Place::in_home));
        places.extend(of_unit(RUNTIME_VARIABLE));
        if places.is_empty() && system::without_home().is_empty() {
            let path = Path::new("~").join(BELOW_HOME);
            return Err(CacheError::StateFolder { path, problem: FolderProblem::Nowhere });
        }
        Ok(Self { places, tries_system_places: true })
    }

    /// Names the folder directly; no other is searched.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { places: vec![Place::named(path)], tries_system_places: false }
    }

    /// Names the folder below a home; no other is searched.
    pub fn in_home(home: impl Into<PathBuf>) -> Self {
        Self { places: vec![Place::in_home(home.into())], tries_system_places: false }
    }

    /// Returns the places to search, the preferred first.
    fn places(&self) -> impl Iterator<Item = Cow<'_, Place>> {
        let memory = self.tries_system_places.then(|| std::iter::once_with(system::without_home).flatten());
        self.places.iter().map(Cow::Borrowed).chain(memory.into_iter().flatten().map(Cow::Owned))
    }

    /// Opens the first folder that can be used; an absent one is created with mode 0700.
    ///
    /// # Errors
    ///
    /// If none can be used, fails with the problem of the first: another user owns it or the home folder, others can
    /// write to it, it is a link, or the system refuses.
    pub fn open(&self) -> Result<StateFolder, CacheError> {
        let Found { folder, passed_over } = self.search();
        match (folder, passed_over.into_iter().next()) {
            (Some(folder), _) => Ok(folder),
            (None, Some(error)) => Err(error),
            (None, None) => Err(Place::named("").failed(FolderProblem::Nowhere)),
        }
    }

    /// Opens the folder as [`Self::open`] does, and returns which places were skipped and why.
    pub fn search(&self) -> Found {
        let mut passed_over = Vec::new();
        for place in self.places() {
            // A folder that was named explicitly is used even if it is not writable: there is no other.
            let opened =
                if self.tries_system_places { place.open_usable() } else { place.open(IfAbsent::Make) };
            match opened {
                Ok(folder) => return Found { folder: Some(folder), passed_over },
                Err(error) => {
                    trace::step(|| error.to_string());
                    let ends = is_process_limit(&error);
                    passed_over.push(error);
                    if ends {
                        break;
                    }
                }
            }
        }
        Found { folder: None, passed_over }
    }

    /// Finds the folder that [`Self::search`] would open; nothing is made or written.
    pub fn look(&self) -> Outlook {
        let mut passed_over = Vec::new();
        for place in self.places() {
            match place.look(self.tries_system_places) {
                Ok(is_there) => return Outlook { path: Some(place.path.clone()), is_there, passed_over },
                Err(error) => passed_over.push(error),
            }
        }
        Outlook { path: None, is_there: false, passed_over }
    }

    /// Opens every folder that is there; none is made.
    pub fn existing(&self) -> impl Iterator<Item = StateFolder> {
        self.places().filter_map(|place| place.open(IfAbsent::Leave).ok())
    }

    /// Reads, one by one on demand, the keys that keyring entries may be sealed under. The first costs opening,
    /// checking and reading one small file, and is the right one unless a home folder became unusable or usable in the
    /// meantime.
    ///
    /// A file that is not private to this user counts as absent; then nothing was sealed under it either.
    pub(super) fn sealing_keys(&self) -> impl Iterator<Item = SealingKey> {
        self.places().filter_map(|place| place.sealing_key())
    }
}

/// Returns whether a limit of this process is the problem, which would be the same in every place.
fn is_process_limit(error: &CacheError) -> bool {
    let CacheError::StateFolder { problem: FolderProblem::Io(error), .. } = error else { return false };
    error.kind() == io::ErrorKind::FileTooLarge || system::is_out_of_descriptors(error)
}

impl StateFolder {
    /// Returns the key that keyring entries are sealed under, and creates it if it is absent or unusable.
    ///
    /// Of several processes that create it at the same time one wins, and all return the winner's key. Losing the file
    /// costs the cached sessions and nothing else.
    pub(super) fn sealing_key(&self) -> Result<SealingKey, CacheError> {
        let failed = |source| CacheError::File { path: self.path().join(SEALING_KEY), source };
        let read = || self.read(SEALING_KEY, SEALING_KEY_LENGTH).and_then(parse_key);
        if let Some(key) = read() {
            return Ok(key);
        }
        let fresh = fresh_key().map_err(failed)?;
        self.publish(SEALING_KEY, fresh.expose()).map_err(failed)?;
        if let Some(key) = read() {
            return Ok(key);
        }
        // A file was there, but it is no key: cut short, or accessible to others.
        self.replace(SEALING_KEY, fresh.expose()).map_err(failed)?;
        read().ok_or_else(|| failed(io::Error::other("it is not a file that only this user can read")))
    }
}

fn fresh_key() -> io::Result<Secret<Vec<u8>>> {
    let mut key = vec![0; SEALING_KEY_LENGTH];
    aws_lc_rs::rand::fill(&mut key).map_err(|_| io::Error::other("the system gives no random numbers"))?;
    Ok(Secret::new(key))
}

fn parse_key(bytes: Vec<u8>) -> Option<SealingKey> {
    let bytes = Secret::new(bytes);
    (bytes.expose().len() == SEALING_KEY_LENGTH).then(|| SealingKey::new(bytes, []))
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;
    use crate::cache::CacheKey;
    use crate::cache::entry::tests::entry;
    use crate::cache::seal::{self, Purpose};

    #[test]
    fn of_many_who_make_the_sealing_key_one_wins() {
        let folder = tempfile::tempdir().unwrap();
        let location = StateLocation::at(folder.path().join("state"));
        let entry = entry();
        let key = CacheKey::from_str(&"a".repeat(64)).unwrap();
        let seal = || {
            let sealing_key = location.open().unwrap().sealing_key().unwrap();
            let encoded = entry.encode().unwrap();
            seal::seal(Purpose::Keyring, &sealing_key, &key, entry.expiration(), encoded).unwrap()
        };
        let sealed: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(seal)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let winner = location.sealing_keys().next().expect("the winner wrote it whole");
        assert!(sealed.iter().all(|sealed| seal::open(Purpose::Keyring, &winner, &key, sealed).is_some()));
        let mut names = location.open().unwrap().names().unwrap();
        names.retain(|name| name != "." && name != "..");
        assert_eq!(names, [SEALING_KEY], "nothing else is left");
    }

    #[test]
    fn a_look_makes_nothing_and_says_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let location = StateLocation::at(folder.path().join("above/state"));
        let looked = location.look();
        assert_eq!((looked.is_there, looked.passed_over.len()), (false, 0));
        assert_eq!(looked.path, Some(folder.path().join("above/state")));
        assert!(!folder.path().join("above").exists());
        location.open().unwrap();
        assert!(location.look().is_there);
        // Where a file is there can be no folder.
        let taken = StateLocation::at(folder.path().join(format!("above/state/{SEALING_KEY}")));
        location.open().unwrap().sealing_key().unwrap();
        let looked = taken.look();
        assert_eq!((looked.path, looked.is_there, looked.passed_over.len()), (None, false, 1));
    }

    #[test]
    fn a_useless_sealing_key_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let location = StateLocation::at(folder.path().join("state"));
        let state = location.open().unwrap();
        state.replace(SEALING_KEY, b"cut short").unwrap();
        assert!(location.sealing_keys().next().is_none());
        state.sealing_key().unwrap();
        assert!(location.sealing_keys().next().is_some());
    }

    #[test]
    fn a_named_folder_is_the_only_one_and_the_search_goes_on_after_a_home() {
        let resolve = |variables: &[(&str, &str)]| -> Vec<PathBuf> {
            let location = StateLocation::resolve(&Environment::given(variables.iter().copied())).unwrap();
            location.places().map(|place| place.path.clone()).collect()
        };
        let all = [
            (VARIABLE, "/a"),
            (STATE_VARIABLE, "/b:/c"),
            ("HOME", "/h"),
            ("USERPROFILE", "/h"),
            (RUNTIME_VARIABLE, "/r"),
            ("XDG_RUNTIME_DIR", "/run/user/0"),
        ];
        assert_eq!(resolve(&all), [Path::new("/a")]);
        #[cfg(unix)]
        {
            let uid = rustix::process::geteuid().as_raw();
            let memory = [
                PathBuf::from(format!("/run/user/{uid}/anyrole")),
                PathBuf::from(format!("/dev/shm/anyrole-{uid}")),
                PathBuf::from(format!("/tmp/anyrole-{uid}")),
            ];
            let named = ["/b", "/h/.local/state/anyrole", "/r"].map(PathBuf::from);
            assert_eq!(resolve(&all[1..]), [&named[..], &memory[..]].concat());
            assert_eq!(resolve(&all[5..]), memory);
        }
        #[cfg(windows)]
        assert_eq!(resolve(&all[2..4]), [Path::new("/h/.local/state/anyrole")]);
    }
}
