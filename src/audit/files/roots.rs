//! Where this host keeps such things: the homes, the configuration of services, their data, logs and temporary files.
//!
//! Whole trees are walked, so that a place that nobody thought of is no gap; programs and their libraries are left out.

use std::path::{Path, PathBuf};

use super::{processes, record};
use crate::env::Environment;

/// What root looks through beside the homes.
const OF_ROOT: &[&str] = &[
    "/dev/shm",
    "/etc",
    "/home",
    "/lib/systemd/system",
    "/opt",
    "/root",
    "/run/credentials",
    "/run/secrets",
    "/run/systemd",
    "/srv",
    "/tmp",
    "/usr/lib/systemd/system",
    "/usr/local",
    "/var/backups",
    "/var/lib",
    "/var/log",
    "/var/spool",
    "/var/tmp",
    "/var/www",
];

/// What concerns every user beside the own home.
const OF_ALL: &[&str] = &[
    "/etc/environment",
    "/etc/profile",
    "/etc/profile.d",
    "/etc/systemd/system",
    "/etc/boto.cfg",
    "/run/secrets",
];

/// Homes of the system's own accounts, which are no homes.
const NO_HOMES: &[&str] =
    &["/", "/bin", "/boot", "/dev", "/lib", "/nonexistent", "/proc", "/run", "/sbin", "/sys", "/usr", "/var"];

/// Files that are often links to where a secret store put them; a link in a folder is not followed.
const OFTEN_LINKS: &[&str] =
    &[".aws/credentials", ".aws/config", ".aws", ".env", ".s3cfg", ".boto", ".config/rclone/rclone.conf"];

/// Variables that name a file with credentials.
const NAMING: &[&str] = &["AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "BOTO_CONFIG"];

/// Returns the files and folders to look through: for every user where this one is root, else for oneself.
pub(super) fn of_this_host(env: &Environment) -> Vec<PathBuf> {
    let mut roots: Vec<PathBuf> =
        NAMING.iter().filter_map(|name| env.os_var(name)).map(PathBuf::from).collect();
    roots.extend(processes::named_files());
    let is_root = record::is_root();
    let mut homes: Vec<PathBuf> = env.home().into_iter().collect();
    #[cfg(unix)]
    if is_root {
        homes.extend(crate::private_file::local_homes());
    }
    homes.retain(|home| !is_no_home(home));
    for home in &homes {
        roots.extend(OFTEN_LINKS.iter().map(|file| home.join(file)).filter(|file| file.is_symlink()));
    }
    roots.extend(homes);
    if cfg!(windows) {
        roots.extend(
            ["ProgramData", "SystemDrive"]
                .iter()
                .filter_map(|name| env.os_var(name))
                .map(PathBuf::from)
                .take(1),
        );
    } else {
        roots.extend(if is_root { OF_ROOT } else { OF_ALL }.iter().map(PathBuf::from));
    }
    without_nested(roots)
}

fn is_no_home(home: &Path) -> bool {
    NO_HOMES.iter().any(|other| home == Path::new(other))
        || ["/usr", "/proc", "/sys", "/dev", "/bin", "/sbin"].iter().any(|above| home.starts_with(above))
}

/// Resolves links, and leaves out what is below another root of the same file system, or is not there.
fn without_nested(roots: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut resolved: Vec<PathBuf> =
        roots.into_iter().filter_map(|root| std::fs::canonicalize(root).ok()).collect();
    resolved.sort();
    resolved.dedup();
    let mut kept: Vec<PathBuf> = Vec::new();
    for root in resolved {
        let is_covered = kept.iter().any(|above| root.starts_with(above) && is_same_system(&root, above));
        if !is_covered {
            kept.push(root);
        }
    }
    kept
}

#[cfg(unix)]
fn is_same_system(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let device = |path: &Path| std::fs::metadata(path).map(|metadata| metadata.dev()).ok();
    device(one) == device(other)
}

#[cfg(not(unix))]
const fn is_same_system(_: &Path, _: &Path) -> bool {
    true
}
