//! The words of trust policies: actions, service principals, kinds of principal and condition keys.
//!
//! An unknown word is a typing error, and a policy with one silently never does what its author means. So the lists are
//! complete, as AWS documents them, even where the simulator has no value for a key.
//!
//! See [STS's actions and keys] and [the global condition keys].
//!
//! [STS's actions and keys]: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html
//! [the global condition keys]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html

mod keys;
mod services;

use super::SERVICE_PRINCIPAL;
use super::condition::like_text;

/// The kinds of principal.
pub(super) const PRINCIPAL_KINDS: [&str; 4] = ["AWS", "Service", "Federated", "CanonicalUser"];

/// The actions of STS. Three are asked for here; the others are real, and never asked for.
const ACTIONS: [&str; 18] = [
    "sts:AssumeRole",
    "sts:AssumeRoleWithSAML",
    "sts:AssumeRoleWithWebIdentity",
    "sts:AssumeRoot",
    "sts:DecodeAuthorizationMessage",
    "sts:GetAccessKeyInfo",
    "sts:GetCallerIdentity",
    "sts:GetDelegatedAccessToken",
    "sts:GetFederationToken",
    "sts:GetScopedCredentials",
    "sts:GetServiceBearerToken",
    "sts:GetSessionToken",
    "sts:GetWebIdentityToken",
    "sts:SetContext",
    "sts:SetSourceIdentity",
    "sts:SetWebIdentityTokenScope",
    "sts:TagGetWebIdentityToken",
    "sts:TagSession",
];

/// An unknown word, and the closest known one, if any is close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unknown {
    pub(super) nearest: Option<String>,
}

/// Why a trust policy cannot have an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ActionError {
    /// It belongs to another service than STS.
    Foreign,
    /// STS has no action of that name, and none that matches the wildcards.
    Unknown(Unknown),
}

/// Checks an action, with or without wildcards; case-insensitive, as in IAM.
pub(super) fn check_action(pattern: &str) -> Result<(), ActionError> {
    let folded = pattern.to_ascii_lowercase();
    if ACTIONS.iter().any(|action| like_text(&folded, &action.to_ascii_lowercase())) {
        return Ok(());
    }
    let near = nearest(pattern, ACTIONS);
    match folded.split_once(':') {
        // `st:AssumeRole` is a typing error, `s3:GetObject` is not.
        Some((service, _)) if service != "sts" && near.is_none() => Err(ActionError::Foreign),
        Some(_) => Err(ActionError::Unknown(Unknown { nearest: near })),
        None => Err(ActionError::Unknown(Unknown { nearest: nearest(&format!("sts:{pattern}"), ACTIONS) })),
    }
}

/// Checks a service principal: `SERVICE.amazonaws.com`, and for all services except Roles Anywhere also the forms with
/// a region or a partition.
pub(super) fn check_service(name: &str) -> Result<(), Unknown> {
    if name == SERVICE_PRINCIPAL || services::is_known(name) {
        return Ok(());
    }
    let known: Vec<String> =
        services::NAMES.iter().map(|service| format!("{service}.amazonaws.com")).collect();
    let near = nearest(name, known.iter().map(String::as_str).chain([SERVICE_PRINCIPAL]));
    let regional = name.starts_with("rolesanywhere.").then(|| SERVICE_PRINCIPAL.to_owned());
    Err(Unknown { nearest: near.or(regional) })
}

/// Checks a kind of principal.
pub(super) fn check_principal_kind(kind: &str) -> Result<(), Unknown> {
    if PRINCIPAL_KINDS.contains(&kind) {
        return Ok(());
    }
    Err(Unknown { nearest: nearest(kind, PRINCIPAL_KINDS) })
}

/// Checks a condition key; case-insensitive, as in IAM.
pub(super) fn check_key(key: &str) -> Result<(), Unknown> {
    if keys::is_known(key) {
        return Ok(());
    }
    Err(Unknown { nearest: keys::nearest(key) })
}

/// Returns the known word closest to a mistyped one, at most two changes (or a third of its length) away.
///
/// A change is a letter added, removed or replaced; case is ignored.
pub(super) fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    /// Longer words are not names, and this bounds the time.
    const LONGEST: usize = 128;
    let typed: Vec<char> = typed.chars().take(LONGEST).collect();
    let bound = (typed.len() / 3).max(2);
    known
        .into_iter()
        .map(|word| (distance(&typed, word), word))
        .filter(|(changes, _)| *changes <= bound)
        .min_by_key(|(changes, _)| *changes)
        .map(|(_, word)| word.to_owned())
}

fn distance(typed: &[char], word: &str) -> usize {
    let mut row: Vec<usize> = (0..=typed.len()).collect();
    for (line, letter) in word.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, other) in typed.iter().enumerate() {
            let replaced = diagonal + usize::from(!letter.eq_ignore_ascii_case(other));
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[typed.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(word: &str) -> Unknown {
        Unknown { nearest: Some(word.to_owned()) }
    }

    #[test]
    fn actions_are_known_mistyped_or_of_another_service() {
        for action in [
            "sts:AssumeRole",
            "STS:tagsession",
            "sts:*",
            "*",
            "sts:Assume*",
            "s?s:Set*",
            "sts:GetCallerIdentity",
        ] {
            assert_eq!(check_action(action), Ok(()), "{action}");
        }
        for (action, expected) in [
            ("sts:AsumeRole", "sts:AssumeRole"),
            ("AssumeRole", "sts:AssumeRole"),
            ("st:TagSession", "sts:TagSession"),
            ("sts:TagSessions", "sts:TagSession"),
            ("sts:AsumeRole*", "sts:AssumeRole"),
        ] {
            assert_eq!(check_action(action), Err(ActionError::Unknown(near(expected))), "{action}");
        }
        assert_eq!(check_action("sts:Foo"), Err(ActionError::Unknown(Unknown { nearest: None })));
        assert_eq!(check_action(""), Err(ActionError::Unknown(Unknown { nearest: None })));
        for action in ["s3:GetObject", "iam:PassRole", "s3:*"] {
            assert_eq!(check_action(action), Err(ActionError::Foreign), "{action}");
        }
    }

    #[test]
    fn services_are_known_by_name_region_and_partition() {
        for name in [
            "rolesanywhere.amazonaws.com",
            "ec2.amazonaws.com",
            "ec2.amazonaws.com.cn",
            "states.eu-central-1.amazonaws.com",
            "edgelambda.amazonaws.com",
            "ops.apigateway.amazonaws.com",
        ] {
            assert_eq!(check_service(name), Ok(()), "{name}");
        }
        for name in [
            "rolesanwhere.amazonaws.com",
            "roles-anywhere.amazonaws.com",
            "rolesanywhere.amazonaws.co",
            "rolesanywhere.eu-central-1.amazonaws.com",
        ] {
            assert_eq!(check_service(name), Err(near(SERVICE_PRINCIPAL)), "{name}");
        }
        assert_eq!(check_service("*"), Err(Unknown { nearest: None }));
    }
}
