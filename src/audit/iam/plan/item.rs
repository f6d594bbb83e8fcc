//! Which keys go, in which order.

use crate::audit::iam::answers::is_key_id;
use crate::audit::iam::report::{Key, Report, Status};
use crate::audit::iam::rules::NEW_DAYS;

/// Where in the order a key goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// Nobody uses it.
    Unused,
    /// It is inactive already.
    Inactive,
    /// Somebody uses it, or nobody knows.
    Used,
}

impl Step {
    /// Returns its word in the plan.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Unused => "unused",
            Self::Inactive => "inactive",
            Self::Used => "used",
        }
    }
}

/// A key that goes.
#[derive(Clone, Debug)]
pub(super) struct Item<'a> {
    pub(super) step: Step,
    pub(super) id: &'a str,
    pub(super) key: &'a Key,
    pub(super) why: String,
}

/// A key that stays, and why.
#[derive(Clone, Debug)]
pub(super) struct LeftOut<'a> {
    pub(super) key: &'a Key,
    pub(super) why: &'static str,
}

/// Sorts the keys of a report into those that go, the safest first, and those that a script cannot take.
pub(super) fn of(report: &Report) -> (Vec<Item<'_>>, Vec<LeftOut<'_>>) {
    let mut items: Vec<Item<'_>> = Vec::new();
    let mut left_out = Vec::new();
    for key in &report.keys {
        match item(key, report.unused_days) {
            Ok(item) if items.iter().any(|other| other.id == item.id) => {}
            Ok(item) => items.push(item),
            Err(why) => left_out.push(LeftOut { key, why }),
        }
    }
    items.sort_by_key(|item| {
        let last = item.key.last_used.as_ref();
        // What was never used before what was used long ago; what is not known last.
        let days = last.map_or(0, |last| if last.never { u64::MAX } else { last.days_ago.unwrap_or(0) });
        (item.step, item.key.places.len(), std::cmp::Reverse(days), item.id)
    });
    (items, left_out)
}

fn item(key: &Key, unused_days: u64) -> Result<Item<'_>, &'static str> {
    if key.is_root {
        return Err(
            "the root user's key: sign in as the root user, and delete it at its security credentials",
        );
    }
    let Some(id) = key.access_key_id.as_deref() else {
        return Err(
            "its id is not known: give the answers of aws iam list-access-keys, and make the plan again",
        );
    };
    if !is_key_id(id) || !is_user_name(&key.user) {
        return Err("its id or its user has characters that IAM does not allow");
    }
    let (step, why) = match (key.status, &key.last_used) {
        (Status::Inactive, _) => (Step::Inactive, String::from("it is inactive")),
        (Status::Active, None) => {
            (Step::Used, String::from("its last use is not known, so it counts as used"))
        }
        (Status::Active, Some(last)) if last.never => {
            if key.age_days.is_none_or(|age| age <= NEW_DAYS) {
                return Err("it was made within the last days, and was not used yet");
            }
            (Step::Unused, String::from("it was never used"))
        }
        (Status::Active, Some(last)) => {
            let days = last.days_ago.unwrap_or(0);
            let step = if days > unused_days { Step::Unused } else { Step::Used };
            (step, format!("it was last used {days} days ago"))
        }
    };
    Ok(Item { step, id, key, why })
}

/// Tells whether a name has only what IAM allows, and so what a shell takes as one word.
fn is_user_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    (1..=64).contains(&name.len()) && !name.starts_with('-') && name.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words() {
        for (name, is_one) in [
            ("build_7+x=,.@-", true),
            ("", false),
            ("-x", false),
            ("a b", false),
            ("a'b", false),
            ("é", false),
        ] {
            assert_eq!(is_user_name(name), is_one, "{name}");
        }
    }
}
