//! Revocation lists that `status` and `doctor` look at: when they end, and whether the certificate is on them.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::clock::Timestamp;
use crate::identity::Input;
use crate::private_file;
use crate::text::quoted;
use crate::x509::{Certificate, RevocationList};

/// The largest list that is read, in bytes: some 200,000 entries. What AWS imports is shorter.
const FILE_LIMIT: u64 = 8 << 20;

/// A list, and what it says of a certificate.
pub(super) struct Watched {
    file: PathBuf,
    found: Result<Found, String>,
}

struct Found {
    issuer: String,
    next_update: Option<Timestamp>,
    /// Whether the certificate is on it; `None` where that is not known, since the list is another CA's.
    revokes: Option<bool>,
}

/// A list in the JSON of `status`.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    file: String,
    issuer: Option<&'a str>,
    next_update: Option<String>,
    revokes_the_certificate: Option<bool>,
    error: Option<&'a str>,
}

/// Reads the lists that were named; without any, that of the PKI in whose folder the certificate lies.
pub(super) fn watched<'a>(
    named: impl Iterator<Item = &'a str>,
    source: &Input,
    certificate: Option<&Certificate>,
) -> Vec<Watched> {
    let mut files: Vec<PathBuf> = named.map(PathBuf::from).collect();
    if files.is_empty() {
        files.extend(of_the_pki(source));
    }
    files.into_iter().map(|file| Watched { found: read(&file, certificate), file }).collect()
}

/// Returns `ca/crl.pem` beside the folder of an identity, if that is there.
fn of_the_pki(source: &Input) -> Option<PathBuf> {
    let Input::Path(file) = source else { return None };
    let file = std::path::absolute(&**file).ok()?;
    let list = file.parent()?.parent()?.join("ca").join("crl.pem");
    list.is_file().then_some(list)
}

fn read(file: &Path, certificate: Option<&Certificate>) -> Result<Found, String> {
    let bytes = private_file::read_bounded(file, FILE_LIMIT).map_err(|error| error.to_string())?;
    let list = RevocationList::read(&bytes).map_err(|error| format!("{} is {error}", shown(file)))?;
    let revokes = certificate.filter(|one| list.is_for(one)).map(|one| list.revokes(one));
    Ok(Found { issuer: list.issuer_name().to_owned(), next_update: list.next_update(), revokes })
}

fn shown(file: &Path) -> String {
    quoted(&file.display().to_string())
}

impl Watched {
    /// Tells whether nothing speaks against the certificate: it can be read, has not ended, and does not name it.
    pub(super) fn is_good(&self, now: Timestamp) -> bool {
        self.found
            .as_ref()
            .is_ok_and(|found| found.revokes != Some(true) && found.next_update.is_none_or(|end| end > now))
    }

    /// Returns the file as it was named.
    pub(super) fn file(&self) -> String {
        self.file.display().to_string()
    }

    /// Returns when it ends, if it says so.
    pub(super) fn next_update(&self) -> Option<Timestamp> {
        self.found.as_ref().ok().and_then(|found| found.next_update)
    }

    /// Tells whether the certificate is on it, where that is known.
    pub(super) fn revokes(&self) -> Option<bool> {
        self.found.as_ref().ok().and_then(|found| found.revokes)
    }

    /// Says what is to be said, in a line.
    pub(super) fn line(&self, now: Timestamp) -> String {
        let file = shown(&self.file);
        let found = match &self.found {
            Ok(found) => found,
            Err(why) => return why.clone(),
        };
        let end = match found.next_update {
            None => String::from("without an end"),
            Some(end) if end > now => format!("ends at {end}, {}", end.distance_from(now)),
            Some(end) => format!("ended at {end}, {}", end.distance_from(now)),
        };
        match found.revokes {
            Some(true) => format!("{file} revokes the certificate; {end}"),
            Some(false) => format!("{file} {end}"),
            None => format!(
                "{file} is a list of {}, not of the certificate's issuer; {end}",
                quoted(&found.issuer)
            ),
        }
    }

    /// Returns what the JSON says.
    pub(super) fn document(&self) -> Document<'_> {
        let found = self.found.as_ref();
        Document {
            file: self.file(),
            issuer: found.ok().map(|found| found.issuer.as_str()),
            next_update: self.next_update().map(|end| end.to_string()),
            revokes_the_certificate: self.revokes(),
            error: found.err().map(String::as_str),
        }
    }
}
