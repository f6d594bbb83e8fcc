//! Who opened a connection, and whether they may.

use std::fmt;
use std::net::IpAddr;

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A user of this host.
    User(Peer),
    /// Somebody the system cannot identify: the socket is closed already, or not on this host.
    Unknown,
    /// A program of another host, under TLS: the token alone decides.
    Elsewhere(IpAddr),
    /// This system identifies nobody, so the token alone decides.
    Unidentifiable,
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The number of the user who opened the connection.
    pub user: u32,
    /// The inode number of its socket, by which the process can be found.
    pub socket: Option<u64>,
    /// The process that opened the connection.
    pub process: Option<i32>,
}

impl Caller {
    /// Returns the user's number.
    pub const fn user(&self) -> Option<u32> {
        match self {
            Self::User(peer) => Some(peer.user),
            Self::Elsewhere(_) | Self::Unknown | Self::Unidentifiable => None,
        }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(peer) => write!(f, "user {}", peer.user),
            Self::Elsewhere(host) => write!(f, "the host {host}"),
            Self::Unknown => f.write_str("an unknown user"),
            Self::Unidentifiable => f.write_str("a user whom this system does not name"),
        }
    }
}

/// Who may ask for a session: this process's own user, and those who were named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    users: Vec<u32>,
    groups: Vec<u32>,
    anybody: bool,
}

/// The decision about a caller, without asking the name service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Yes,
    No,
    /// Yes, if the user is a member of an allowed group.
    AskGroups(u32),
}

impl Allowed {
    /// Allows only this process's own user.
    pub fn own_user() -> Self {
        Self::default()
    }

    /// Allows this process's own user, these users, and the members of these groups.
    pub fn also(users: Vec<u32>, groups: Vec<u32>) -> Self {
        Self { users, groups, anybody: false }
    }

    /// Allows every user of this host, but nobody elsewhere.
    pub fn anybody() -> Self {
        Self { anybody: true, ..Self::default() }
    }

    /// Returns whether users other than this process's own are allowed.
    pub fn is_shared(&self) -> bool {
        *self != Self::default()
    }

    /// Returns whether every user of this host is allowed.
    pub const fn is_anybody(&self) -> bool {
        self.anybody
    }

    pub(super) fn verdict(&self, caller: &Caller) -> Verdict {
        match caller {
            Caller::Elsewhere(_) | Caller::Unidentifiable => Verdict::Yes,
            Caller::Unknown => Verdict::No,
            Caller::User(peer) if self.anybody || is_own(peer.user) || self.users.contains(&peer.user) => {
                Verdict::Yes
            }
            Caller::User(_) if self.groups.is_empty() => Verdict::No,
            Caller::User(peer) => Verdict::AskGroups(peer.user),
        }
    }

    /// Returns whether the user is a member of an allowed group. Blocks for as long as the name service takes.
    pub(super) fn has_member(&self, user: u32) -> bool {
        names::is_member(user, &self.groups)
    }
}

/// Returns whether this is the number of this process's own user.
#[cfg(unix)]
fn is_own(user: u32) -> bool {
    user == rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
const fn is_own(_user: u32) -> bool {
    false
}

pub use names::{group_number, user_name, user_number};

/// The name service as the C library knows it; in the static build only `/etc/passwd` and `/etc/group`.
#[cfg(unix)]
mod names {
    #[cfg(target_vendor = "apple")]
    use nix::unistd::Gid;
    use nix::unistd::{Group, Uid, User};

    /// Returns the number of a user, given by name or number.
    pub fn user_number(text: &str) -> Option<u32> {
        text.parse().ok().or_else(|| Some(User::from_name(text).ok()??.uid.as_raw()))
    }

    /// Returns the number of a group, given by name or number.
    pub fn group_number(text: &str) -> Option<u32> {
        text.parse().ok().or_else(|| Some(Group::from_name(text).ok()??.gid.as_raw()))
    }

    /// Returns the name of a user.
    pub fn user_name(user: u32) -> Option<String> {
        Some(User::from_uid(Uid::from_raw(user)).ok()??.name)
    }

    /// Returns whether a user is in one of the groups; a user without an account is in none.
    #[cfg(not(target_vendor = "apple"))]
    pub(super) fn is_member(user: u32, groups: &[u32]) -> bool {
        let all = || {
            let account = User::from_uid(Uid::from_raw(user)).ok()??;
            nix::unistd::getgrouplist(&std::ffi::CString::new(account.name).ok()?, account.gid).ok()
        };
        all().unwrap_or_default().iter().any(|group| groups.contains(&group.as_raw()))
    }

    /// The same without a call for all groups of a user: from the members of each group.
    #[cfg(target_vendor = "apple")]
    pub(super) fn is_member(user: u32, groups: &[u32]) -> bool {
        let Ok(Some(account)) = User::from_uid(Uid::from_raw(user)) else { return false };
        groups.iter().any(|number| {
            let group = Group::from_gid(Gid::from_raw(*number)).ok().flatten();
            account.gid.as_raw() == *number || group.is_some_and(|group| group.mem.contains(&account.name))
        })
    }
}

/// On other systems callers are never identified.
#[cfg(not(unix))]
mod names {
    /// Returns nothing.
    pub const fn user_number(_text: &str) -> Option<u32> {
        None
    }

    /// Returns nothing.
    pub const fn group_number(_text: &str) -> Option<u32> {
        None
    }

    /// Returns nothing.
    pub const fn user_name(_user: u32) -> Option<String> {
        None
    }

    pub(super) const fn is_member(_user: u32, _groups: &[u32]) -> bool {
        false
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn caller(user: u32) -> Caller {
        Caller::User(Peer { user, socket: None, process: None })
    }

    #[test]
    fn the_own_user_is_always_allowed_and_others_if_they_are_named() {
        let own = rustix::process::geteuid().as_raw();
        let (named, member, other) = (own + 1, own + 2, own + 3);
        let allowed = Allowed::also(vec![named], Vec::new());
        assert_eq!(allowed.verdict(&caller(own)), Verdict::Yes);
        assert_eq!(allowed.verdict(&caller(named)), Verdict::Yes);
        assert_eq!(allowed.verdict(&caller(other)), Verdict::No);
        assert_eq!(Allowed::own_user().verdict(&caller(named)), Verdict::No);
        assert_eq!(Allowed::also(vec![], vec![5]).verdict(&caller(member)), Verdict::AskGroups(member));
        assert_eq!(Allowed::anybody().verdict(&caller(other)), Verdict::Yes);
        assert_eq!(Allowed::anybody().verdict(&Caller::Unknown), Verdict::No, "still a user of this host");
        assert!(!Allowed::own_user().is_shared());
    }

    #[test]
    fn names_and_numbers_are_found() {
        assert_eq!(
            (user_number("root"), user_number("0"), user_number("4242")),
            (Some(0), Some(0), Some(4242))
        );
        assert_eq!((user_number("no-such-user"), group_number("no-such-group")), (None, None));
        assert_eq!((group_number("root"), user_name(0).as_deref()), (Some(0), Some("root")));
        assert!(Allowed::also(vec![], vec![0]).has_member(0));
        assert!(!Allowed::also(vec![], vec![0]).has_member(4_000_000_000));
    }
}
