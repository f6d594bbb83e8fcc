//! The kernel's quota of keys, which all programs of a user share: rootless containers, Kerberos and ssh fail with
//! "Disk quota exceeded" if one of them uses it up. So we stop well before, and what does not fit is stored elsewhere.
//!
//! Source: keyrings(7), `/proc/key-users`.

use std::fs;

/// The percentage of either quota beyond which we add no more, whoever uses it.
const SHARE: u64 = 40;

/// The default quota of users other than root (`kernel.keys.maxbytes`, `kernel.keys.maxkeys`), for when the kernel does
/// not report it.
pub(super) const USUAL_OCTETS: u32 = 20_000;
const USUAL_KEYS: u32 = 200;

/// The number and size of keys, in use or allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) keys: u64,
    pub(super) octets: u64,
}

/// How much of its quota a user has used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quota {
    used: Amount,
    most: Amount,
}

impl Quota {
    /// Reads the quota from the kernel; `None` if `/proc` does not show it.
    pub(super) fn of_this_user() -> Option<Self> {
        let uid = rustix::process::geteuid().as_raw().to_string();
        Self::parse(&fs::read_to_string("/proc/key-users").ok()?, &uid)
    }

    /// Returns the default quota with this much of it used.
    pub(super) const fn usual(used: Amount) -> Self {
        Self { used, most: Amount { keys: USUAL_KEYS as u64, octets: USUAL_OCTETS as u64 } }
    }

    /// Finds the line of a user: `UID: USAGE KEYS/INSTANTIATED QUOTA-KEYS/MAX QUOTA-OCTETS/MAX`.
    fn parse(users: &str, uid: &str) -> Option<Self> {
        let rest = users.lines().find_map(|line| line.trim_start().strip_prefix(uid)?.strip_prefix(':'))?;
        let mut pairs = rest.split_whitespace().skip(2).map(|pair| pair.split_once('/'));
        let mut pair = || {
            let (used, most) = pairs.next()??;
            Some((used.parse().ok()?, most.parse().ok()?))
        };
        let ((used_keys, most_keys), (used_octets, most_octets)) = (pair()?, pair()?);
        Some(Self {
            used: Amount { keys: used_keys, octets: used_octets },
            most: Amount { keys: most_keys, octets: most_octets },
        })
    }

    /// Returns whether other programs keep their share if this much is added.
    pub(super) const fn has_room(&self, added: Amount) -> bool {
        (self.used.keys + added.keys) * 100 <= self.most.keys * SHARE
            && (self.used.octets + added.octets) * 100 <= self.most.octets * SHARE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_user_is_found_and_two_fifths_of_it_are_ours() {
        let users = "    0:     9 8/8 3/1000000 504/25000000\n 1000:     2 2/2 78/200 5000/20000\n";
        let quota = Quota::parse(users, "1000").expect("there is a line");
        assert!(quota.has_room(Amount { keys: 2, octets: 3000 }));
        assert!(!quota.has_room(Amount { keys: 3, octets: 0 }));
        assert!(!quota.has_room(Amount { keys: 0, octets: 3001 }));
        assert_eq!(Quota::parse(users, "100"), None);
        assert_eq!(Quota::parse("1000: x", "1000"), None);
        assert!(!Quota::usual(Amount { keys: 1, octets: 8000 }).has_room(Amount { keys: 1, octets: 1 }));
    }
}
