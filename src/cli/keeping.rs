//! Where a new session of this user would be stored, and why not elsewhere, so that nobody has to guess that there is
//! no cache.

use std::error::Error;
use std::fmt::Write as _;

use serde::Serialize;

use crate::cache::choice::{CacheChoice, StoreVerdict};
use crate::cache::file::KeyLender;
use crate::cache::state_folder::{Found, Outlook, StateLocation};
use crate::cache::{Cache, CacheError, Namespace, StoreKind};
use crate::diagnostic::Diagnostic as _;
use crate::doctor::Check;
use crate::text::{printable_line, quoted};

/// The store and the state folder that a call would use.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Keeping {
    /// The first store that works; `None` if sessions are not stored.
    store: Option<&'static str>,
    #[serde(skip)]
    store_name: Option<String>,
    /// Where locks, refusals and sealed files are; `None` if no folder can be used, so that processes do not
    /// coordinate.
    state_folder: Option<String>,
    /// The stores and folders that were skipped, and why.
    passed_over: Vec<String>,
    /// How to get a cache, if there is none.
    hint: Option<String>,
}

/// What may be done to find out.
#[derive(Clone, Copy)]
enum Manner {
    /// Nothing is made or written.
    Looks,
    /// The state folder is made.
    Makes,
}

impl Keeping {
    /// Tries the stores and folders in order, up to the first that works. The state folder is created.
    ///
    /// `lender` returns the key that seals files, and is called if no keyring works; `None` if no private key is known:
    /// then the file store counts as working, since most keys can seal.
    pub(super) fn find(
        choice: CacheChoice,
        namespace: Namespace,
        location: Result<StateLocation, CacheError>,
        lender: Option<KeyLender>,
    ) -> Self {
        Self::by(choice, namespace, location, lender, Manner::Makes)
    }

    /// Asks as [`Self::find`] does; nothing is made or written.
    pub(super) fn look(
        choice: CacheChoice,
        namespace: Namespace,
        location: Result<StateLocation, CacheError>,
        lender: Option<KeyLender>,
    ) -> Self {
        Self::by(choice, namespace, location, lender, Manner::Looks)
    }

    fn by(
        choice: CacheChoice,
        namespace: Namespace,
        location: Result<StateLocation, CacheError>,
        lender: Option<KeyLender>,
        manner: Manner,
    ) -> Self {
        let mut keeping =
            Self { store: None, store_name: None, state_folder: None, passed_over: Vec::new(), hint: None };
        if choice == CacheChoice::None {
            keeping.passed_over.push(String::from("no cache was asked for"));
            return keeping;
        }
        let location = match location {
            Ok(location) => location,
            Err(error) => {
                keeping.pass_over(&error);
                return keeping;
            }
        };
        let (folder, passed_over) = match manner {
            Manner::Looks => {
                let Outlook { path, is_there: _, passed_over } = location.look();
                (path, passed_over)
            }
            Manner::Makes => {
                let Found { folder, passed_over } = location.search();
                (folder.map(|folder| folder.path().to_owned()), passed_over)
            }
        };
        passed_over.iter().for_each(|error| keeping.pass_over(error));
        let Some(folder) = folder else { return keeping };
        keeping.state_folder = Some(folder.display().to_string());
        keeping.hint = None;
        let key_is_known = lender.is_some();
        let cache = Cache::new(choice, namespace, location, lender.unwrap_or_else(|| Box::new(|| None)));
        match manner {
            Manner::Looks => keeping.take(cache.outlook(), key_is_known),
            Manner::Makes => keeping.take(cache.survey(), key_is_known),
        }
        keeping
    }

    /// Takes the first store that works.
    fn take(&mut self, verdicts: impl Iterator<Item = StoreVerdict>, key_is_known: bool) {
        for verdict in verdicts {
            match verdict.verdict {
                Ok(()) => self.keep_in(verdict.store),
                Err(CacheError::NoSealingKey) if !key_is_known => self.keep_in(verdict.store),
                Err(error) => {
                    self.pass_over(&error);
                    continue;
                }
            }
            break;
        }
    }

    /// Tells of it as a check; a cache that was not wanted is none that is missing.
    pub(super) fn check(&self, choice: CacheChoice) -> Check {
        const ID: &str = "cache";
        let passed_over =
            self.passed_over.iter().map(|why| format!("; passed over: {why}")).collect::<String>();
        match (&self.store_name, &self.state_folder) {
            (Some(store), Some(folder)) => Check::good(
                ID,
                format!("sessions are kept in the {store}; state folder {}{passed_over}", quoted(folder)),
            ),
            (Some(_) | None, _) if choice == CacheChoice::None => {
                Check::good(ID, "none, as it was asked for: each call asks AWS")
            }
            (Some(_) | None, _) => Check::doubtful(
                ID,
                format!("sessions are not kept, and each call asks AWS{passed_over}"),
                self.hint.as_deref().unwrap_or("let this user have a home folder, or set ANYROLE_STATE_DIR"),
            ),
        }
    }

    fn keep_in(&mut self, store: StoreKind) {
        (self.store, self.store_name, self.hint) = (Some(store.as_str()), Some(store.to_string()), None);
    }

    fn pass_over(&mut self, error: &CacheError) {
        let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        self.passed_over.push(format!("{error}{cause}"));
        if self.hint.is_none() {
            self.hint = error.hint();
        }
    }

    /// Renders it in one line, plus one for each skipped store or folder.
    pub(super) fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = match (&self.store_name, &self.state_folder) {
            (Some(store), Some(folder)) => {
                writeln!(text, "new sessions are kept in the {store}; state folder {}", quoted(folder))
            }
            (Some(_) | None, _) => writeln!(text, "new sessions are not kept: each call asks AWS"),
        };
        for why in &self.passed_over {
            let _ = writeln!(text, "  passed over: {}", printable_line(why));
        }
        if let Some(hint) = &self.hint {
            let _ = writeln!(text, "  to have a cache: {hint}");
        }
        text
    }
}
