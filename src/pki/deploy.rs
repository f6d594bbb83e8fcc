//! Puts a certificate and its key where another user's programs read them: as one pair, in one step, owned by that
//! user.

mod above;
mod obstacle;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::issue::check_name;
use super::own_key::OwnKey;
use super::{FILE_LIMIT, Folder, PkiError, list, lock};
use crate::private_file::{self, Owner, WithinError};
use crate::x509::Certificate;

pub use obstacle::Obstacle;

/// How often to read a pair again that did not match, because it was being renewed.
const TRIES: u32 = 5;

/// A deployment.
#[derive(Debug)]
pub struct DeploySpec {
    /// The name of the identity.
    pub name: String,
    /// The folder that will hold the pair and nothing else; it is created, or replaced as a whole.
    pub to: PathBuf,
    /// Who owns it; `None` for the caller.
    pub owner: Option<Owner>,
    /// The mode of both files: 0600, 0400, or with root as the owner 0640 and 0440.
    pub mode: u32,
}

/// A deployed pair.
#[derive(Debug)]
pub struct Deployed {
    /// The certificate and its intermediates.
    pub certificate_file: PathBuf,
    /// The private key.
    pub private_key_file: PathBuf,
    /// The certificate.
    pub certificate: Certificate,
    /// Whether anything was changed; `false` if the same pair was there, with the same owner and mode.
    pub is_new: bool,
}

/// A certificate with its chain, and its key, as text.
struct Pair {
    certificate: Certificate,
    chain: Zeroizing<Vec<u8>>,
    key: Zeroizing<Vec<u8>>,
}

impl Folder {
    /// Deploys an identity: at any moment the folder at `spec.to` has the old pair or the new one, never one file of
    /// each.
    ///
    /// Deployments to the same place wait for each other, and read the pair when it is their turn: a lock beside the
    /// place, `.NAME.lock`, is created for that and stays.
    ///
    /// # Errors
    ///
    /// Fails if there is no such identity with its key; if others could change what is above `spec.to`; if the folder
    /// there holds anything else; if the PKI belongs to another user, one of whose links leads elsewhere; or if the
    /// owner cannot be set, which requires root. Nothing is changed then.
    pub fn deploy(&self, spec: &DeploySpec) -> Result<Deployed, PkiError> {
        check_name(&spec.name)?;
        let failed = |obstacle| PkiError::Deploy {
            folder: spec.to.clone(),
            arguments: spec.arguments(),
            obstacle: Box::new(obstacle),
        };
        // A failed deployment leaves nothing behind, not even a lock.
        self.pair(&spec.name).map_err(|error| error.or(failed))?;
        let named = std::path::absolute(&spec.to).map_err(|_| failed(Obstacle::NoPlace))?;
        let (Some(above), Some(own_name)) =
            (named.parent(), named.file_name().and_then(|name| name.to_str()))
        else {
            return Err(failed(Obstacle::NoPlace));
        };
        let above = above::judge(above, own_name).map_err(failed)?;
        let to = above.join(own_name);
        let files = [format!("{}.pem", spec.name), format!("{}.key", spec.name)];
        check_content(&to, &files).map_err(failed)?;

        let _lock = lock::wait_for(&above.join(format!(".{own_name}.lock")))?;
        let staged = above.join(format!(".{own_name}.new"));
        let aside = above.join(format!(".{own_name}.old"));
        // The leftovers of an earlier deployment that was killed.
        if !is_there(&to) && is_there(&aside) {
            private_file::place_folder(&aside, &to)?;
        }
        let clean = || {
            for leftover in [&staged, &aside] {
                let _ = std::fs::remove_dir_all(leftover);
            }
        };
        clean();
        check_content(&to, &files).map_err(failed)?;
        let pair = self.pair(&spec.name).map_err(|error| error.or(failed))?;
        let deployed = |is_new| Deployed {
            certificate_file: named.join(&files[0]),
            private_key_file: named.join(&files[1]),
            certificate: pair.certificate.clone(),
            is_new,
        };
        if is_deployed(&to, &files, &pair, spec) {
            return Ok(deployed(false));
        }
        let write = || -> Result<(), PkiError> {
            private_file::create_private_folder(&staged)?;
            for (file, content) in files.iter().zip([&pair.chain, &pair.key]) {
                private_file::write_new(&staged.join(file), content, 0o600)?;
                system::hand_over(&staged.join(file), spec.owner, spec.mode).map_err(failed)?;
            }
            system::hand_over(&staged, spec.owner, folder_mode(spec.mode)).map_err(failed)?;
            if is_there(&to) {
                private_file::replace_folder(&staged, &to, &aside)?;
            } else {
                private_file::place_folder(&staged, &to)?;
            }
            Ok(())
        };
        let outcome = write();
        clean();
        outcome.map(|()| deployed(true))
    }

    /// Reads a matching certificate and key; waits for a renewal that is replacing them at this moment.
    fn pair(&self, name: &str) -> Result<Pair, Unread> {
        let (certificate_file, key_file) = (self.file(name, "pem"), self.file(name, "key"));
        if !self.holds(&certificate_file)? {
            return Err(PkiError::UnknownIdentity { name: name.to_owned(), folder: self.path.clone() }.into());
        }
        if !self.holds(&key_file)? {
            return Err(PkiError::KeyElsewhere { name: name.to_owned() }.into());
        }
        let read = |extension| {
            private_file::read_within(&self.path, &[name, &format!("{name}.{extension}")], FILE_LIMIT)
        };
        for _ in 0..TRIES {
            let (before, key, chain) = (read("pem")?, read("key")?, read("pem")?);
            let certificate = list::first_of(&before, &certificate_file)?;
            let text = std::str::from_utf8(&key).map_err(|_| PkiError::NotText { file: key_file.clone() })?;
            let is_pair = OwnKey::parse(text, &key_file)?.public_key() == certificate.public_key().der();
            if is_pair && before == chain {
                return Ok(Pair { certificate, chain, key });
            }
        }
        Err(PkiError::PairMismatch { file: key_file }.into())
    }
}

/// Why the pair was not read.
enum Unread {
    /// It does not exist, or does not match.
    Pki(PkiError),
    /// It must not be followed.
    Within(WithinError),
}

impl Unread {
    fn or(self, failed: impl FnOnce(Obstacle) -> PkiError) -> PkiError {
        match self {
            Self::Pki(error) => error,
            Self::Within(WithinError::Read(error)) => error.into(),
            Self::Within(error) => failed(error.into()),
        }
    }
}

impl From<PkiError> for Unread {
    fn from(error: PkiError) -> Self {
        Self::Pki(error)
    }
}

impl From<WithinError> for Unread {
    fn from(error: WithinError) -> Self {
        Self::Within(error)
    }
}

impl DeploySpec {
    /// Returns the command line's flags for this, after the name and the PKI's folder.
    fn arguments(&self) -> String {
        let owner = self.owner.map(|Owner { user, group }| format!(" --owner {user}:{group}"));
        let mode = (self.mode != 0o600).then(|| format!(" --mode {:04o}", self.mode));
        let to = private_file::shell_word(&self.to);
        format!("--to {to}{}{}", owner.unwrap_or_default(), mode.unwrap_or_default())
    }
}

/// The mode of a folder: a group that may read the files may enter it.
const fn folder_mode(mode: u32) -> u32 {
    if mode & 0o040 == 0 { 0o700 } else { 0o750 }
}

fn is_there(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

/// Fails if the folder holds anything but the pair, because that would be lost.
fn check_content(to: &Path, files: &[String; 2]) -> Result<(), Obstacle> {
    let system = |error: std::io::Error| Obstacle::System {
        what: String::from("its content cannot be seen"),
        why: error.to_string(),
    };
    let found = match std::fs::symlink_metadata(to) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => found.map_err(system)?,
    };
    if found.is_symlink() {
        let target = to.canonicalize().or_else(|_| std::fs::read_link(to)).map_err(system)?;
        return Err(Obstacle::Link { to: to.to_owned(), target });
    }
    if !found.is_dir() {
        return Err(Obstacle::File { to: to.to_owned() });
    }
    for entry in std::fs::read_dir(to).map_err(system)? {
        let name = entry.map_err(system)?.file_name();
        if !files.iter().any(|file| name == **file) {
            return Err(Obstacle::Content { to: to.to_owned(), found: name.to_string_lossy().into_owned() });
        }
    }
    Ok(())
}

/// Returns whether exactly this is deployed already.
fn is_deployed(to: &Path, files: &[String; 2], pair: &Pair, spec: &DeploySpec) -> bool {
    let is_same = |(file, content): (&String, &Zeroizing<Vec<u8>>)| {
        let path = to.join(file);
        system::is_handed_over(&path, spec.owner, spec.mode)
            && private_file::read_bounded(&path, FILE_LIMIT).is_ok_and(|found| *found == **content)
    };
    system::is_handed_over(to, spec.owner, folder_mode(spec.mode))
        && files.iter().zip([&pair.chain, &pair.key]).all(is_same)
}

#[cfg(unix)]
mod system {
    use std::fs::Permissions;
    use std::io::{Error, ErrorKind};
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
    use std::path::Path;

    use super::{Obstacle, Owner};

    pub(super) fn hand_over(path: &Path, owner: Option<Owner>, mode: u32) -> Result<(), Obstacle> {
        let system = |error: Error| Obstacle::System {
            what: format!("{} cannot be handed over", crate::text::quoted(&path.to_string_lossy())),
            why: error.to_string(),
        };
        if let Some(Owner { user, group }) = owner {
            chown(path, Some(user), Some(group)).map_err(|error| {
                if error.kind() == ErrorKind::PermissionDenied { Obstacle::NotRoot } else { system(error) }
            })?;
        }
        // Last, because changing the owner may remove permissions.
        std::fs::set_permissions(path, Permissions::from_mode(mode)).map_err(system)?;
        std::fs::File::open(path).and_then(|file| file.sync_all()).map_err(system)
    }

    pub(super) fn is_handed_over(path: &Path, owner: Option<Owner>, mode: u32) -> bool {
        let own = || rustix::process::geteuid().as_raw();
        std::fs::symlink_metadata(path).is_ok_and(|found| {
            found.mode() & 0o7777 == mode
                && found.uid() == owner.map_or_else(own, |owner| owner.user)
                && owner.is_none_or(|owner| found.gid() == owner.group)
        })
    }
}

#[cfg(not(unix))]
mod system {
    use std::path::Path;

    use super::{Obstacle, Owner};

    pub(super) fn hand_over(_path: &Path, owner: Option<Owner>, _mode: u32) -> Result<(), Obstacle> {
        match owner {
            None => Ok(()),
            Some(_) => Err(Obstacle::System {
                what: String::from("it cannot be given to another user"),
                why: String::from("on this system that is done by its access list"),
            }),
        }
    }

    pub(super) const fn is_handed_over(_path: &Path, owner: Option<Owner>, _mode: u32) -> bool {
        owner.is_none()
    }
}
