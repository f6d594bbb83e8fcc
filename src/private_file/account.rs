//! Accounts by name, from the local database: without a C library's lookup there is no other.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The largest database that is read, in bytes.
const LIMIT: u64 = 4 << 20;

/// Who owns a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user's number.
    pub user: u32,
    /// The group's number.
    pub group: u32,
}

/// Finds `USER` or `USER:GROUP`, each a name or a number; without a group, the user's own. `None` where the local database has no
/// such name.
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
        // A number without an account has a group of the same number, as containers have it.
        None => account.as_deref().map_or(Some(user), |fields| number(fields, 3))?,
    };
    Some(Owner { user, group })
}

/// Returns the home folder of the effective user, as the local database has it.
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

/// Returns the fields of the line of that name or number.
fn field_of(database: &Path, wanted: &str) -> Option<Vec<String>> {
    let mut text = String::new();
    File::open(database).ok()?.take(LIMIT).read_to_string(&mut text).ok()?;
    text.lines().find_map(|line| {
        let fields: Vec<String> = line.split(':').map(str::to_owned).collect();
        let matches = fields.first().is_some_and(|name| name == wanted)
            || fields.get(2).is_some_and(|number| number == wanted);
        matches.then_some(fields)
    })
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
    }
}
