//! The control path: how a test changes and queries the simulator while it runs.
//!
//! `/_simulator/…` on the ports of the services, JSON both ways. Each request carries the control token in the header
//! [`TOKEN_HEADER`]: a web page in a browser on this host can neither read the token nor send the header to another
//! origin, so it cannot drive the simulator. Control requests are not in the journal, and no fault meets them.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde::Deserialize;
use serde_json::{Value, json};
use time::Duration as TimeSpan;

use super::answer::Answer;
use super::fault::{FaultPlan, signed_duration};
use super::{Fault, FaultError, RevocationListError, State, lock};
use crate::revocation::{RevocationError, RevocationList};
use crate::text::{rfc3339, shown};
use crate::verifier::ReceivedRequest;

/// The prefix of the path of every control request.
pub const PATH_PREFIX: &str = "/_simulator/";

/// The header that carries the control token, in lower case.
pub const TOKEN_HEADER: &str = "x-simulator-token";

/// Most faults of a plan.
pub const FAULTS_LIMIT: usize = 100;

/// Why a control request is refused.
#[derive(Debug, thiserror::Error)]
enum ControlRefusal {
    #[error("the body is not the JSON that this resource takes: {0}")]
    Body(String),
    #[error("the clock's offset is a duration such as +10m or -30s")]
    ClockOffset,
    #[error("'{text}': {reason}")]
    Fault { text: String, reason: FaultError },
    #[error("there are more than {FAULTS_LIMIT} faults")]
    FaultsTooMany,
    #[error("this resource has no {0}")]
    Method(String),
    #[error("there is no such resource; known are clock, counters, faults, journal and revocation-lists")]
    Resource,
    #[error("{0}")]
    RevocationList(#[from] RevocationListError),
    #[error("{0}")]
    RevocationListPem(RevocationError),
    #[error("the header {TOKEN_HEADER} does not hold this simulator's control token")]
    Token,
}

impl ControlRefusal {
    const fn status(&self) -> u16 {
        match self {
            Self::Body(_)
            | Self::ClockOffset
            | Self::Fault { .. }
            | Self::FaultsTooMany
            | Self::RevocationList(_)
            | Self::RevocationListPem(_) => 400,
            Self::Method(_) => 405,
            Self::Resource => 404,
            Self::Token => 403,
        }
    }

    const fn rule(&self) -> &'static str {
        match self {
            Self::Body(_) => "control-body",
            Self::ClockOffset => "control-clock",
            Self::Fault { .. } => "control-fault",
            Self::FaultsTooMany => "control-faults-too-many",
            Self::Method(_) => "control-method",
            Self::Resource => "control-resource",
            Self::RevocationList(_) | Self::RevocationListPem(_) => "control-revocation-list",
            Self::Token => "control-token",
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockBody {
    offset: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultsBody {
    faults: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevocationListBody {
    trust_anchor_arn: String,
    pem: String,
}

/// Answers a control request.
pub(super) fn answer(state: &State, request: &ReceivedRequest) -> Answer {
    let outcome = perform(state, request);
    let now = state.now();
    match outcome {
        Ok(document) => Answer::json(200, &document, now),
        Err(refusal) => {
            let document = json!({ "error": refusal.rule(), "message": refusal.to_string() });
            Answer::json(refusal.status(), &document, now)
        }
    }
}

fn perform(state: &State, request: &ReceivedRequest) -> Result<Value, ControlRefusal> {
    let sent = request.header_values(TOKEN_HEADER).next().unwrap_or_default();
    verify_slices_are_equal(sent, state.control_token.as_bytes()).map_err(|_| ControlRefusal::Token)?;
    let method = request.method.as_str();
    let unknown_method = || ControlRefusal::Method(shown(method));
    match request.path().strip_prefix(PATH_PREFIX).unwrap_or_default() {
        "clock" => {
            match method {
                "GET" => {}
                "PUT" => {
                    let ClockBody { offset } = parse(request)?;
                    let offset = signed_duration(&offset).ok_or(ControlRefusal::ClockOffset)?;
                    *lock(&state.clock_offset) = offset;
                }
                "DELETE" => *lock(&state.clock_offset) = TimeSpan::ZERO,
                _ => return Err(unknown_method()),
            }
            let offset = lock(&state.clock_offset).as_seconds_f64();
            Ok(json!({ "now": rfc3339(state.now()), "offset_seconds": offset }))
        }
        "counters" => match method {
            "GET" => Ok(counters(state)),
            _ => Err(unknown_method()),
        },
        "faults" => {
            match method {
                "GET" => {}
                "PUT" => *lock(&state.faults) = FaultPlan::new(faults(parse(request)?)?),
                "DELETE" => *lock(&state.faults) = FaultPlan::default(),
                _ => return Err(unknown_method()),
            }
            let left: Vec<String> = lock(&state.faults).left().map(ToString::to_string).collect();
            Ok(json!({ "faults": left }))
        }
        "journal" => {
            match method {
                "GET" => {}
                "DELETE" => state.journal.clear(),
                _ => return Err(unknown_method()),
            }
            Ok(json!({ "entries": state.journal.entries() }))
        }
        "revocation-lists" => match method {
            "PUT" => {
                let RevocationListBody { trust_anchor_arn, pem } = parse(request)?;
                let list =
                    RevocationList::parse(pem.as_bytes()).map_err(ControlRefusal::RevocationListPem)?;
                state.import_revocation_list(&trust_anchor_arn, list.der())?;
                Ok(json!({ "trust_anchor_arn": trust_anchor_arn }))
            }
            _ => Err(unknown_method()),
        },
        _ => Err(ControlRefusal::Resource),
    }
}

fn parse<'a, T: Deserialize<'a>>(request: &'a ReceivedRequest) -> Result<T, ControlRefusal> {
    serde_json::from_slice(&request.body).map_err(|error| ControlRefusal::Body(shown(error)))
}

fn faults(body: FaultsBody) -> Result<Vec<Fault>, ControlRefusal> {
    if body.faults.len() > FAULTS_LIMIT {
        return Err(ControlRefusal::FaultsTooMany);
    }
    let parse =
        |text: String| text.parse().map_err(|reason| ControlRefusal::Fault { text: shown(&text), reason });
    body.faults.into_iter().map(parse).collect()
}

fn counters(state: &State) -> Value {
    use std::sync::atomic::Ordering::SeqCst;

    json!({
        "connections_high_water": state.connections_high_water.load(SeqCst),
        "connections_open": state.connections.load(SeqCst),
        "journal_entries": state.journal.entries().len(),
        "sessions_created": state.sessions_created.load(SeqCst),
        "sessions_requested": state.sessions_requested.load(SeqCst),
    })
}
