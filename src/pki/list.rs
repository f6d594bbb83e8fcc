//! The contents of a PKI's folder.

use std::path::{Path, PathBuf};

use super::index::Index;
use super::{AUTHORITIES, FILE_LIMIT, Folder, INTERMEDIATE, PkiError, ROOT};
use crate::clock::Timestamp;
use crate::private_file;
use crate::x509::Certificate;
use crate::x509::pem;

/// The role of a certificate in the PKI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The root: the trust anchor.
    Root,
    /// The CA that issues.
    Intermediate,
    /// An identity.
    EndEntity,
}

impl Role {
    /// Returns the word in the list and in its JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Intermediate => "intermediate",
            Self::EndEntity => "end-entity",
        }
    }
}

/// One certificate of the PKI.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The name of its files.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// The file.
    pub file: PathBuf,
    /// The certificate.
    pub certificate: Certificate,
    /// Since when it is revoked, if it is.
    pub revoked: Option<Timestamp>,
}

/// Lists every certificate: the CAs first, then the identities by name.
pub(super) fn list(folder: &Folder) -> Result<Vec<Listed>, PkiError> {
    folder.check_initialised()?;
    let authorities = folder.path.join(AUTHORITIES);
    let mut listed = Vec::new();
    for (name, role) in [(ROOT, Role::Root), (INTERMEDIATE, Role::Intermediate)] {
        let file = authorities.join(format!("{name}.pem"));
        if file.exists() {
            let certificate = first(&file)?;
            listed.push(Listed { name: name.to_owned(), role, certificate, file, revoked: None });
        }
    }
    let index = Index::load(&folder.path)?;
    for name in identities(&folder.path) {
        let file = folder.path.join(&name).join(format!("{name}.pem"));
        if file.exists() {
            let certificate = first(&file)?;
            let record = index.find(certificate.serial_number().hex());
            let revoked = record.and_then(|record| record.revoked.as_ref()).map(|revoked| revoked.at);
            listed.push(Listed { role: Role::EndEntity, certificate, name, file, revoked });
        }
    }
    Ok(listed)
}

/// Returns the last second of a certificate's validity.
pub(super) fn not_after(der: &[u8]) -> Result<Timestamp, PkiError> {
    Certificate::parse(der)
        .map(|certificate| certificate.not_after())
        .map_err(|source| PkiError::Certificate { file: PathBuf::from(AUTHORITIES), source })
}

/// Returns the names of the folders that can be identities, sorted; names starting with a dot are work in progress.
fn identities(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.') && name != AUTHORITIES).collect();
    names.sort();
    names
}

/// Reads the first certificate of a file.
pub(super) fn first(file: &Path) -> Result<Certificate, PkiError> {
    first_of(&private_file::read_bounded(file, FILE_LIMIT)?, file)
}

/// Returns the first certificate of a file's bytes.
pub(super) fn first_of(bytes: &[u8], file: &Path) -> Result<Certificate, PkiError> {
    let blocks = pem::read(bytes).map_err(|_| PkiError::NotText { file: file.to_path_buf() })?;
    let block = blocks
        .iter()
        .find(|block| block.label.is_certificate())
        .ok_or_else(|| PkiError::NotText { file: file.to_path_buf() })?;
    Certificate::parse(&block.der)
        .map_err(|source| PkiError::Certificate { file: file.to_path_buf(), source })
}
