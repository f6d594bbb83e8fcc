//! CreateSession: checks a request, grants or refuses it, plays the faults, and writes the journal.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use aws_lc_rs::error::Unspecified;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::answer::{Answer, Delivery};
use super::credentials::{IssuedCredentials, Principal};
use super::fault::{BadToken, FaultKind, ResponseField};
use super::journal::{AdditionalEventData, JournalEntry, Operation, Verdict};
use super::policy::{Grant, PolicyRefusal, grant};
use super::{State, lock};
use crate::text::{rfc3339, shown};
use crate::verifier::authorization::Authorization;
use crate::verifier::canonical::sha256_hex;
use crate::verifier::parameters::SessionParameters;
use crate::verifier::{Denial, ReceivedRequest, Refusal, Strictness, end_entity};

/// The percentage of the session policy's space that is in use, as observed with a small certificate.
const PACKED_POLICY_SIZE: u32 = 46;

/// Where a redirect leads if the fault does not say: a name that never resolves (RFC 6761).
const REDIRECT_TARGET: &str = "https://redirected.invalid/sessions";

/// A role of another account, for the fault that answers with credentials that nobody asked for.
const FOREIGN_ROLE: (&str, &str) =
    ("arn:aws:iam::444455556666:role/foreign", "arn:aws:sts::444455556666:assumed-role/foreign/foreign");

/// A broken rule of the request or of the policy.
#[derive(Debug, thiserror::Error)]
enum SessionRefusal {
    #[error(transparent)]
    Policy(#[from] PolicyRefusal),
    #[error(transparent)]
    Request(#[from] Refusal),
}

impl SessionRefusal {
    fn rule(&self) -> String {
        match self {
            Self::Policy(refusal) => refusal.rule().to_owned(),
            Self::Request(refusal) => refusal.rule(),
        }
    }

    fn denial(&self) -> Denial {
        match self {
            Self::Policy(refusal) => refusal.denial(),
            Self::Request(refusal) => refusal.denial(),
        }
    }
}

/// Answers a request that is not for STS.
pub(super) fn answer(state: &State, request: &ReceivedRequest) -> Answer {
    let operation = if request.path() == "/sessions" { Operation::CreateSession } else { Operation::Unknown };
    let mut entry = describe(state, request, operation);
    let answer = match operation {
        Operation::CreateSession => create_session(state, request, &mut entry),
        Operation::SecurityTokenService | Operation::Unknown => {
            let (method, path) = (shown(&request.method), shown(request.path()));
            refuse(Refusal::OperationUnknown { method, path }.into(), "", &mut entry, state.now())
        }
    };
    entry.status = matches!(answer.delivery, Delivery::Whole | Delivery::CutBody).then_some(answer.status);
    state.journal.add(entry);
    answer
}

fn create_session(state: &State, request: &ReceivedRequest, entry: &mut JournalEntry) -> Answer {
    state.sessions_requested.fetch_add(1, Ordering::SeqCst);
    let now = state.now();
    let faults = lock(&state.faults).take();
    let mut answer = if lock(&state.rate_limit).admits(now) {
        decide(state, request, &faults, now, entry)
    } else {
        entry.verdict = Verdict::Throttled;
        Answer::throttled(Some(1), now)
    };
    for fault in &faults {
        if let FaultKind::Latency(latency) = fault {
            answer.latency = answer.latency.saturating_add(*latency);
        }
    }
    answer
}

/// Answers with the fault that decides the answer, if there is one, else according to the rules.
fn decide(
    state: &State,
    request: &ReceivedRequest,
    faults: &[FaultKind],
    now: OffsetDateTime,
    entry: &mut JournalEntry,
) -> Answer {
    let role = entry.role.clone().unwrap_or_default();
    let deciding = faults.iter().find(|fault| fault.decides_the_answer());
    if let Some(fault) = deciding
        && let Some(answer) = faulty_answer(fault, &role, now)
    {
        entry.verdict = Verdict::Fault { fault: fault.to_string() };
        return answer;
    }
    let mut granted = match judge(state, request, now, entry) {
        Ok(granted) => granted,
        Err(refusal) => return refuse(refusal, &role, entry, now),
    };
    for fault in faults {
        if let FaultKind::SessionLength(length) = fault {
            granted.duration = *length;
        }
    }
    entry.duration_seconds = Some(granted.duration.as_secs());
    entry.session_name = Some(granted.session_name.clone());
    entry.source_identity = Some(granted.source_identity.clone());
    entry.session_tags.clone_from(&granted.session_tags);
    entry.origin_identity.clone_from(&granted.origin_identity);
    entry.unmapped_attributes = Some(granted.unmapped.clone()).filter(|unmapped| !unmapped.is_empty());
    let Ok(mut document) = issue(state, &granted, now) else {
        return Answer::error(500, "InternalServerException", "Internal failure", now);
    };
    let before = document.clone();
    faults.iter().for_each(|fault| alter(&mut document, fault, now));
    let mut answer = Answer::json(201, &document, now);
    if deciding == Some(&FaultKind::CutBody) {
        answer.delivery = Delivery::CutBody;
    }
    let altered = document != before || answer.delivery == Delivery::CutBody;
    entry.verdict = if altered { Verdict::Fault { fault: render(faults) } } else { Verdict::Accepted };
    answer
}

fn render(faults: &[FaultKind]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn judge(
    state: &State,
    request: &ReceivedRequest,
    now: OffsetDateTime,
    entry: &mut JournalEntry,
) -> Result<Grant, SessionRefusal> {
    let verified = lock(&state.verifier).verify(request, now)?;
    entry.anomalies = verified.anomalies.iter().map(Refusal::rule).collect();
    let granted = grant(&state.profiles, &state.roles, &verified)?;
    entry.additional_event_data = AdditionalEventData::of(&verified.anomalies);
    Ok(granted)
}

fn refuse(refusal: SessionRefusal, role: &str, entry: &mut JournalEntry, now: OffsetDateTime) -> Answer {
    let denial = refusal.denial();
    let detail = refusal.to_string();
    let mut message = denial.message(role, &detail);
    if let SessionRefusal::Policy(policy) = &refusal
        && let Some(unmapped) = policy.unmapped()
    {
        message += &format!(". Some attributes failed to be mapped into session tags. {unmapped}");
        entry.unmapped_attributes = Some(unmapped.clone());
    }
    let answer = Answer::error(denial.status(), denial.code(), &message, now);
    entry.verdict = Verdict::Refused { code: denial.code().to_owned(), rule: refusal.rule(), detail };
    answer
}

/// Returns the answer of a fault that needs no check; `None` if the request is to be checked all the same.
fn faulty_answer(fault: &FaultKind, role: &str, now: OffsetDateTime) -> Option<Answer> {
    match fault {
        FaultKind::Deny(denial) => Some(Answer::error(
            denial.status(),
            denial.code(),
            &denial.message(role, "The request is not valid."),
            now,
        )),
        FaultKind::EmptySet => {
            Some(Answer::json(201, &json!({ "credentialSet": [], "subjectArn": "" }), now))
        }
        FaultKind::Hang => Some(Answer { delivery: Delivery::Never, ..Answer::default() }),
        FaultKind::Html(status) => Some(Answer::html(*status, now)),
        FaultKind::Redirect(target) => {
            let mut answer = Answer::json(307, &json!({}), now);
            answer.headers.push(("location", target.as_deref().unwrap_or(REDIRECT_TARGET).to_owned()));
            Some(answer)
        }
        FaultKind::Reset => Some(Answer { delivery: Delivery::Reset, ..Answer::default() }),
        FaultKind::Status(503) => {
            Some(Answer::error(503, "ServiceUnavailableException", "Service unavailable", now))
        }
        FaultKind::Status(status) => {
            Some(Answer::error(*status, "InternalServerException", "Internal failure", now))
        }
        FaultKind::Throttle(retry_after) => Some(Answer::throttled(*retry_after, now)),
        FaultKind::WrongJson => {
            Some(Answer::new(201, "application/json", "{\"credentialSet\": [".to_owned(), now))
        }
        FaultKind::BadToken(_)
        | FaultKind::Clock(_)
        | FaultKind::CutBody
        | FaultKind::Expiration(_)
        | FaultKind::ForeignRole
        | FaultKind::Latency(_)
        | FaultKind::Missing(_)
        | FaultKind::SessionLength(_) => None,
    }
}

/// Issues credentials and returns the answer's document.
fn issue(state: &State, granted: &Grant, now: OffsetDateTime) -> Result<Value, Unspecified> {
    let transitive = state.transitive_tags.then(|| granted.session_tags.keys().cloned());
    let principal = Principal {
        assumed_role_arn: granted.assumed_role_arn.clone(),
        user_id: granted.assumed_role_id.clone(),
        account: granted.account.clone(),
        role_arn: granted.role_arn.clone(),
        source_identity: Some(granted.source_identity.clone()),
        session_tags: granted.session_tags.clone(),
        transitive_tag_keys: transitive.into_iter().flatten().collect(),
        layers: Vec::new(),
        origin_identity: granted.origin_identity.clone(),
    };
    let issued = match &state.issuer {
        Some(issuer) => IssuedCredentials::foreign((issuer.0)(granted).ok_or(Unspecified)?, principal),
        None => IssuedCredentials::issue(principal, now, granted.duration)?,
    };
    let document = json!({
        "credentialSet": [{
            "assumedRoleUser": {
                "arn": granted.assumed_role_arn,
                "assumedRoleId": granted.assumed_role_id,
            },
            "credentials": {
                "accessKeyId": issued.access_key_id,
                "expiration": rfc3339(issued.expiration),
                "secretAccessKey": issued.secret_access_key.as_str(),
                "sessionToken": issued.session_token.as_str(),
            },
            "packedPolicySize": PACKED_POLICY_SIZE,
            "roleArn": granted.role_arn.to_string(),
            "sourceIdentity": granted.source_identity,
        }],
        "subjectArn": granted.subject_arn,
    });
    lock(&state.credentials).add(issued);
    state.sessions_created.fetch_add(1, Ordering::SeqCst);
    Ok(document)
}

/// Changes the answer's document as a fault requires.
fn alter(document: &mut Value, fault: &FaultKind, now: OffsetDateTime) {
    match fault {
        FaultKind::BadToken(kind) => {
            let tail = match kind {
                BadToken::Escape => "\u{1b}[31m",
                BadToken::Newline => "\n[default]\naws_access_key_id = injected",
                BadToken::Shell => "$(touch injected)",
            };
            if let Some(Value::String(token)) =
                document.pointer_mut("/credentialSet/0/credentials/sessionToken")
            {
                token.push_str(tail);
            }
        }
        FaultKind::Expiration(offset) => {
            let expiration = now.checked_add(*offset).unwrap_or(now);
            let expiration = expiration.replace_nanosecond(0).unwrap_or(expiration);
            if let Some(place) = document.pointer_mut("/credentialSet/0/credentials/expiration") {
                *place = Value::String(rfc3339(expiration));
            }
        }
        FaultKind::ForeignRole => {
            let places = ["/credentialSet/0/roleArn", "/credentialSet/0/assumedRoleUser/arn"];
            for (place, arn) in places.into_iter().zip([FOREIGN_ROLE.0, FOREIGN_ROLE.1]) {
                if let Some(place) = document.pointer_mut(place) {
                    *place = Value::String(arn.to_owned());
                }
            }
        }
        FaultKind::Missing(field) => {
            let parent = match field {
                ResponseField::CredentialSet | ResponseField::SubjectArn => "",
                ResponseField::AssumedRoleUser
                | ResponseField::Credentials
                | ResponseField::PackedPolicySize
                | ResponseField::RoleArn
                | ResponseField::SourceIdentity => "/credentialSet/0",
                ResponseField::AccessKeyId
                | ResponseField::Expiration
                | ResponseField::SecretAccessKey
                | ResponseField::SessionToken => "/credentialSet/0/credentials",
            };
            if let Some(Value::Object(members)) = document.pointer_mut(parent) {
                members.remove(field.name());
            }
        }
        FaultKind::Clock(_)
        | FaultKind::CutBody
        | FaultKind::Deny(_)
        | FaultKind::EmptySet
        | FaultKind::Hang
        | FaultKind::Html(_)
        | FaultKind::Latency(_)
        | FaultKind::Redirect(_)
        | FaultKind::Reset
        | FaultKind::SessionLength(_)
        | FaultKind::Status(_)
        | FaultKind::Throttle(_)
        | FaultKind::WrongJson => {}
    }
}

/// Starts a journal entry with what is known about a request before it is checked.
pub(super) fn describe(state: &State, request: &ReceivedRequest, operation: Operation) -> JournalEntry {
    let end_entity = end_entity(request).ok();
    let signature = request
        .header_values("authorization")
        .next()
        .and_then(|value| Authorization::parse(value).ok())
        .map(|authorization| authorization.signature);
    let parameters = SessionParameters::read(request, Strictness::AsTheService).ok();
    JournalEntry {
        time: rfc3339(state.now()),
        method: shown(&request.method),
        path: shown(request.path()),
        operation,
        verdict: Verdict::Accepted,
        action: None,
        status: None,
        user_agent: request
            .header_values("user-agent")
            .next()
            .map(|value| shown(String::from_utf8_lossy(value))),
        serial: end_entity.as_ref().map(|certificate| certificate.serial().to_string()),
        subject: end_entity.map(|certificate| certificate.subject().to_owned()),
        role: parameters.map(|parameters| parameters.role_arn.to_string()),
        session_name: None,
        duration_seconds: None,
        source_identity: None,
        session_tags: BTreeMap::new(),
        origin_identity: BTreeMap::new(),
        scope_layers: Vec::new(),
        unmapped_attributes: None,
        additional_event_data: None,
        anomalies: Vec::new(),
        signature_sha256: signature.as_ref().map(|signature| sha256_hex(signature)),
        signature: signature.filter(|_| state.journal_full).map(hex::encode),
    }
}
