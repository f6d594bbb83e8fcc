//! Actions: which take a resource, and what a name with a wildcard stands for.

use super::document::{Item, Names, Statement};
use super::node::HOLE;
use crate::policy::Pattern;

const TABLE: &str = include_str!("actions.txt");

/// Tells whether an action, `s3:PutObject`, is known to take a resource. What is not known is not judged.
pub(super) fn takes_resource(action: &str) -> bool {
    let Some((service, name)) = action.split_once(':') else { return false };
    let line = TABLE
        .lines()
        .find(|line| line.split_once(' ').is_some_and(|(known, _)| known.eq_ignore_ascii_case(service)));
    line.is_some_and(|line| line.split(' ').skip(1).any(|known| known.eq_ignore_ascii_case(name)))
}

/// Tells whether a name with wildcards stands for an action. A name that is not known whole stands for none.
pub(super) fn stands_for(name: &str, action: &str) -> bool {
    if name.contains(HOLE) {
        return false;
    }
    let Some(wildcard) = name.find(['*', '?']) else { return name.eq_ignore_ascii_case(action) };
    // Most names are told apart by how they begin, which spares a pattern.
    let begins = action.get(..wildcard).is_some_and(|start| start.eq_ignore_ascii_case(&name[..wildcard]));
    begins && Pattern::plain(&name.to_ascii_lowercase()).matches(&action.to_ascii_lowercase())
}

impl Names {
    /// Tells whether an action is among them for certain.
    pub(super) fn include(&self, action: &str) -> bool {
        let listed = self.items.iter().any(|item| stands_for(&item.text, action));
        if self.all_but { !listed && !self.items.iter().any(Item::is_unknown) } else { listed }
    }
}

/// How much a `Resource` covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// Everything: `*`.
    All,
    /// Everything of one type: `arn:aws:iam::111122223333:role/*`.
    Type,
    /// Less, or it is not known.
    Some,
}

/// Returns how much one resource covers.
pub(super) fn width(resource: &str) -> Width {
    if !resource.is_empty() && resource.chars().all(|letter| letter == '*') {
        return Width::All;
    }
    let mut parts = resource.splitn(6, ':');
    let (Some("arn"), Some(_), Some(service), Some(_), Some(_), Some(rest)) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        // `arn:aws:*` and the like stand for all that follows.
        return if resource.starts_with("arn:") && resource.ends_with('*') {
            Width::Type
        } else {
            Width::Some
        };
    };
    if service == "*" {
        return Width::All;
    }
    let stem = rest.trim_end_matches('*');
    let is_type = stem.is_empty()
        || stem.strip_suffix(['/', ':']).is_some_and(|kind| {
            kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                // The names of buckets stand where others have types.
                && service != "s3"
        });
    if stem.len() < rest.len() && is_type { Width::Type } else { Width::Some }
}

impl Statement {
    /// Returns how much the statement covers; the widest of its resources.
    pub(super) fn width(&self) -> Width {
        let Some(resources) = &self.resources else { return Width::Some };
        if resources.all_but {
            return Width::All;
        }
        let widths = resources.items.iter().map(|item| width(&item.text));
        widths.fold(Width::Some, |widest, next| match (widest, next) {
            (Width::All, _) | (_, Width::All) => Width::All,
            (Width::Type, _) | (_, Width::Type) => Width::Type,
            (Width::Some, Width::Some) => Width::Some,
        })
    }

    /// Tells whether a condition narrows what is allowed, and not only when and from where.
    pub(super) fn is_narrowed(&self) -> bool {
        const WHEN_AND_FROM_WHERE: [&str; 15] = [
            "aws:CurrentTime",
            "aws:EpochTime",
            "aws:MultiFactorAuthAge",
            "aws:MultiFactorAuthPresent",
            "aws:PrincipalAccount",
            "aws:PrincipalOrgID",
            "aws:RequestedRegion",
            "aws:ResourceAccount",
            "aws:SecureTransport",
            "aws:SourceIp",
            "aws:SourceVpc",
            "aws:SourceVpce",
            "aws:TokenIssueTime",
            "aws:UserAgent",
            "aws:ViaAWSService",
        ];
        self.has_unknown_condition
            || self
                .conditions
                .iter()
                .any(|condition| !WHEN_AND_FROM_WHERE.iter().any(|key| condition.is_on(key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_much_a_resource_covers() {
        for (resource, expected) in [
            ("*", Width::All),
            ("arn:aws:*:*:*:*", Width::All),
            ("arn:aws:iam::111122223333:role/*", Width::Type),
            ("arn:aws:iam::*:*", Width::Type),
            ("arn:aws:lambda:*:*:function:*", Width::Type),
            ("arn:aws:s3:::*", Width::Type),
            ("arn:aws:iam::111122223333:role/app-*", Width::Some),
            ("arn:aws:iam::*:user/${aws:username}", Width::Some),
            ("arn:aws:s3:::b/*", Width::Some),
            ("\u{fffc}", Width::Some),
            ("", Width::Some),
        ] {
            assert_eq!(width(resource), expected, "{resource}");
        }
        assert!(takes_resource("S3:putobject") && takes_resource("iam:PassRole"));
        for action in ["ec2:DescribeInstances", "sts:GetCallerIdentity", "s3:ListAllMyBuckets", "x:Y", ""] {
            assert!(!takes_resource(action), "{action}");
        }
    }
}
