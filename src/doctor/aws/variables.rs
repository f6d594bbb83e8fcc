//! The variables by which SDKs get credentials otherwise, or none.

use super::super::Check;
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::env::Environment;
use crate::text::quoted;

const ID: &str = "aws-variables";

/// Checks the variables; `own` are the profiles that start this program for the session, `known` all that there are.
pub(super) fn checks(own: &[&str], known: &[String], env: &Environment) -> Vec<Check> {
    let mut checks: Vec<Check> =
        [keys(own, env), web_identity(own, env), profile(own, known, env), container(own, env)]
            .into_iter()
            .flatten()
            .collect();
    if checks.is_empty() {
        checks.push(Check::good(ID, "no variable gives SDKs other credentials"));
    }
    checks
}

/// Keys in variables are taken before any profile.
fn keys(own: &[&str], env: &Environment) -> Option<Check> {
    let key = env.os_var("AWS_ACCESS_KEY_ID")?.to_string_lossy().into_owned();
    let unset = "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN";
    if env.os_var("AWS_SECRET_ACCESS_KEY").is_none() {
        return Some(Check::bad(
            ID,
            "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY: SDKs stop there",
            unset,
        ));
    }
    if !key.starts_with("ASIA") {
        let text = "AWS_ACCESS_KEY_ID is set, to a static key: SDKs take it before any profile, container or instance";
        let check = Check::bad(ID, text, format!("{unset}; then deactivate that key"));
        return Some(if own.is_empty() && !is_served(env) { check.softened() } else { check });
    }
    if env.os_var("AWS_SESSION_TOKEN").is_none() {
        let text = "AWS_ACCESS_KEY_ID is that of a session, and AWS_SESSION_TOKEN is not set: AWS refuses it";
        return Some(Check::bad(ID, text, unset));
    }
    let end = env.var("AWS_CREDENTIAL_EXPIRATION").ok().flatten();
    let end = end.and_then(|text| Timestamp::parse_rfc3339(&text));
    let now = SystemClock.now();
    Some(match end {
        Some(end) if end <= now => Check::bad(
            ID,
            format!("the session in the variables expired at {end}, and SDKs take it before any profile"),
            format!("{unset}, or fetch a new one with anyrole env"),
        ),
        Some(end) => Check::good(
            ID,
            format!("the variables hold a session until {end}, which SDKs take before any profile"),
        ),
        None if own.is_empty() => {
            Check::good(ID, "the variables hold a session, which SDKs take before any profile")
        }
        None => Check::doubtful(
            ID,
            "the variables hold a session without its end, which SDKs take before any profile, even when it is over",
            unset,
        ),
    })
}

fn web_identity(own: &[&str], env: &Environment) -> Option<Check> {
    let is_set = |name| env.os_var(name).is_some();
    (is_set("AWS_WEB_IDENTITY_TOKEN_FILE") && is_set("AWS_ROLE_ARN") && !own.is_empty()).then(|| {
        Check::bad(
            ID,
            "AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN are set: SDKs assume that role before they look at a profile",
            "unset AWS_WEB_IDENTITY_TOKEN_FILE AWS_ROLE_ARN",
        )
    })
}

fn profile(own: &[&str], known: &[String], env: &Environment) -> Option<Check> {
    let (variable, chosen) = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]
        .into_iter()
        .find_map(|name| Some((name, env.os_var(name)?.to_string_lossy().into_owned())))?;
    let shown = quoted(&chosen);
    if !known.contains(&chosen) && chosen != "default" {
        let nearest = crate::text::nearest(&chosen, known.iter().map(String::as_str));
        let hint = match nearest.or(own.first().copied()) {
            Some(nearest) => format!("set {variable} to '{nearest}', or unset it"),
            None => format!("unset {variable}, or write that profile with anyrole configure"),
        };
        let text = format!("{variable} is {shown}, and the AWS files have no such profile: SDKs stop there");
        return Some(Check::bad(ID, text, hint));
    }
    (!own.is_empty() && !own.contains(&chosen.as_str())).then(|| {
        let own = own.join(", ");
        Check::doubtful(
            ID,
            format!("{variable} is {shown}, which does not start this session: programs take it unless they are told {own}"),
            format!("set {variable} to {own}, or leave it where that profile is meant"),
        )
    })
}

/// Containers and instances are asked where no profile is chosen that has credentials.
fn container(own: &[&str], env: &Environment) -> Option<Check> {
    let variable = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"]
        .into_iter()
        .find(|name| env.os_var(name).is_some())?;
    let is_chosen = env.os_var("AWS_PROFILE").is_some() || own.contains(&"default");
    (!own.is_empty() && !is_chosen && !is_served(env)).then(|| {
        Check::doubtful(
            ID,
            format!("{variable} is set: programs that are told no profile get the container's credentials"),
            format!("set AWS_PROFILE to {}, or unset {variable}", own.join(", ")),
        )
    })
}

/// Tells whether the variables lead to a server on this host, as `serve` and `exec` have it.
fn is_served(env: &Environment) -> bool {
    super::listener::address(env).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn what_wins_over_a_profile_is_found() {
        let verdict = |own: &[&str], variables: &[(&str, &str)]| {
            let env = Environment::given(variables.iter().copied());
            let known = [String::from("deploy"), String::from("other")];
            let checks = checks(own, &known, &env);
            checks.iter().map(|check| check.verdict).max().expect("a check")
        };
        let own = &["deploy"][..];
        let (id, secret) = (("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "x"));
        let (session, token) = (("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE"), ("AWS_SESSION_TOKEN", "x"));
        let end = |end| ("AWS_CREDENTIAL_EXPIRATION", end);
        assert_eq!(verdict(own, &[]), Verdict::Good);
        assert_eq!(verdict(own, &[id, secret]), Verdict::Bad);
        assert_eq!(verdict(&[], &[id, secret]), Verdict::Doubtful);
        assert_eq!(verdict(own, &[id]), Verdict::Bad);
        assert_eq!(verdict(own, &[session, secret]), Verdict::Bad);
        assert_eq!(verdict(own, &[session, secret, token, end("2100-01-01T00:00:00Z")]), Verdict::Good);
        assert_eq!(verdict(own, &[session, secret, token, end("2000-01-01T00:00:00Z")]), Verdict::Bad);
        assert_eq!(verdict(own, &[session, secret, token]), Verdict::Doubtful);
        assert_eq!(verdict(own, &[("AWS_PROFILE", "deploy")]), Verdict::Good);
        assert_eq!(verdict(own, &[("AWS_PROFILE", "other")]), Verdict::Doubtful);
        assert_eq!(verdict(own, &[("AWS_PROFILE", "deplyo")]), Verdict::Bad);
        assert_eq!(
            verdict(own, &[("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"), ("AWS_ROLE_ARN", "r")]),
            Verdict::Bad
        );
        assert_eq!(verdict(own, &[("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2")]), Verdict::Doubtful);
    }
}
