//! Which certificate of many: what a user says beside the source, and what is taken.

use super::IdentityError;
use super::held::Held;
use super::selection_error::{Candidate, SelectionError};
use crate::x509::{Certificate, Selector};

/// Which certificate of its source an identity has. Without anything said there must be one, or one that belongs to the key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// What it must match.
    pub selector: Option<Selector>,
    /// Whether of several the one is taken that is valid longest.
    pub latest: bool,
}

impl Selection {
    /// Returns what is part of a source's name: other words are another certificate. `None` where nothing is said.
    pub fn text(&self) -> Option<String> {
        let latest = if self.latest { " and the latest" } else { "" };
        match &self.selector {
            Some(selector) => Some(format!("{selector}{latest}")),
            None => self.latest.then(|| latest.to_owned()),
        }
    }

    /// Tells whether nothing is said.
    pub(super) const fn is_silent(&self) -> bool {
        self.selector.is_none() && !self.latest
    }

    /// Tells whether a certificate may be meant.
    pub(super) fn means(&self, held: &Held) -> bool {
        self.admits(&held.certificate)
    }

    /// Tells whether the selector, if there is one, matches.
    pub(super) fn admits(&self, certificate: &Certificate) -> bool {
        self.selector.as_ref().is_none_or(|selector| selector.matches(certificate))
    }

    /// Returns the end-entity certificates that match; or the CAs, where they alone do, which are refused for what they are. Each is
    /// returned once.
    ///
    /// # Errors
    ///
    /// Fails if none does.
    pub(super) fn matching<'a>(
        &self,
        held: &'a [Held],
        source_name: &str,
    ) -> Result<Vec<&'a Held>, IdentityError> {
        let mut matching: Vec<&Held> = Vec::new();
        for one in held.iter().filter(|held| self.means(held)) {
            if matching.iter().all(|known| known.certificate != one.certificate) {
                matching.push(one);
            }
        }
        if matching.iter().any(|held| !held.certificate.is_ca()) {
            matching.retain(|held| !held.certificate.is_ca());
        }
        match &self.selector {
            Some(selector) if matching.is_empty() => Err(SelectionError::NoneMatches {
                source_name: source_name.to_owned(),
                serial: held.iter().find_map(|held| selector.serial_in_decimal(&held.certificate)),
                selector: selector.to_string(),
                candidates: Candidate::all(held),
            }
            .into()),
            Some(_) | None => Ok(matching),
        }
    }

    /// Takes one: the only one, or the one that is valid longest, where that is asked for. Certificates of one name and one key are
    /// renewals of one another, of which the last one counts.
    ///
    /// # Errors
    ///
    /// Fails if it does not say which of several.
    pub(super) fn one<'a>(&self, of: &[&'a Held], source_name: &str) -> Result<&'a Held, IdentityError> {
        let longest =
            |held: &[&'a Held]| held.iter().max_by_key(|held| held.certificate.not_after()).copied();
        let missing =
            || SelectionError::Nothing { source_name: source_name.to_owned(), passed_over: Vec::new() };
        let last = longest(of).ok_or_else(missing)?;
        let is_renewal = |held: &&Held| {
            held.certificate.public_key() == last.certificate.public_key()
                && held.certificate.subject_name() == last.certificate.subject_name()
        };
        if self.latest || of.iter().all(is_renewal) {
            return Ok(last);
        }
        let selector = self.selector.as_ref().map(ToString::to_string);
        let candidates = Candidate::all(of.iter().copied());
        Err(SelectionError::Several { source_name: source_name.to_owned(), selector, candidates }.into())
    }
}
