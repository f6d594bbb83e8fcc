//! Which modules are loaded: the one that was named, else p11-kit's proxy, else those that are well known.

use std::path::{Path, PathBuf};

use super::error::{Pkcs11Error, named};
use super::uri::Pkcs11Uri;
use crate::private_file;

/// Where modules are. Of Linux the folders of Debian, Fedora, SUSE and Alpine.
#[cfg(not(any(windows, target_os = "macos")))]
const FOLDERS: &[&str] = &[
    "/usr/lib64",
    "/usr/lib64/pkcs11",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu/pkcs11",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu/pkcs11",
    "/usr/lib/arm-linux-gnueabihf",
    "/usr/lib/arm-linux-gnueabihf/pkcs11",
    "/usr/lib",
    "/usr/lib/pkcs11",
    "/usr/lib/softhsm",
    "/usr/local/lib",
    "/usr/local/lib/pkcs11",
    "/usr/local/lib/softhsm",
];
/// Where modules are: Homebrew's folders, and that of installers.
#[cfg(target_os = "macos")]
const FOLDERS: &[&str] = &[
    "/opt/homebrew/lib",
    "/opt/homebrew/lib/pkcs11",
    "/usr/local/lib",
    "/usr/local/lib/pkcs11",
    "/Library/OpenSC/lib",
];
/// Where modules are.
#[cfg(windows)]
const FOLDERS: &[&str] = &["C:\\Windows\\System32", "C:\\Program Files\\OpenSC Project\\OpenSC\\pkcs11"];

/// How a module's file ends.
const ENDING: &str = if cfg!(windows) {
    ".dll"
} else if cfg!(target_os = "macos") {
    ".dylib"
} else {
    ".so"
};

/// The modules that are tried where none is named, without their ending: p11-kit's proxy, which has all that an administrator registered;
/// then OpenSC, YubiKey PIV, YubiHSM, SoftHSM.
const WELL_KNOWN: &[&[&str]] = &[
    &["p11-kit-proxy"],
    &["opensc-pkcs11"],
    &["libykcs11", "libykcs11.so.2", "libykcs11.so.1", "libykcs11.2", "libykcs11.1"],
    &["yubihsm_pkcs11"],
    &["libsofthsm2"],
];
/// Modules of makers who have a folder of their own: AWS CloudHSM, nShield, Luna.
const IN_FOLDERS_OF_THEIR_OWN: &[&str] = &[
    "/opt/cloudhsm/lib/libcloudhsm_pkcs11.so",
    "/opt/nfast/toolkits/pkcs11/libcknfast.so",
    "/usr/safenet/lunaclient/lib/libCryptoki2_64.so",
];

/// The modules to load, one after the other until one has what is looked for.
#[derive(Debug)]
pub(super) struct Candidates {
    /// Whether somebody named the module: then there is no other.
    pub(super) are_named: bool,
    pub(super) paths: Vec<PathBuf>,
    /// What was looked for and is not there.
    pub(super) absent: Vec<(String, String)>,
}

/// Returns the modules to load for a URI: `given` by the user, else the URI's, else those that are there.
pub(super) fn candidates(given: Option<&Path>, uri: &Pkcs11Uri) -> Result<Candidates, Pkcs11Error> {
    if let Some(path) = given.or(uri.module_path().map(PathBuf::as_path)) {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        return Ok(Candidates { are_named: true, paths: vec![absolute], absent: Vec::new() });
    }
    if let Some(name) = uri.module_name() {
        let paths = in_folders(&[name, &format!("lib{name}"), &format!("{name}-pkcs11")]);
        return match paths.into_iter().next() {
            Some(path) => Ok(Candidates { are_named: true, paths: vec![path], absent: Vec::new() }),
            None => Err(Pkcs11Error::ModuleNotLoaded {
                module: named(Path::new(name)),
                why: format!("it is in none of {}", FOLDERS.join(", ")),
            }),
        };
    }
    let mut paths = Vec::new();
    let mut absent = Vec::new();
    for names in WELL_KNOWN {
        match in_folders(names).into_iter().next() {
            Some(path) => paths.push(path),
            None => {
                let name = names.first().copied().unwrap_or_default();
                absent.push((format!("{name}{ENDING}"), String::from("not in the folders of modules")));
            }
        }
    }
    let own = IN_FOLDERS_OF_THEIR_OWN.iter().map(PathBuf::from).filter(|path| path.exists());
    paths.extend(own);
    Ok(Candidates { are_named: false, paths, absent })
}

/// Returns the files of those names that are in the folders of modules; a name may come with its ending.
fn in_folders(names: &[&str]) -> Vec<PathBuf> {
    let file = |name: &str| if name.contains(ENDING) { name.to_owned() } else { format!("{name}{ENDING}") };
    let paths = FOLDERS.iter().flat_map(|folder| names.iter().map(|name| Path::new(folder).join(file(name))));
    paths.filter(|path| path.exists()).collect()
}

/// Refuses a module that others could have written: it is code, and sees the PIN.
pub(super) fn judge(module: &Path) -> Result<(), Pkcs11Error> {
    private_file::judge_trusted(module).map_err(|error| Pkcs11Error::ModuleNotLoaded {
        module: named(module),
        why: error.reason.to_string(),
    })
}
