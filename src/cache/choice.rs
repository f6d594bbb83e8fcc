//! Which stores a call uses, in which order, and why not others.

use std::fmt;
use std::str::FromStr;

use super::file::{FileCache, KeyLender};
use super::keyring::{Containers, KeyringCache};
use super::none::NoCache;
use super::state_folder::StateLocation;
use super::{CacheEntry, CacheError, CacheKey, CredentialCache, EntrySummary, Namespace, StoreKind};
use crate::trace;

/// The value of `--cache`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheChoice {
    /// The first store that works: keyrings, then a file where the private key can seal it.
    #[default]
    Auto,
    /// A sealed file, nothing else.
    File,
    /// A keyring, in containers too, and nothing else.
    Keyring,
    /// No cache.
    None,
}

/// A value that is no choice of a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the cache is auto, keyring, file or none")]
pub struct CacheChoiceError;

impl CacheChoice {
    /// All choices, in the order of the help text.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Keyring, Self::File, Self::None];

    /// Returns the word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::File => "file",
            Self::Keyring => "keyring",
            Self::None => "none",
        }
    }

    /// Returns the stores to try, the preferred first.
    const fn candidates(self) -> &'static [Candidate] {
        match self {
            Self::Auto => &[Candidate::Kernel(Containers::Refused), Candidate::Desktop, Candidate::File],
            Self::File => &[Candidate::File],
            Self::Keyring => &[Candidate::Kernel(Containers::Allowed), Candidate::Desktop],
            Self::None => &[],
        }
    }
}

impl fmt::Display for CacheChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CacheChoice {
    type Err = CacheChoiceError;

    fn from_str(text: &str) -> Result<Self, CacheChoiceError> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == text).ok_or(CacheChoiceError)
    }
}

#[derive(Clone, Copy)]
enum Candidate {
    Desktop,
    File,
    Kernel(Containers),
}

/// The stores of one choice, tried in order.
///
/// A lookup goes on to the next store after a miss too, because an entry may have gone there while the first one was
/// full or denied. Stores are opened when they are tried: a hit in the first opens no other.
pub struct Cache {
    choice: CacheChoice,
    namespace: Namespace,
    location: StateLocation,
    file: FileCache,
}

/// Whether one store can be used.
#[derive(Debug)]
pub struct StoreVerdict {
    /// Which store.
    pub store: StoreKind,
    /// `Ok` if it takes entries here, else why not.
    pub verdict: Result<(), CacheError>,
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { choice, namespace, location, file: _ } = self;
        f.debug_struct("Cache")
            .field("choice", choice)
            .field("namespace", namespace)
            .field("location", location)
            .finish_non_exhaustive()
    }
}

impl Candidate {
    const fn kind(self) -> StoreKind {
        match self {
            Self::Desktop => KeyringCache::DESKTOP,
            Self::File => StoreKind::File,
            Self::Kernel(_) => StoreKind::KernelKeyring,
        }
    }
}

impl Cache {
    /// Combines the choice with the namespace and the places. Nothing is opened.
    pub fn new(
        choice: CacheChoice,
        namespace: Namespace,
        location: StateLocation,
        lender: KeyLender,
    ) -> Self {
        let file = FileCache::new(location.clone(), namespace.clone(), lender);
        Self { choice, namespace, location, file }
    }

    /// Returns the choice.
    pub const fn choice(&self) -> CacheChoice {
        self.choice
    }

    /// Returns for each store of this choice whether it works here, the preferred first; the first that works is used.
    /// Stores are tried as the iterator advances; the file store needs the private key.
    pub fn survey(&self) -> impl Iterator<Item = StoreVerdict> {
        self.choice
            .candidates()
            .iter()
            .map(|candidate| StoreVerdict { store: candidate.kind(), verdict: self.probe(*candidate) })
    }

    /// Tells what [`Self::survey`] does, of a state folder that need not be there; none is made.
    pub fn outlook(&self) -> impl Iterator<Item = StoreVerdict> {
        self.choice.candidates().iter().map(|candidate| {
            let verdict = match candidate {
                Candidate::File => self.file.probe_key(),
                Candidate::Desktop | Candidate::Kernel(_) => self.probe(*candidate),
            };
            StoreVerdict { store: candidate.kind(), verdict }
        })
    }

    fn probe(&self, candidate: Candidate) -> Result<(), CacheError> {
        match candidate {
            Candidate::File => self.file.probe(),
            Candidate::Desktop => KeyringCache::desktop(&self.namespace, self.location.clone())?.probe(),
            Candidate::Kernel(containers) => {
                KeyringCache::kernel(&self.namespace, self.location.clone(), containers)?.probe()
            }
        }
    }

    fn with<T>(
        &self,
        candidate: Candidate,
        ask: impl FnOnce(&dyn CredentialCache) -> Result<T, CacheError>,
    ) -> Result<T, CacheError> {
        match candidate {
            Candidate::Desktop => ask(&KeyringCache::desktop(&self.namespace, self.location.clone())?),
            Candidate::File => ask(&self.file),
            Candidate::Kernel(containers) => {
                ask(&KeyringCache::kernel(&self.namespace, self.location.clone(), containers)?)
            }
        }
    }
}

impl CredentialCache for Cache {
    /// Returns the first entry found. A store that cannot be asked is skipped; if no other store has an entry either,
    /// the first store's reason is the error.
    fn get(&self, key: &CacheKey) -> Result<Option<CacheEntry>, CacheError> {
        let mut answered = self.choice.candidates().is_empty();
        let mut reason = None;
        for candidate in self.choice.candidates() {
            let found = self.with(*candidate, |store| store.get(key));
            trace::step(|| match &found {
                Ok(Some(entry)) => format!("cache: {} has it until {}", candidate.kind(), entry.expiration()),
                Ok(None) => format!("cache: {} does not have it", candidate.kind()),
                Err(error) => format!("cache: {} cannot be asked: {error}", candidate.kind()),
            });
            match found {
                Ok(Some(entry)) => return Ok(Some(entry)),
                Ok(None) => answered = true,
                Err(error) => reason = reason.or(Some(error)),
            }
        }
        match reason {
            Some(error) if !answered => Err(error),
            Some(_) | None => Ok(None),
        }
    }

    /// Stores the entry in the first store that takes it, and removes older entries from the stores before it, which
    /// would be found first.
    fn put(&self, key: &CacheKey, entry: &CacheEntry) -> Result<(), CacheError> {
        let mut reason = None;
        for candidate in self.choice.candidates() {
            let stored = self.with(*candidate, |store| store.put(key, entry));
            trace::step(|| match &stored {
                Ok(()) => format!("cache: kept in {}", candidate.kind()),
                Err(error) => format!("cache: {} does not keep it: {error}", candidate.kind()),
            });
            match stored {
                Ok(()) => return Ok(()),
                Err(error) => {
                    // A store that did not open holds no entry of ours that it could return.
                    let _ = self.with(*candidate, |store| store.remove(key));
                    reason = reason.or(Some(error));
                }
            }
        }
        reason.map_or_else(|| NoCache.put(key, entry), Err)
    }

    /// Removes the entry from every store.
    fn remove(&self, key: &CacheKey) -> Result<(), CacheError> {
        for candidate in self.choice.candidates() {
            match self.with(*candidate, |store| store.remove(key)) {
                Ok(()) | Err(CacheError::Container | CacheError::Unavailable { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Lists the entries of every store that answers.
    fn list(&self) -> Result<Vec<EntrySummary>, CacheError> {
        let mut all = Vec::new();
        for candidate in self.choice.candidates() {
            all.extend(self.with(*candidate, |store| store.list()).unwrap_or_default());
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_choose() {
        for choice in CacheChoice::ALL {
            assert_eq!(choice.to_string().parse(), Ok(choice));
        }
        assert_eq!("Auto".parse::<CacheChoice>(), Err(CacheChoiceError));
    }
}
