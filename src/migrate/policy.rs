//! What the role may do: the user's policies, without what they allow and nobody used.
//!
//! The inputs are what the AWS CLI prints: `iam get-account-authorization-details`, and `iam get-service-last-accessed-details` for the
//! user. IAM looks back 400 days and follows single actions for some services only; where it does not, a service is kept or left as a
//! whole. What is in doubt is kept, and said.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// The policies of a user, each with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct UserPolicies {
    /// Name and document.
    pub documents: Vec<(String, Value)>,
    /// What is to be said of them.
    pub notes: Vec<String>,
}

/// What a user did, as IAM saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accessed {
    /// The services that were used, by the prefix of their actions.
    services: BTreeSet<String>,
    /// For those of which IAM follows actions: each followed one, in lower case, and whether it was used.
    actions: BTreeMap<String, BTreeMap<String, bool>>,
}

/// A policy, and what was left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Reduced {
    /// The policy.
    pub policy: Value,
    /// What was left out, one line each, and what was kept in doubt.
    pub notes: Vec<String>,
}

/// Finds a user's policies in authorization details: its own, those of its groups, and the managed ones attached to either.
///
/// # Errors
///
/// Fails if it is no such document, or does not hold the user. The text says why.
pub fn of_user(details: &Value, user: &str) -> Result<UserPolicies, String> {
    let list =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let named = |list: &[Value], member: &str, name: &str| {
        list.iter().find(|entry| entry.get(member).and_then(Value::as_str) == Some(name)).cloned()
    };
    let users = details.get("UserDetailList").and_then(Value::as_array);
    let users = users.ok_or("it is not what aws iam get-account-authorization-details prints")?;
    let entry = named(users, "UserName", user).ok_or_else(|| format!("it holds no user {user}"))?;
    let mut found = UserPolicies { documents: Vec::new(), notes: Vec::new() };
    let managed = list(details, "Policies");
    let mut holders = vec![(format!("user {user}"), entry.clone(), "UserPolicyList")];
    for group in list(&entry, "GroupList").iter().filter_map(Value::as_str) {
        match named(&list(details, "GroupDetailList"), "GroupName", group) {
            Some(entry) => holders.push((format!("group {group}"), entry, "GroupPolicyList")),
            None => found.notes.push(format!("group {group} is not in it: what it allows is not here")),
        }
    }
    for (holder, entry, inline) in &holders {
        for policy in list(entry, inline) {
            let name = policy.get("PolicyName").and_then(Value::as_str).unwrap_or("?");
            let document = policy.get("PolicyDocument").map(document).transpose()?;
            found.documents.extend(document.map(|document| (format!("{name} of {holder}"), document)));
        }
        for attached in list(entry, "AttachedManagedPolicies") {
            let arn = attached.get("PolicyArn").and_then(Value::as_str).unwrap_or("?");
            match named(&managed, "Arn", arn).as_ref().and_then(default_version) {
                Some(version) => found.documents.push((format!("{arn} of {holder}"), document(&version)?)),
                None => {
                    found.notes.push(format!("{arn} of {holder} is not in it: attach it to the role, or not"))
                }
            }
        }
    }
    if entry.get("PermissionsBoundary").is_some() {
        found.notes.push(String::from("the user has a permissions boundary: give the role the same one"));
    }
    Ok(found)
}

fn default_version(policy: &Value) -> Option<Value> {
    let versions = policy.get("PolicyVersionList")?.as_array()?;
    let default = |version: &&Value| version.get("IsDefaultVersion").and_then(Value::as_bool) == Some(true);
    versions.iter().find(default)?.get("Document").cloned()
}

/// Reads a document: the AWS CLI prints an object, and the API gives a text in percent-encoding (RFC 3986).
fn document(value: &Value) -> Result<Value, String> {
    let Some(text) = value.as_str() else { return Ok(value.clone()) };
    let wrong = || String::from("a policy document in it is not JSON");
    let text = percent_decoded(text).ok_or_else(wrong)?;
    serde_json::from_str(&text).map_err(|_| wrong())
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        if octet == b'%' {
            let digits = [rest.next()?, rest.next()?];
            octets.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            octets.push(octet);
        }
    }
    String::from_utf8(octets).ok()
}

impl Accessed {
    /// Reads service-last-accessed details.
    ///
    /// # Errors
    ///
    /// Fails if it is no such document, or of a job that has not ended.
    pub fn read(details: &Value) -> Result<Self, String> {
        let services = details.get("ServicesLastAccessed").and_then(Value::as_array);
        let services = services.ok_or("it is not what aws iam get-service-last-accessed-details prints")?;
        if details.get("JobStatus").and_then(Value::as_str).is_some_and(|status| status != "COMPLETED") {
            return Err(String::from("its job has not completed: ask again with the same job id"));
        }
        if details.get("IsTruncated").and_then(Value::as_bool) == Some(true) {
            return Err(String::from("it is cut off: ask for all of it (--no-paginate leaves out the rest)"));
        }
        let mut accessed = Self::default();
        for service in services {
            let Some(name) = service.get("ServiceNamespace").and_then(Value::as_str) else { continue };
            if service.get("LastAuthenticated").and_then(Value::as_str).is_some() {
                accessed.services.insert(name.to_owned());
            }
            let tracked = service.get("TrackedActionsLastAccessed").and_then(Value::as_array);
            for action in tracked.into_iter().flatten() {
                let Some(action_name) = action.get("ActionName").and_then(Value::as_str) else { continue };
                let used = action.get("LastAccessedTime").and_then(Value::as_str).is_some();
                let actions = accessed.actions.entry(name.to_owned()).or_default();
                actions.insert(action_name.to_lowercase(), used);
            }
        }
        Ok(accessed)
    }
}

/// Joins policies to one, and leaves out what was not used, if that is known.
pub fn reduced(policies: &UserPolicies, accessed: Option<&Accessed>) -> Reduced {
    let mut notes = policies.notes.clone();
    let mut statements: Vec<Value> = Vec::new();
    for (name, document) in &policies.documents {
        let own = match document.get("Statement") {
            Some(Value::Array(own)) => own.clone(),
            Some(one) => vec![one.clone()],
            None => Vec::new(),
        };
        for statement in own {
            let Some(statement) = statement.as_object() else { continue };
            let kept = match accessed {
                Some(accessed) => used_part(name, statement, accessed, &mut notes),
                None => Some(statement.clone()),
            };
            let Some(mut kept) = kept else { continue };
            // A Sid is unique within a policy, and these come from several.
            kept.remove("Sid");
            let kept = Value::Object(kept);
            if !statements.contains(&kept) {
                statements.push(kept);
            }
        }
    }
    Reduced { policy: json!({"Version": "2012-10-17", "Statement": statements}), notes }
}

/// Returns what of a statement was used; `None` if nothing was.
fn used_part(
    policy: &str,
    statement: &Map<String, Value>,
    accessed: &Accessed,
    notes: &mut Vec<String>,
) -> Option<Map<String, Value>> {
    let mut kept = statement.clone();
    // What is denied stays denied.
    if statement.get("Effect").and_then(Value::as_str) != Some("Allow") {
        return Some(kept);
    }
    let Some(actions) = statement.get("Action") else {
        notes.push(format!("kept as a whole: a statement with NotAction in {policy}"));
        return Some(kept);
    };
    let actions: Vec<String> = match actions {
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::String(one) => vec![one.clone()],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    let mut used = Vec::new();
    for action in &actions {
        let part = used_actions(action, accessed);
        match part.as_slice() {
            [] => notes.push(format!("left out, never used: {action} of {policy}")),
            [same] if same == action => {
                if let Some(seen) = seen(action, accessed) {
                    notes.push(format!(
                        "kept, with all that it stands for: {action} of {policy}; seen were {seen}"
                    ));
                }
            }
            several => notes.push(format!("narrowed: {action} of {policy} to {}", several.join(", "))),
        }
        used.extend(part.into_iter().filter(|action| !used.contains(action)).collect::<Vec<_>>());
    }
    if used.is_empty() {
        return None;
    }
    kept.insert(String::from("Action"), json!(used));
    Some(kept)
}

/// Returns what an action becomes: itself, narrower ones, or nothing.
fn used_actions(action: &str, accessed: &Accessed) -> Vec<String> {
    if action == "*" {
        return accessed.services.iter().map(|service| format!("{service}:*")).collect();
    }
    let Some((service, name)) = action.split_once(':') else { return vec![action.to_owned()] };
    if service.contains(['*', '?']) {
        return vec![action.to_owned()];
    }
    let service = service.to_lowercase();
    if !accessed.services.contains(&service) {
        return Vec::new();
    }
    let tracked = accessed.actions.get(&service).and_then(|actions| actions.get(&name.to_lowercase()));
    if tracked == Some(&false) { Vec::new() } else { vec![action.to_owned()] }
}

/// Returns which actions of a wildcard were seen, where IAM follows them.
fn seen(action: &str, accessed: &Accessed) -> Option<String> {
    let (service, name) = action.split_once(':')?;
    if !name.contains(['*', '?']) {
        return None;
    }
    let actions = accessed.actions.get(&service.to_lowercase())?;
    let used: Vec<&str> = actions.iter().filter(|(_, used)| **used).map(|(name, _)| name.as_str()).collect();
    Some(if used.is_empty() { String::from("none that IAM follows") } else { used.join(", ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details() -> Value {
        json!({
            "UserDetailList": [{
                "UserName": "ci",
                "UserPolicyList": [{"PolicyName": "own", "PolicyDocument": {"Version": "2012-10-17", "Statement": {
                    "Sid": "A", "Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "sqs:*"], "Resource": "*"}}}],
                "GroupList": ["team", "gone"],
                "AttachedManagedPolicies": [{"PolicyArn": "arn:aws:iam::aws:policy/All"}],
                "PermissionsBoundary": {"PermissionsBoundaryArn": "x"}}],
            "GroupDetailList": [{"GroupName": "team", "GroupPolicyList": [{"PolicyName": "deny", "PolicyDocument":
                "%7B%22Statement%22%3A%5B%7B%22Effect%22%3A%22Deny%22%2C%22Action%22%3A%22iam%3A%2A%22%2C%22Resource%22%3A%22%2A%22%7D%5D%7D"}]}],
            "Policies": [{"Arn": "arn:aws:iam::aws:policy/All", "PolicyVersionList": [
                {"IsDefaultVersion": false, "Document": {}},
                {"IsDefaultVersion": true, "Document": {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}}]}]
        })
    }

    fn accessed() -> Value {
        json!({"JobStatus": "COMPLETED", "ServicesLastAccessed": [
            {"ServiceNamespace": "s3", "LastAuthenticated": "2026-11-01T00:00:00Z", "TrackedActionsLastAccessed": [
                {"ActionName": "GetObject", "LastAccessedTime": "2026-11-01T00:00:00Z"}, {"ActionName": "PutObject"}]},
            {"ServiceNamespace": "sqs"}]})
    }

    #[test]
    fn what_was_not_used_is_left_out_and_said() {
        let policies = of_user(&details(), "ci").unwrap();
        assert_eq!(policies.documents.len(), 3);
        let accessed = Accessed::read(&accessed()).unwrap();
        let Reduced { policy, notes } = reduced(&policies, Some(&accessed));
        assert_eq!(
            policy["Statement"],
            json!([
                {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "*"},
                {"Effect": "Allow", "Action": ["s3:*"], "Resource": "*"},
                {"Effect": "Deny", "Action": "iam:*", "Resource": "*"},
            ])
        );
        let told = notes.join("\n");
        for part in [
            "never used: s3:PutObject of own of user ci",
            "never used: sqs:*",
            "narrowed: * of",
            "group gone",
            "boundary",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        // Without a record of use everything stays.
        let whole = reduced(&policies, None).policy;
        assert_eq!(whole["Statement"][0]["Action"], json!(["s3:GetObject", "s3:PutObject", "sqs:*"]));
    }

    #[test]
    fn other_documents_are_refused() {
        assert!(of_user(&json!({}), "ci").is_err());
        assert!(of_user(&details(), "who").unwrap_err().contains("no user who"));
        assert!(Accessed::read(&json!({"ServicesLastAccessed": 1})).is_err());
        let running = json!({"JobStatus": "IN_PROGRESS", "ServicesLastAccessed": []});
        assert!(Accessed::read(&running).unwrap_err().contains("not completed"));
    }
}
