//! From flags to a plan of the AWS side.

use std::path::Path;
use std::time::Duration;

use super::{
    ALIAS, ANY, CA, CERTIFICATE, CONDITION, DURATION, EGRESS_CIDR, EGRESS_VPC, FILE_LIMIT, MAPPING, POINTS,
    POLICY, SECOND_HOP, SESSION_NAME, TIP, chain, flags, required, revocation_list,
};
use crate::arn::RoleArn;
use crate::cli::report::Failure;
use crate::cli::{Invocation, grammar};
use crate::clock::{Clock as _, SystemClock};
use crate::identity::{Input, check};
use crate::private_file;
use crate::setup::condition::{self, Condition};
use crate::setup::{Anchor, Place, Plan, SetupError, Subject, mapping, network, read_policy, vpc};
use crate::text::quoted;
use crate::x509::Chain;

/// Shortest and longest session of a profile, in seconds (the service's model).
const SECONDS: std::ops::RangeInclusive<u64> = 900..=43_200;
/// The longest alias (the service's model).
const LONGEST_ALIAS: usize = 256;
/// How many characters a role session name has (STS).
const SESSION_NAME_LENGTH: std::ops::RangeInclusive<usize> = 1..=64;

/// Makes the plan that the flags describe.
pub(super) fn of(invocation: &Invocation<'_>, name: &str, place: Place) -> Result<Plan, Failure> {
    let typed = &invocation.typed;
    let now = SystemClock.now();
    let ca = required(typed, &CA)?;
    let anchor = match Anchor::of_private_ca(ca) {
        Some(anchor) => anchor,
        None => {
            let bytes = private_file::read_bounded(Path::new(ca), FILE_LIMIT)?;
            Anchor::parse(&bytes, &quoted(ca), now)?
        }
    };
    let certificate = typed.flag(CERTIFICATE.name);
    let chain = certificate.map(|text| chain(text, invocation.env)).transpose()?;
    let mut notes = Vec::new();
    if let (Some(chain), Some(certificate)) = (&chain, certificate) {
        anchor.check_chain(chain, &quoted(certificate), &quoted(ca))?;
        let problems = check::problems(&chain.end_entity, &chain.intermediates, None, now);
        notes.extend(
            problems.iter().map(|problem| format!("AWS would refuse the certificate as it is: {problem}")),
        );
    }
    // Of another input there is nothing to name on the host.
    let file = certificate.filter(|text| matches!(Input::parse(text), Ok(Input::Path(_))));
    let mut mappings = Vec::new();
    for text in typed.texts(MAPPING.name) {
        mapping::add_typed(&mut mappings, text)?;
    }
    let conditions = conditions(invocation, chain.as_ref(), &mut notes)?;
    let subject = if invocation.has(&TIP) { Some(subject(&conditions)?) } else { None };
    let policy = match typed.flag(POLICY.name) {
        None => None,
        Some(path) => {
            let bytes = private_file::read_bounded(Path::new(path), FILE_LIMIT)?;
            let (policy, remarks) = read_policy(&bytes, &quoted(path))?;
            notes.extend(remarks);
            Some(policy)
        }
    };
    if invocation.has(&POINTS)
        && let Some(chain) = &chain
        && !crate::setup::has_distribution_point(&chain.end_entity)
    {
        notes.push(String::from("the certificate names no distribution point of a revocation list, which the trust anchor would ask"));
    }
    Ok(Plan {
        name: name.to_owned(),
        place,
        anchor,
        conditions,
        mappings,
        session_names: typed.texts(SESSION_NAME.name).map(session_name).collect::<Result<_, _>>()?,
        duration: duration(typed.flag(DURATION.name))?,
        alias: typed.flag(ALIAS.name).map(alias).transpose()?,
        subject,
        revocation_list: revocation_list(typed)?,
        asks_distribution_points: invocation.has(&POINTS),
        policy,
        networks: typed.texts(EGRESS_CIDR.name).map(network).collect::<Result<_, _>>()?,
        vpcs: typed.texts(EGRESS_VPC.name).map(vpc).collect::<Result<_, _>>()?,
        second_hop: typed.flag(SECOND_HOP.name).map(role).transpose()?,
        certificate: file.map(str::to_owned),
        private_key: file.and_then(beside),
        notes,
    })
}

/// Returns the private key's file that has the certificate's name, as those of anyrole pki have, if there is one.
fn beside(certificate: &str) -> Option<String> {
    let path = Path::new(certificate).with_extension("key");
    if path.is_file() { path.to_str().map(str::to_owned) } else { None }
}

fn conditions(
    invocation: &Invocation<'_>,
    chain: Option<&Chain>,
    notes: &mut Vec<String>,
) -> Result<Vec<Condition>, Failure> {
    let certificate = chain.map(|chain| &chain.end_entity);
    let mut all = Vec::new();
    for text in invocation.typed.texts(CONDITION.name) {
        condition::add_typed(&mut all, text, certificate)?;
    }
    match (invocation.has(&ANY), certificate) {
        (true, _) if !all.is_empty() => {
            Err(flags("takes --any-certificate or --condition, not both", "leave out one of them").into())
        }
        (true, _) => Ok(Vec::new()),
        (false, _) if !all.is_empty() => Ok(all),
        (false, Some(certificate)) => {
            let found = condition::of_certificate(certificate)?;
            notes.extend(found.notes);
            Ok(found.all)
        }
        (false, None) => {
            let why = "does not know who is to get the role";
            let hint = "give --certificate HOST.pem, --condition x509Subject/CN=NAME, or --any-certificate for all that the CA issues";
            Err(flags(why, hint).into())
        }
    }
}

/// Chooses what trusted identity propagation tells: the field that a condition is on.
fn subject(conditions: &[Condition]) -> Result<Subject, SetupError> {
    let subjects = [Subject::CommonName, Subject::Uri];
    let is_asked = |subject: &Subject| conditions.iter().any(|condition| condition.tag == subject.tag());
    let found = subjects.into_iter().find(is_asked);
    found.ok_or_else(|| {
        flags(
            "needs a condition on x509Subject/CN or x509SAN/URI with --tip: its subject is one of the two",
            "add --condition x509Subject/CN, or leave out --tip",
        )
    })
}

fn duration(text: Option<&str>) -> Result<Duration, SetupError> {
    let Some(text) = text else { return Ok(Duration::from_secs(3600)) };
    let duration = grammar::duration(text).filter(|duration| SECONDS.contains(&duration.as_secs()));
    duration.ok_or_else(|| value("duration", text, "a profile grants 15m to 12h"))
}

fn alias(text: &str) -> Result<String, SetupError> {
    let is_alias = (1..=LONGEST_ALIAS).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-/".contains(&byte))
        && !text.contains("//")
        && !text.ends_with('/');
    if !is_alias {
        return Err(value(
            "alias",
            text,
            "an alias has letters, digits, -, _ and single slashes inside, and begins with a letter",
        ));
    }
    if text.starts_with("aws/") {
        return Err(value("alias", text, "aliases that begin with aws/ are AWS's own"));
    }
    Ok(text.to_owned())
}

fn session_name(text: &str) -> Result<String, SetupError> {
    let is_pattern = SESSION_NAME_LENGTH.contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-*?".contains(&byte));
    if is_pattern {
        return Ok(text.to_owned());
    }
    Err(value(
        "session-name",
        text,
        "a role session name has 2 to 64 of letters, digits and _+=,.@-, and here * and ?",
    ))
}

fn role(text: &str) -> Result<RoleArn, SetupError> {
    text.parse().map_err(|why: crate::arn::ArnError| value("second-hop", text, &why.to_string()))
}

/// Takes the address of a mailbox, as far as SNS does.
pub(super) fn address(text: &str) -> Result<String, SetupError> {
    let is_address = text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'))
        && text.chars().all(|letter| letter.is_alphanumeric() || "@.!#$%&'*+/=?^_`{|}~-".contains(letter));
    if is_address { Ok(text.to_owned()) } else { Err(value("email", text, "it is no e-mail address")) }
}

fn value(flag: &'static str, text: &str, why: &str) -> SetupError {
    SetupError::Value { flag, value: text.to_owned(), why: why.to_owned() }
}
