//! Why none of the certificates that are there is taken, with those that could be.

use super::IdentityError;
use super::held::Held;
use crate::clock::Timestamp;
use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::text::quoted;
use crate::x509::{Certificate, Selector};

/// How many candidates, and how many files that were passed over, are told.
const TOLD: usize = 12;

/// Why none of several certificates is taken. A `source_name` is in quotes, as the user wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// No private key is there for those that match.
    #[error("there is no private key in {keys} for {} of {source_name}", which(candidates))]
    NoKey {
        /// Where the certificates are.
        source_name: String,
        /// Where the key was looked for.
        keys: String,
        /// Those that match.
        candidates: Vec<Candidate>,
        /// Files that were not looked into, and why.
        passed_over: Vec<String>,
    },
    /// The selector matches no certificate.
    #[error("no certificate in {source_name} matches the selector")]
    NoneMatches {
        /// Where the certificates are.
        source_name: String,
        /// The selector.
        selector: String,
        /// A serial number that the selector has in decimal, in hex.
        serial: Option<String>,
        /// Those that are there.
        candidates: Vec<Candidate>,
    },
    /// A folder holds no certificate that could be taken.
    #[error("there is no end-entity certificate in {source_name}")]
    Nothing {
        /// The folder.
        source_name: String,
        /// Files that were not looked into, and why.
        passed_over: Vec<String>,
    },
    /// Several match, and nothing says which.
    #[error(
        "{} certificates in {source_name} {}, and nothing says which is meant",
        candidates.len(), if selector.is_some() { "match the selector" } else { "can be used" }
    )]
    Several {
        /// Where they are.
        source_name: String,
        /// The selector, if there is one.
        selector: Option<String>,
        /// Those that match.
        candidates: Vec<Candidate>,
    },
}

/// A certificate that could be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The selector of it alone.
    pub selector: String,
    /// Its subject name.
    pub subject: String,
    /// Its serial number in hex.
    pub serial: String,
    /// Its last second.
    pub not_after: Timestamp,
    /// The file of a folder that it is in.
    pub file: Option<String>,
}

impl Candidate {
    /// Returns the end-entity certificates among those that are there.
    pub(super) fn all<'a>(held: impl IntoIterator<Item = &'a Held>) -> Vec<Self> {
        let mut candidates: Vec<Self> = Vec::new();
        for Held { certificate, file } in held {
            let candidate = Self::of(certificate, file.clone());
            let is_new = candidates.iter().all(|known| known.selector != candidate.selector);
            if is_new && !certificate.is_ca() {
                candidates.push(candidate);
            }
        }
        candidates
    }

    fn of(certificate: &Certificate, file: Option<String>) -> Self {
        Self {
            selector: Selector::of_one(certificate).to_string(),
            subject: certificate.subject_name().to_owned(),
            serial: certificate.serial_number().hex().to_owned(),
            not_after: certificate.not_after(),
            file,
        }
    }

    fn fact(&self) -> Fact {
        let Self { selector, subject, serial, not_after, file } = self;
        let file = file.as_ref().map(|file| format!(", in {}", quoted(file))).unwrap_or_default();
        let subject = quoted(subject);
        Fact::new(
            "candidate",
            format!("{selector} (subject {subject}, serial {serial}, until {not_after}{file})"),
        )
    }
}

fn which(candidates: &[Candidate]) -> String {
    match candidates {
        [one] => format!("the certificate {}", quoted(&one.subject)),
        [] | [_, ..] => String::from("a certificate"),
    }
}

fn told(candidates: &[Candidate], passed_over: &[String]) -> Vec<Fact> {
    let more = |left: usize| (left > 0).then(|| Fact::new("more", format!("{left} more")));
    let candidates_left = candidates.len().saturating_sub(TOLD);
    let passed_left = passed_over.len().saturating_sub(TOLD);
    let passed_over = passed_over.iter().take(TOLD).map(|told| Fact::new("passed over", told.clone()));
    candidates
        .iter()
        .take(TOLD)
        .map(Candidate::fact)
        .chain(more(candidates_left))
        .chain(passed_over)
        .chain(more(passed_left))
        .collect()
}

impl Diagnostic for SelectionError {
    fn id(&self) -> &'static str {
        match self {
            Self::NoKey { .. } => "private-key-missing",
            Self::NoneMatches { .. } => "selector-matches-none",
            Self::Nothing { .. } => "certificate-missing",
            Self::Several { .. } => "selection-ambiguous",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Identity
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::NoKey { candidates, passed_over, .. } => told(candidates, passed_over),
            Self::NoneMatches { selector, candidates, .. } => {
                let mut facts = told(candidates, &[]);
                facts.insert(0, Fact::new("selector", selector.clone()));
                facts
            }
            Self::Nothing { passed_over, .. } => told(&[], passed_over),
            Self::Several { candidates, .. } => told(candidates, &[]),
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoKey { .. } => String::from(
                "put the private key into that folder, or name its file or folder with --private-key",
            ),
            Self::NoneMatches { serial: Some(hex), .. } => {
                format!("a serial number is written in hex: Key=x509Serial,Value={hex}")
            }
            Self::NoneMatches { candidates, .. } if candidates.is_empty() => {
                String::from("no end-entity certificate is there at all: check what --certificate names")
            }
            Self::NoneMatches { .. } => String::from(
                "names are compared whole, all their parts; give --cert-selector what stands before one of these",
            ),
            Self::Nothing { .. } => String::from(
                "certificates are looked for in files named .pem, .crt, .cer, .cert, .der, .p12, .pfx",
            ),
            Self::Several { .. } => String::from(
                "give --cert-selector what stands before one of them, or --use-latest-expiring-certificate",
            ),
        })
    }
}

impl SelectionError {
    /// Tells whether a renewal that is under way explains this, so that it may be gone in a moment.
    pub(super) const fn may_pass(&self) -> bool {
        match self {
            Self::NoKey { .. } | Self::NoneMatches { .. } | Self::Nothing { .. } => true,
            Self::Several { .. } => false,
        }
    }
}

impl From<SelectionError> for IdentityError {
    fn from(error: SelectionError) -> Self {
        Self::Selection(Box::new(error))
    }
}
