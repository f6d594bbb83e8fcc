//! Where the private key lies: a git work tree, a synced folder and a network file system take it further than this host.

use std::path::{Path, PathBuf};

use super::Check;
use crate::private_file;
use crate::text::quoted;

const ID: &str = "key-place";
/// The largest index of a repository that is searched, in bytes.
const LARGEST_INDEX: u64 = 256 << 20;
/// The longest list of patterns that is read, in bytes.
const LARGEST_LIST: u64 = 1 << 20;

/// How folders are called that a program copies to a service, and the service; a name may go on with ` - COMPANY` or ` (PLACE)`.
const SYNCED: &[(&str, &str)] = &[
    ("Box Sync", "Box"),
    ("Dropbox", "Dropbox"),
    ("Google Drive", "Google Drive"),
    ("GoogleDrive", "Google Drive"),
    ("MEGAsync", "MEGA"),
    ("Mobile Documents", "iCloud"),
    ("Nextcloud", "Nextcloud"),
    ("OneDrive", "OneDrive"),
    ("ownCloud", "ownCloud"),
    ("pCloudDrive", "pCloud"),
    ("iCloud Drive", "iCloud"),
    ("iCloudDrive", "iCloud"),
    ("com~apple~CloudDocs", "iCloud"),
];

/// What such programs put into the folders that they copy.
const MARKS: &[(&str, &str)] = &[
    (".dropbox", "Dropbox"),
    (".nextcloudsync.log", "Nextcloud"),
    (".owncloudsync.log", "ownCloud"),
    (".stfolder", "Syncthing"),
];

/// Checks where the file of a private key lies. Nothing is opened but a repository's index and its lists of what is ignored.
pub fn check(key: &Path) -> Check {
    // A link leads to where the key really is.
    let path = key.canonicalize().unwrap_or_else(|_| key.to_owned());
    let shown = quoted(&path.to_string_lossy());
    let move_it = "move it to a folder of this host alone, such as /etc/anyrole/identity";
    if let Some((folder, service)) = synced(&path) {
        return Check::bad(
            ID,
            format!(
                "the private key {shown} is in {}, which {service} copies elsewhere",
                quoted(&folder.to_string_lossy())
            ),
            format!("{move_it}, and renew it with a new key: this one is on other machines"),
        );
    }
    if let Some(system) = network_file_system(&path) {
        return Check::doubtful(
            ID,
            format!(
                "the private key {shown} is on {system}: it crosses the network at each read, and the server's administrators have it"
            ),
            move_it,
        );
    }
    match repository(&path) {
        Some(Repository { folder, standing }) => {
            let tree = quoted(&folder.to_string_lossy());
            match standing {
                Standing::Ignored => Check::good(
                    ID,
                    format!("the private key {shown} is in the git work tree {tree}, which ignores it"),
                ),
                Standing::Kept => Check::doubtful(
                    ID,
                    format!("the private key {shown} is in the history that etckeeper keeps of {tree}"),
                    "take care that nobody pushes that repository anywhere, or name the file in its .gitignore",
                ),
                Standing::Tracked => Check::bad(
                    ID,
                    format!(
                        "the private key {shown} is tracked by the git repository {tree}: every clone has it"
                    ),
                    format!(
                        "run git rm --cached {shown}, {move_it}, and renew it with a new key: the history keeps this one"
                    ),
                ),
                Standing::Untracked => Check::bad(
                    ID,
                    format!(
                        "the private key {shown} is in the git work tree {tree}, which does not ignore it: git add takes it along"
                    ),
                    move_it,
                ),
            }
        }
        None => {
            Check::good(ID, format!("the private key {shown} is in no synced folder and in no git work tree"))
        }
    }
}

/// Returns the folder above that is copied, and by what.
fn synced(path: &Path) -> Option<(PathBuf, &'static str)> {
    path.ancestors().skip(1).find_map(|folder| {
        let name = folder.file_name()?.to_string_lossy();
        let named = SYNCED.iter().find(|(known, _)| {
            name.strip_prefix(known)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(" - ") || rest.starts_with(" ("))
        });
        let marked = || MARKS.iter().find(|(mark, _)| folder.join(mark).exists());
        named.or_else(marked).map(|(_, service)| (folder.to_owned(), *service))
    })
}

/// Where a file stands in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Ignored,
    /// By etckeeper, which tracks all of `/etc` in a history that root alone can read.
    Kept,
    Tracked,
    Untracked,
}

struct Repository {
    folder: PathBuf,
    standing: Standing,
}

/// Finds the git work tree around a file.
fn repository(path: &Path) -> Option<Repository> {
    let folder = path.ancestors().skip(1).find(|folder| is_work_tree(folder))?;
    let relative = path.strip_prefix(folder).ok()?.to_string_lossy().replace('\\', "/");
    let standing = if folder.join(".etckeeper").exists() {
        Standing::Kept
    } else if is_tracked(folder, &relative) {
        Standing::Tracked
    } else if is_ignored(folder, &relative) {
        Standing::Ignored
    } else {
        Standing::Untracked
    };
    Some(Repository { folder: folder.to_owned(), standing })
}

/// Tells whether a folder is the root of a work tree: it has the repository, or a file that says where that is.
fn is_work_tree(folder: &Path) -> bool {
    let git = folder.join(".git");
    git.join("HEAD").exists() || git.is_file()
}

/// Tells whether the index names the file. Its entries hold the whole path, followed by NUL (versions 2 and 3).
fn is_tracked(folder: &Path, relative: &str) -> bool {
    let Ok(index) = private_file::read_bounded(&git_folder(folder).join("index"), LARGEST_INDEX) else {
        return false;
    };
    let entry = format!("{relative}\0");
    memchr::memmem::find(&index, entry.as_bytes()).is_some()
}

/// Returns the folder of the repository, which a file names in a linked work tree and in a submodule.
fn git_folder(folder: &Path) -> PathBuf {
    let git = folder.join(".git");
    let named = private_file::read_bounded(&git, 4096).ok();
    let named = named
        .and_then(|text| Some(std::str::from_utf8(&text).ok()?.strip_prefix("gitdir:")?.trim().to_owned()));
    named.map_or(git, |named| folder.join(named))
}

/// Tells whether the lists of the repository ignore the file, or a folder above it; the last pattern that fits counts, and the lists of
/// folders further down come later.
fn is_ignored(folder: &Path, relative: &str) -> bool {
    let mut lists = vec![(String::new(), git_folder(folder).join("info/exclude"))];
    let parts: Vec<&str> = relative.split('/').collect();
    for depth in 0..parts.len() {
        let base = parts[..depth].join("/");
        lists.push((base.clone(), folder.join(&base).join(".gitignore")));
    }
    let mut patterns: Vec<(String, String)> = Vec::new();
    for (base, list) in lists {
        let text = private_file::read_bounded(&list, LARGEST_LIST).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#'));
        patterns.extend(lines.map(|line| (base.clone(), line.to_owned())));
    }
    // What a folder above is ignored by cannot be taken back for a file in it.
    (1..=parts.len()).any(|depth| {
        let (path, is_folder) = (parts[..depth].join("/"), depth < parts.len());
        let mut ignored = false;
        for (base, pattern) in &patterns {
            let (pattern, ignores) = match pattern.strip_prefix('!') {
                Some(rest) => (rest, false),
                None => (pattern.as_str(), true),
            };
            if fits(base, pattern, &path, is_folder) {
                ignored = ignores;
            }
        }
        ignored
    })
}

/// Tells whether a pattern of a list in the folder `base` fits a path (gitignore(5)).
fn fits(base: &str, pattern: &str, path: &str, is_folder: bool) -> bool {
    let Some(path) = (if base.is_empty() {
        Some(path)
    } else {
        path.strip_prefix(base).and_then(|rest| rest.strip_prefix('/'))
    }) else {
        return false;
    };
    let (pattern, folders_only) = match pattern.strip_suffix('/') {
        Some(rest) => (rest, true),
        None => (pattern, false),
    };
    if folders_only && !is_folder {
        return false;
    }
    let pattern = pattern.strip_prefix("**/").unwrap_or(pattern);
    if pattern.contains('/') {
        glob(pattern.trim_start_matches('/').as_bytes(), path.as_bytes())
    } else {
        path.rsplit('/').next().is_some_and(|name| glob(pattern.as_bytes(), name.as_bytes()))
    }
}

/// `*` stands for anything but a slash, `**` for anything, `?` for one octet.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', b'*', rest @ ..], _) => {
            (0..=text.len()).any(|taken| glob(rest.strip_prefix(b"/").unwrap_or(rest), &text[taken..]))
        }
        ([b'*', rest @ ..], _) => {
            let longest = text.iter().position(|octet| *octet == b'/').unwrap_or(text.len());
            (0..=longest).any(|taken| glob(rest, &text[taken..]))
        }
        ([b'?', rest @ ..], [octet, others @ ..]) if *octet != b'/' => glob(rest, others),
        ([wanted, rest @ ..], [octet, others @ ..]) if wanted == octet => glob(rest, others),
        ([..], _) => false,
    }
}

/// Returns the name of the network file system that a path is on.
#[cfg(target_os = "linux")]
fn network_file_system(path: &Path) -> Option<&'static str> {
    name_of_file_system(u64::try_from(rustix::fs::statfs(path).ok()?.f_type).unwrap_or_default())
}

#[cfg(not(target_os = "linux"))]
fn network_file_system(_path: &Path) -> Option<&'static str> {
    None
}

/// Names those file systems whose files are another host's (statfs(2), `linux/magic.h`).
#[cfg(target_os = "linux")]
const fn name_of_file_system(magic: u64) -> Option<&'static str> {
    match magic & 0xFFFF_FFFF {
        0x6969 => Some("NFS"),
        0xFF53_4D42 | 0xFE53_4D42 | 0x517B => Some("SMB"),
        0x5346_414F | 0x6B41_4653 => Some("AFS"),
        0x00C3_6400 => Some("Ceph"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, content) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("it is ours");
            private_file::write_new(&path, content.as_bytes(), 0o600).expect("it is new");
        }
        folder
    }

    fn verdict(files: &[(&str, &str)], key: &str) -> Verdict {
        check(&tree(files).path().join(key)).verdict
    }

    #[test]
    fn a_work_tree_gives_the_key_away_unless_it_ignores_it() {
        let head = (".git/HEAD", "ref: refs/heads/main\n");
        assert_eq!(verdict(&[("k/host.key", "")], "k/host.key"), Verdict::Good);
        assert_eq!(verdict(&[head, ("k/host.key", "")], "k/host.key"), Verdict::Bad);
        for list in
            ["*.key\n", "k/\n", "/k\n", "# x\nhost.*\n", "**/host.key\n", "k/*.key\n", "*\n!.gitignore\n"]
        {
            let files = [head, ("k/host.key", ""), (".gitignore", list)];
            assert_eq!(verdict(&files, "k/host.key"), Verdict::Good, "{list}");
        }
        for list in ["*.pem\n", "*.key\n!host.key\n", "/host.key\n", "host.key/\n"] {
            let files = [head, ("k/host.key", ""), (".gitignore", list)];
            assert_eq!(verdict(&files, "k/host.key"), Verdict::Bad, "{list}");
        }
        let listed = [head, ("k/host.key", ""), ("k/.gitignore", "/host.key\n")];
        assert_eq!(verdict(&listed, "k/host.key"), Verdict::Good);
        let excluded = [head, ("k/host.key", ""), (".git/info/exclude", "*.key\n")];
        assert_eq!(verdict(&excluded, "k/host.key"), Verdict::Good);
        let tracked =
            [head, ("k/host.key", ""), (".gitignore", "*.key\n"), (".git/index", "DIRCxk/host.key\0\0")];
        assert_eq!(verdict(&tracked, "k/host.key"), Verdict::Bad);
        let kept = [head, ("k/host.key", ""), (".etckeeper", "")];
        assert_eq!(verdict(&kept, "k/host.key"), Verdict::Doubtful);
    }

    #[test]
    fn a_synced_folder_is_known_by_its_name_or_by_what_is_in_it() {
        for folder in
            ["Dropbox", "OneDrive - Example GmbH", "Nextcloud/keys", "Mobile Documents", "Dropbox (Personal)"]
        {
            let key = format!("{folder}/host.key");
            assert_eq!(verdict(&[(&key, "")], &key), Verdict::Bad, "{folder}");
        }
        assert_eq!(verdict(&[("Dropboxes/host.key", "")], "Dropboxes/host.key"), Verdict::Good);
        assert_eq!(verdict(&[("s/.stfolder/x", ""), ("s/host.key", "")], "s/host.key"), Verdict::Bad);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn file_systems_of_other_hosts_are_known() {
        assert_eq!(name_of_file_system(0x6969), Some("NFS"));
        assert_eq!(name_of_file_system(0xEF53), None, "ext4");
        assert_eq!(name_of_file_system(0x0102_1994), None, "tmpfs");
    }
}
