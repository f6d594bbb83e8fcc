//! What a role may do, from a file: refused where IAM would refuse it, and commented where it allows much.
//!
//! The grammar is that of [identity policies]: no principal, one of each pair.
//!
//! [identity policies]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html

use super::document::Node;
use super::error::SetupError;
use super::shell::compact;
use crate::text::quoted;

/// The most characters of all policies inside a role, blanks between the parts not counted (IAM's quotas).
const LONGEST: usize = 10_240;
/// How many statements are named in a note; a longer list is a policy to be read as a whole.
const NAMED: usize = 3;

/// Actions that give permissions away, or make a static key, which is what this program is there to avoid.
const FAR_REACHING: &[(&str, &str)] = &[
    ("iam:PassRole", "hands any role that it names to a service"),
    ("iam:CreateAccessKey", "makes a static access key"),
    ("iam:CreateUser", "makes a user"),
    ("iam:AttachRolePolicy", "gives permissions"),
    ("iam:PutRolePolicy", "gives permissions"),
    ("iam:UpdateAssumeRolePolicy", "decides who may have a role"),
];

/// Reads a policy, and returns it with what is to be said of it.
///
/// # Errors
///
/// Fails if it is not UTF-8 or not JSON, has a member twice, is no identity policy, or is longer than IAM takes.
pub fn read(json: &[u8], source_name: &str) -> Result<(Node, Vec<String>), SetupError> {
    let wrong = |why: String| SetupError::Policy { source_name: source_name.to_owned(), why };
    let text = std::str::from_utf8(json).map_err(|_| wrong(String::from("it is not UTF-8")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let policy: Node =
        serde_json::from_str(text).map_err(|error| wrong(format!("it is not JSON: {error}")))?;
    let statements = check(&policy).map_err(wrong)?;
    let length = compact(&policy).chars().count();
    if length > LONGEST {
        return Err(wrong(format!(
            "it has {length} characters without its blanks, and {LONGEST} are the most"
        )));
    }
    let notes = statements.iter().enumerate().filter_map(|(index, statement)| remark(index + 1, statement));
    let notes: Vec<String> = notes.collect();
    let more = notes.len().saturating_sub(NAMED);
    let mut shown: Vec<String> = notes.into_iter().take(NAMED).collect();
    if more > 0 {
        shown.push(format!("{more} more statements of the policy allow much"));
    }
    Ok((policy, shown))
}

fn check(policy: &Node) -> Result<&[Node], String> {
    let members = policy.as_map().ok_or("it is no JSON object")?;
    only(members, &["Version", "Id", "Statement"])?;
    match policy.get("Version").map(Node::as_text) {
        Some(Some("2012-10-17" | "2008-10-17")) => {}
        Some(_) => return Err(String::from("its Version is not 2012-10-17")),
        None => return Err(String::from("it has no Version: write \"Version\": \"2012-10-17\"")),
    }
    let statements = policy.get("Statement").ok_or("it has no Statement")?.one_or_more();
    if statements.is_empty() {
        return Err(String::from("its Statement is empty"));
    }
    let mut sids: Vec<&str> = Vec::new();
    for (index, statement) in statements.iter().enumerate() {
        check_statement(statement).map_err(|why| format!("statement {}: {why}", index + 1))?;
        if let Some(sid) = statement.get("Sid").and_then(Node::as_text) {
            if sids.contains(&sid) {
                return Err(format!("the Sid {} is there twice", quoted(sid)));
            }
            sids.push(sid);
        }
    }
    Ok(statements)
}

fn check_statement(statement: &Node) -> Result<(), String> {
    let members = statement.as_map().ok_or("it is no JSON object")?;
    if members.iter().any(|(name, _)| name == "Principal" || name == "NotPrincipal") {
        return Err(String::from(
            "it has a Principal, which a role's own policy cannot have: who may have the role is the trust policy's part",
        ));
    }
    only(members, &["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"])?;
    if let Some(sid) = statement.get("Sid") {
        let is_sid = sid.as_text().is_some_and(|sid| sid.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        if !is_sid {
            return Err(String::from("its Sid is not of letters and digits"));
        }
    }
    match statement.get("Effect").map(Node::as_text) {
        Some(Some("Allow" | "Deny")) => {}
        Some(_) | None => return Err(String::from("its Effect is not Allow or Deny")),
    }
    for action in one_of(statement, "Action", "NotAction")? {
        let is_action = action == "*"
            || action.split_once(':').is_some_and(|(service, name)| {
                let is_word = |word: &str, also: &[u8]| {
                    !word.is_empty()
                        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || also.contains(&byte))
                };
                is_word(service, b"-") && is_word(name, b"*?_")
            });
        if !is_action {
            return Err(format!("{} is no action: service:Name", quoted(action)));
        }
    }
    for resource in one_of(statement, "Resource", "NotResource")? {
        let is_arn = resource == "*"
            || (resource.starts_with("arn:") && resource.split(':').count() >= 6)
            || resource.starts_with("arn:") && resource.ends_with('*');
        if !is_arn {
            return Err(format!("{} is no resource: an ARN, or *", quoted(resource)));
        }
    }
    match statement.get("Condition") {
        None => Ok(()),
        Some(condition) => check_condition(condition),
    }
}

fn check_condition(condition: &Node) -> Result<(), String> {
    let operators = condition.as_map().ok_or("its Condition is no JSON object")?;
    for (operator, keys) in operators {
        let keys =
            keys.as_map().ok_or_else(|| format!("in its Condition {} holds no keys", quoted(operator)))?;
        for (key, values) in keys {
            let is_scalar = |value: &Node| matches!(value, Node::Text(_) | Node::Bool(_) | Node::Number(_));
            if !key.contains(':') || !values.one_or_more().iter().all(is_scalar) {
                return Err(format!("in its Condition {} is no key with its values", quoted(key)));
            }
        }
    }
    Ok(())
}

/// Returns the texts of the one of two members that must be there.
fn one_of<'a>(statement: &'a Node, name: &'static str, not: &'static str) -> Result<Vec<&'a str>, String> {
    let value = match (statement.get(name), statement.get(not)) {
        (Some(value), None) | (None, Some(value)) => value,
        (None, None) => return Err(format!("it has no {name}")),
        (Some(_), Some(_)) => return Err(format!("it has both {name} and {not}")),
    };
    let texts: Option<Vec<&str>> = value.one_or_more().iter().map(Node::as_text).collect();
    texts
        .filter(|texts| !texts.is_empty())
        .ok_or_else(|| format!("its {name} is no text, and no list of texts"))
}

fn only(members: &[(String, Node)], known: &[&str]) -> Result<(), String> {
    match members.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some((name, _)) => Err(match crate::text::nearest(name, known.iter().copied()) {
            Some(nearest) => format!("{} is none of its elements; the nearest is {nearest}", quoted(name)),
            None => format!("{} is none of its elements", quoted(name)),
        }),
    }
}

/// Says in what respect a statement allows much.
fn remark(number: usize, statement: &Node) -> Option<String> {
    if statement.get("Effect").and_then(Node::as_text) != Some("Allow") {
        return None;
    }
    let of = |why: &str| Some(format!("statement {number} of the policy {why}"));
    if statement.get("NotAction").is_some() {
        return of("allows all that it does not name (NotAction): new actions of AWS too");
    }
    let actions: Vec<&str> =
        statement.get("Action")?.one_or_more().iter().filter_map(Node::as_text).collect();
    let everywhere = statement.get("Resource").is_some_and(|resource| {
        resource.one_or_more().iter().filter_map(Node::as_text).any(|resource| resource == "*")
    });
    let is_conditional = statement.get("Condition").is_some();
    if actions.contains(&"*") {
        return of("allows every action");
    }
    let far = FAR_REACHING.iter().find(|(name, _)| actions.iter().any(|action| is_like(action, name)));
    if let Some((name, what)) = far.filter(|_| everywhere && !is_conditional) {
        return of(&format!("allows {name} on every resource, which {what}"));
    }
    if let Some(service) = actions.iter().find_map(|action| action.strip_suffix(":*")).filter(|_| everywhere)
    {
        return of(&format!("allows every action of {service} on every resource"));
    }
    None
}

/// Tells whether a pattern with `*` and `?` takes a name in; letters count the same in both cases.
fn is_like(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_ascii_lowercase().into_bytes(), name.to_ascii_lowercase().into_bytes());
    let (mut at, mut of, mut star) = (0, 0, None);
    while of < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, of));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == name[of] => {
                at += 1;
                of += 1;
            }
            _ => {
                let Some((from, taken)) = star else { return false };
                star = Some((from, taken + 1));
                at = from + 1;
                of = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes(statement: &str) -> Result<Vec<String>, String> {
        let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        read(policy.as_bytes(), "'p.json'").map(|(_, notes)| notes).map_err(|error| error.to_string())
    }

    #[test]
    fn what_iam_refuses_is_refused() {
        for (statement, why) in [
            (r#"{"Effect":"Allow","Action":"s3:GetObject"}"#, "it has no Resource"),
            (r#"{"Effect":"allow","Action":"s3:GetObject","Resource":"*"}"#, "Effect"),
            (r#"{"Effect":"Allow","Action":"s3","Resource":"*"}"#, "'s3' is no action"),
            (r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"bucket/*"}"#, "no resource"),
            (r#"{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}"#, "Principal"),
            (r#"{"Effect":"Allow","Actions":"s3:GetObject","Resource":"*"}"#, "the nearest is Action"),
            (r#"{"Effect":"Allow","Action":"a:b","NotAction":"a:c","Resource":"*"}"#, "both"),
            (r#"{"Effect":"Allow","Effect":"Deny","Action":"a:b","Resource":"*"}"#, "twice"),
            (
                r#"{"Effect":"Allow","Action":"a:b","Resource":"*","Condition":{"StringEquals":{"x":"y"}}}"#,
                "'x'",
            ),
        ] {
            let error = notes(statement).unwrap_err();
            assert!(error.contains(why), "{statement}: {error}");
        }
        assert!(read(br#"{"Statement":[]}"#, "'p'").unwrap_err().to_string().contains("no Version"));
    }

    #[test]
    fn what_allows_much_is_told() {
        for (statement, why) in [
            (r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#, "every action"),
            (r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#, "NotAction"),
            (r#"{"Effect":"Allow","Action":["s3:GetObject","iam:Pass*"],"Resource":"*"}"#, "iam:PassRole"),
            (r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#, "every action of s3"),
        ] {
            let notes = notes(statement).unwrap();
            assert!(notes.len() == 1 && notes[0].contains(why), "{statement}: {notes:?}");
        }
        for statement in [
            r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#,
            r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/*"}"#,
            r#"{"Effect":"Allow","Action":"sts:GetCallerIdentity","Resource":"*"}"#,
        ] {
            assert_eq!(notes(statement).unwrap(), Vec::<String>::new(), "{statement}");
        }
    }
}
