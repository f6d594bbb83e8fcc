//! Accounts by name, from the local database: without the C library's lookup there is no other source.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

/// Who owns a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user's number.
    pub user: u32,
    /// The group's number.
    pub group: u32,
}

/// Finds `USER` or `USER:GROUP`, each a name or a number; without a group, the user's primary one. `None` if the local
/// database has no such name.
pub fn find_owner(text: &str) -> Option<Owner> {
    let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
    let account = field_of(Path::new("/etc/passwd"), user);
    let number = |fields: &[String], index: usize| fields.get(index)?.parse().ok();
    let user = match &account {
        Some(fields) => number(fields, 2)?,
        None => user.parse().ok()?,
    };
    let group = match group {
        Some(group) => match field_of(Path::new("/etc/group"), group) {
            Some(fields) => number(&fields, 2)?,
            None => group.parse().ok()?,
        },
        // A number without an account has a group of the same number, as is usual in containers.
        None => account.as_deref().map_or(Some(user), |fields| number(fields, 3))?,
    };
    Some(Owner { user, group })
}

/// Returns the home folder of the effective user according to the local database.
#[cfg(unix)]
pub fn own_home() -> Option<PathBuf> {
    let number = rustix::process::geteuid().as_raw().to_string();
    let fields = field_of(Path::new("/etc/passwd"), &number)?;
    fields.get(5).filter(|home| !home.is_empty()).map(PathBuf::from)
}

/// There is no such database.
#[cfg(not(unix))]
pub const fn own_home() -> Option<PathBuf> {
    None
}

/// Returns the account's name from the local database, or `uid N`.
#[cfg(unix)]
pub(crate) fn owner_name(user: u32) -> String {
    let number = user.to_string();
    let account = find(Path::new("/etc/passwd"), |fields| fields.get(2) == Some(&number));
    let name = account.and_then(|fields| fields.into_iter().next());
    name.map_or_else(|| format!("uid {number}"), |name| crate::text::printable(&name))
}

/// Returns the account's name from the local database, or `uid N`.
#[cfg(unix)]
pub fn user_name(user: u32) -> String {
    owner_name(user)
}

/// There is no such database.
#[cfg(not(unix))]
pub fn user_name(user: u32) -> String {
    format!("uid {user}")
}

/// Returns the group's name from the local database, or `gid N`.
#[cfg(unix)]
pub(crate) fn group_name(group: u32) -> String {
    let number = group.to_string();
    let found = find(Path::new("/etc/group"), |fields| fields.get(2) == Some(&number));
    let name = found.and_then(|fields| fields.into_iter().next());
    name.map_or_else(|| format!("gid {number}"), |name| crate::text::printable(&name))
}

/// Returns the home folders of the local database, each once.
#[cfg(unix)]
pub(crate) fn local_homes() -> Vec<PathBuf> {
    let mut homes: Vec<PathBuf> = Vec::new();
    let _ = find(Path::new("/etc/passwd"), |fields| {
        let home = fields.get(5).map(PathBuf::from).filter(|home| home.is_absolute());
        homes.extend(home.filter(|home| !homes.contains(home)));
        false
    });
    homes
}

/// Returns the fields of the line of that name or number.
fn field_of(database: &Path, wanted: &str) -> Option<Vec<String>> {
    find(database, |fields| {
        [0, 2].into_iter().any(|field| fields.get(field).is_some_and(|text| text == wanted))
    })
}

/// Returns the fields of the first line that is wanted; an organisation's database may be of any length.
fn find(database: &Path, mut is_wanted: impl FnMut(&[String]) -> bool) -> Option<Vec<String>> {
    let lines = BufReader::new(File::open(database).ok()?).split(b'\n').map_while(Result::ok);
    lines
        .map(|line| String::from_utf8_lossy(&line).split(':').map(str::to_owned).collect::<Vec<_>>())
        .find(|fields| is_wanted(fields))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_found() {
        assert_eq!(find_owner("root"), Some(Owner { user: 0, group: 0 }));
        assert_eq!(find_owner("0"), Some(Owner { user: 0, group: 0 }));
        assert_eq!(find_owner("4242"), Some(Owner { user: 4242, group: 4242 }));
        assert_eq!(find_owner("4242:root"), Some(Owner { user: 4242, group: 0 }));
        assert_eq!(find_owner("no-such-user"), None);
        assert_eq!(find_owner("root:no-such-group"), None);
        assert_eq!(owner_name(0), "root");
        assert_eq!(owner_name(4242), "uid 4242");
    }

    /// What the C library says of the caller, the local database says too.
    #[cfg(target_os = "linux")]
    #[test]
    fn the_caller_and_root_have_a_name_and_a_home() {
        use nix::unistd::{User, geteuid};

        assert_eq!((user_name(0).as_str(), group_name(0).as_str()), ("root", "root"));
        assert_eq!((user_name(4242).as_str(), group_name(4242).as_str()), ("uid 4242", "gid 4242"));
        // An account of a directory service is in no local database.
        let home = own_home();
        assert!(home.is_some() || !geteuid().is_root());
        if home.is_some() {
            assert_eq!(home, User::from_uid(geteuid()).expect("a database").map(|account| account.dir));
        }
        let homes = local_homes();
        assert!(home.is_none_or(|home| homes.contains(&home)), "{homes:?}");
        let mut once = homes.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), homes.len());
    }

    #[test]
    fn the_last_of_many_accounts_is_found() {
        use std::io::Write as _;

        let mut database = tempfile::NamedTempFile::new().expect("a file");
        let others = "x".repeat(5 * 1024 * 1024);
        write!(database, "{others}\n\u{fffd}:x:1:1\nlast:x:4242:17\n").expect("written");
        let fields = field_of(database.path(), "last").expect("the account");
        assert_eq!(fields[3], "17");
        assert_eq!(field_of(database.path(), "4242"), Some(fields));
    }
}
