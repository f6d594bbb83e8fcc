//! A folder of certificates and private keys, such as agents keep: which of its files are looked at, and which key is whose.
//!
//! Files are told by their names: a log, a request or a copy that an editor left is no candidate, and is not even opened. Folders in
//! the folder are not entered.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::{CertificateBytes, Input};
use crate::private_file::ReadError;

/// The most files of a folder that are looked at.
pub(super) const FILES_LIMIT: usize = 1000;

/// How the names of files end that may hold certificates, and perhaps keys.
const CERTIFICATES: [&str; 7] = ["pem", "crt", "cer", "cert", "der", "p12", "pfx"];
/// How the names of files end that hold keys.
const KEYS: [&str; 2] = ["key", "p8"];

/// The files of a folder that matter, in the order of their names.
pub(super) struct Folder {
    path: PathBuf,
    files: Vec<File>,
}

/// A file of a folder.
pub(super) struct File {
    pub(super) name: String,
    metadata: Metadata,
}

impl Folder {
    /// Lists a folder.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be listed, or holds more than [`FILES_LIMIT`] such files.
    pub(super) fn list(path: &Path) -> Result<Self, String> {
        let unreadable = |error: std::io::Error| ReadError::io(path, &error).reason.to_string();
        let mut files = Vec::new();
        for entry in fs::read_dir(path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if !holds_certificates(&name) && !holds_keys(&name) {
                continue;
            }
            // Links are followed: Kubernetes mounts secrets as links. What is gone again, or no file, is none.
            match fs::metadata(entry.path()) {
                Ok(metadata) if metadata.is_file() => files.push(File { name, metadata }),
                Ok(_) | Err(_) => continue,
            }
            if files.len() > FILES_LIMIT {
                return Err(format!("there are more than {FILES_LIMIT} files in it"));
            }
        }
        files.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Self { path: path.to_owned(), files })
    }

    /// Returns what names the certificates in the folder as they are now: the names of their files, and since when those are as
    /// they are.
    ///
    /// A cached call does this each time, so nothing is opened: its work is bounded by the number of files, whatever their
    /// sizes. A file that is written anew, or replaced, shows in the time of its last change, which no program can set.
    pub(super) fn stamp(&self) -> CertificateBytes {
        let mut listing = Sha256::new_with_prefix(b"anyrole/certificate-folder/v1\0");
        for File { name, metadata } in self.files.iter().filter(|file| holds_certificates(&file.name)) {
            listing.update((name.len() as u64).to_be_bytes());
            listing.update(name.as_bytes());
            for number in marks(metadata) {
                listing.update(number.to_be_bytes());
            }
        }
        CertificateBytes::of_folder(listing.finalize().into())
    }

    /// Returns the files that may hold certificates.
    pub(super) fn certificates(&self) -> impl Iterator<Item = (&str, Input)> {
        self.files.iter().filter(|file| holds_certificates(&file.name)).map(|file| self.input(file))
    }

    /// Returns the files that may hold private keys: first those that are named as one of the files of certificates is.
    pub(super) fn keys(&self, named_as: &[&str]) -> Vec<(&str, Input)> {
        let mut files: Vec<&File> = self.files.iter().collect();
        files.sort_by_key(|file| !named_as.iter().any(|name| stem(name) == stem(&file.name)));
        files.into_iter().map(|file| self.input(file)).collect()
    }

    fn input<'a>(&'a self, file: &'a File) -> (&'a str, Input) {
        (&file.name, Input::file(self.path.join(&file.name)))
    }

    /// Returns since when its files are as they are.
    pub(super) fn metadata(&self) -> impl Iterator<Item = &Metadata> {
        self.files.iter().map(|file| &file.metadata)
    }
}

/// Tells whether two files are named as a certificate and its key are: `host.pem` and `host.key`, `host-cert.pem` and `host-key.pem`.
pub(super) fn are_named_alike(one: &str, other: &str) -> bool {
    stem(one) == stem(other)
}

fn stem(name: &str) -> &str {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    ["key", "cert", "crt"]
        .iter()
        .find_map(|kind| stem.strip_suffix(kind)?.strip_suffix(['.', '-', '_']))
        .unwrap_or(stem)
}

fn holds_certificates(name: &str) -> bool {
    ends_with_one_of(name, &CERTIFICATES)
}

fn holds_keys(name: &str) -> bool {
    ends_with_one_of(name, &KEYS)
}

/// Tells whether a name ends so; one that begins with a dot is a program's own.
fn ends_with_one_of(name: &str, endings: &[&str]) -> bool {
    let ending = name.rsplit_once('.').filter(|_| !name.starts_with('.')).map(|(_, ending)| ending);
    ending.is_some_and(|ending| endings.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

/// Returns numbers that differ once a file was written or replaced.
#[cfg(unix)]
fn marks(metadata: &Metadata) -> [u64; 5] {
    use std::os::unix::fs::MetadataExt as _;
    let times = [metadata.ctime(), metadata.ctime_nsec()].map(i64::cast_unsigned);
    [metadata.dev(), metadata.ino(), metadata.len(), times[0], times[1]]
}

/// Returns numbers that differ once a file was written or replaced.
#[cfg(not(unix))]
fn marks(metadata: &Metadata) -> [u64; 5] {
    let since = metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let since = since.unwrap_or_default();
    [0, 0, metadata.len(), since.as_secs(), u64::from(since.subsec_nanos())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_names() {
        for name in ["host.pem", "tls.crt", "HOST.CER", "host.p12", "a.b.der"] {
            assert!(holds_certificates(name), "{name}");
        }
        for name in [
            "host.key",
            "host.pem.bak",
            "host.log",
            ".host.pem",
            "..data",
            "host.csr",
            "host.pem~",
            "host",
            "pem",
        ] {
            assert!(!holds_certificates(name), "{name}");
        }
        assert!(holds_keys("tls.key") && holds_keys("host.p8") && !holds_keys(".host.key"));
        assert!(are_named_alike("host.pem", "host.key") && are_named_alike("a-cert.pem", "a.key.pem"));
        assert!(!are_named_alike("host.pem", "hosts.key") && !are_named_alike("key.pem", "a.pem"));
    }
}
