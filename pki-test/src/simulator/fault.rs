//! Faults that the simulator plays, and the grammar in which a command line names them.
//!
//! `NAME[=VALUE][xCOUNT]`: with a count, only the first COUNT requests meet the fault. Durations are a number and a
//! unit (`ms`, `s`, `m`, `h`, `d`, `y`), seconds if there is none.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use time::Duration as TimeSpan;

use crate::verifier::Denial;

/// Longest text of a fault.
const TEXT_LIMIT: usize = 2_048;

/// A fault, and how many requests it affects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// It affects only this many requests, starting with the first; `None` for all.
    pub first: Option<u32>,
}

/// What goes wrong with CreateSession.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// `bad-token=newline|shell|escape`: the session token holds characters that a client must not pass on.
    BadToken(BadToken),
    /// `clock=±DURATION`: the simulator's clock is wrong; its `Date` header and its judgement follow.
    Clock(TimeSpan),
    /// `cut-body`: the connection closes in the middle of the body.
    CutBody,
    /// `deny=ID`: refused with one of the service's messages.
    Deny(Denial),
    /// `empty-set`: 201 with an empty `credentialSet`.
    EmptySet,
    /// `expiration=±DURATION`: the answer's expiration is this far from the current time, whatever the session's is.
    Expiration(TimeSpan),
    /// `foreign-role`: the credentials are for a role that was not asked for.
    ForeignRole,
    /// `hang`: the request is read and never answered.
    Hang,
    /// `html=STATUS`: an HTML page, as of a proxy.
    Html(u16),
    /// `latency=DURATION`: the answer comes late.
    Latency(Duration),
    /// `missing=FIELD`: 201 without a member.
    Missing(ResponseField),
    /// `redirect[=URL]`: 307 to another place.
    Redirect(Option<String>),
    /// `reset`: the connection is reset after the request was read.
    Reset,
    /// `session-length=DURATION`: sessions are this long, shorter than AWS would make them.
    SessionLength(Duration),
    /// `status=5xx`: the service's own failure, as JSON.
    Status(u16),
    /// `throttle[=SECONDS]`: 429, with `Retry-After` if seconds are given.
    Throttle(Option<u32>),
    /// `wrong-json`: 201 with a body that is no JSON.
    WrongJson,
}

/// Which characters a bad session token holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadToken {
    /// An ESC sequence for terminals.
    Escape,
    /// A line feed and a section header for INI files.
    Newline,
    /// A command substitution for shells.
    Shell,
}

/// A member of CreateSession's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseField {
    /// `credentials.accessKeyId`
    AccessKeyId,
    /// `assumedRoleUser`
    AssumedRoleUser,
    /// `credentials`
    Credentials,
    /// `credentialSet`
    CredentialSet,
    /// `credentials.expiration`
    Expiration,
    /// `packedPolicySize`
    PackedPolicySize,
    /// `roleArn`
    RoleArn,
    /// `credentials.secretAccessKey`
    SecretAccessKey,
    /// `credentials.sessionToken`
    SessionToken,
    /// `sourceIdentity`
    SourceIdentity,
    /// `subjectArn`
    SubjectArn,
}

impl ResponseField {
    const ALL: [Self; 11] = [
        Self::AccessKeyId,
        Self::AssumedRoleUser,
        Self::Credentials,
        Self::CredentialSet,
        Self::Expiration,
        Self::PackedPolicySize,
        Self::RoleArn,
        Self::SecretAccessKey,
        Self::SessionToken,
        Self::SourceIdentity,
        Self::SubjectArn,
    ];

    /// Returns the member's name in the answer.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessKeyId => "accessKeyId",
            Self::AssumedRoleUser => "assumedRoleUser",
            Self::Credentials => "credentials",
            Self::CredentialSet => "credentialSet",
            Self::Expiration => "expiration",
            Self::PackedPolicySize => "packedPolicySize",
            Self::RoleArn => "roleArn",
            Self::SecretAccessKey => "secretAccessKey",
            Self::SessionToken => "sessionToken",
            Self::SourceIdentity => "sourceIdentity",
            Self::SubjectArn => "subjectArn",
        }
    }
}

impl FaultKind {
    /// Returns whether the fault decides the whole answer, so that no other such fault can affect the same request.
    pub(super) const fn decides_the_answer(&self) -> bool {
        match self {
            Self::CutBody
            | Self::Deny(_)
            | Self::EmptySet
            | Self::Hang
            | Self::Html(_)
            | Self::Redirect(_)
            | Self::Reset
            | Self::Status(_)
            | Self::Throttle(_)
            | Self::WrongJson => true,
            Self::BadToken(_)
            | Self::Clock(_)
            | Self::Expiration(_)
            | Self::ForeignRole
            | Self::Latency(_)
            | Self::Missing(_)
            | Self::SessionLength(_) => false,
        }
    }
}

/// The faults still to be played.
#[derive(Clone, Debug, Default)]
pub(super) struct FaultPlan {
    faults: Vec<Fault>,
}

impl FaultPlan {
    pub(super) fn new(faults: Vec<Fault>) -> Self {
        Self { faults }
    }

    /// Returns the faults for the next request, and counts it.
    ///
    /// Of the faults that decide the answer only the first remaining one is used: `status=500x1` and `throttlex1`
    /// together make the first request fail and the second one wait.
    pub(super) fn take(&mut self) -> Vec<FaultKind> {
        let mut decided = false;
        let mut taken = Vec::new();
        for fault in &mut self.faults {
            if fault.first == Some(0) || (decided && fault.kind.decides_the_answer()) {
                continue;
            }
            decided |= fault.kind.decides_the_answer();
            fault.first = fault.first.map(|left| left.saturating_sub(1));
            taken.push(fault.kind.clone());
        }
        taken
    }

    /// Returns the faults that can still affect requests, with their remaining counts.
    pub(super) fn left(&self) -> impl Iterator<Item = &Fault> {
        self.faults.iter().filter(|fault| fault.first != Some(0))
    }

    /// Returns the current offset of the clock, without counting a request.
    pub(super) fn clock_offset(&self) -> TimeSpan {
        let mut sum = TimeSpan::ZERO;
        for fault in self.left() {
            if let FaultKind::Clock(offset) = fault.kind {
                sum = sum.saturating_add(offset);
            }
        }
        sum
    }
}

/// Why a text is not a fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// The value is not valid for the fault.
    #[error("the fault '{fault}' takes {expected}")]
    Value {
        /// The fault's name.
        fault: &'static str,
        /// What it expects.
        expected: &'static str,
    },
    /// There is no such fault.
    #[error(
        "there is no such fault; known are bad-token, clock, cut-body, deny, empty-set, expiration, foreign-role, \
         hang, html, latency, missing, redirect, reset, session-length, status, throttle and wrong-json"
    )]
    Unknown,
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > TEXT_LIMIT {
            return Err(FaultError::Unknown);
        }
        if let Some((before, digits)) = text.rsplit_once('x')
            && let Ok(count) = digits.parse()
            && let Ok(kind) = before.parse()
        {
            return Ok(Self { kind, first: Some(count) });
        }
        Ok(Self { kind: text.parse()?, first: None })
    }
}

impl FromStr for FaultKind {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let needs = |fault, expected| move || FaultError::Value { fault, expected };
        let plain = |fault, kind: Self| match value {
            None => Ok(kind),
            Some(_) => Err(FaultError::Value { fault, expected: "no value" }),
        };
        match name {
            "bad-token" => match value {
                Some("escape") => Ok(Self::BadToken(BadToken::Escape)),
                Some("newline") => Ok(Self::BadToken(BadToken::Newline)),
                Some("shell") => Ok(Self::BadToken(BadToken::Shell)),
                Some(_) | None => Err(needs("bad-token", "newline, shell or escape")()),
            },
            "clock" => value
                .and_then(signed_duration)
                .map(Self::Clock)
                .ok_or_else(needs("clock", "a duration such as +10m or -30s")),
            "cut-body" => plain("cut-body", Self::CutBody),
            "deny" => value
                .and_then(|id| id.parse().ok())
                .map(Self::Deny)
                .ok_or_else(needs("deny", "the name of a denial such as untrusted-certificate")),
            "empty-set" => plain("empty-set", Self::EmptySet),
            "expiration" => value
                .and_then(signed_duration)
                .map(Self::Expiration)
                .ok_or_else(needs("expiration", "a duration such as +10y or -1m")),
            "foreign-role" => plain("foreign-role", Self::ForeignRole),
            "hang" => plain("hang", Self::Hang),
            "html" => value
                .and_then(|status| status.parse().ok())
                .filter(|status| (400..=599).contains(status))
                .map(Self::Html)
                .ok_or_else(needs("html", "a status of 400 to 599")),
            "latency" => value
                .and_then(duration)
                .map(Self::Latency)
                .ok_or_else(needs("latency", "a duration such as 250ms")),
            "missing" => value
                .and_then(|name| ResponseField::ALL.into_iter().find(|field| field.name() == name))
                .map(Self::Missing)
                .ok_or_else(needs("missing", "a member of the answer such as sessionToken")),
            "redirect" => match value {
                None => Ok(Self::Redirect(None)),
                Some(url) if is_url(url) => Ok(Self::Redirect(Some(url.to_owned()))),
                Some(_) => Err(needs("redirect", "a URL that begins with http:// or https://")()),
            },
            "reset" => plain("reset", Self::Reset),
            "session-length" => value
                .and_then(duration)
                .map(Self::SessionLength)
                .ok_or_else(needs("session-length", "a duration such as 90s")),
            "status" => value
                .and_then(|status| status.parse().ok())
                .filter(|status| (500..=599).contains(status))
                .map(Self::Status)
                .ok_or_else(needs("status", "a status of 500 to 599")),
            "throttle" => match value.map(str::parse) {
                None => Ok(Self::Throttle(None)),
                Some(Ok(seconds)) => Ok(Self::Throttle(Some(seconds))),
                Some(Err(_)) => Err(needs("throttle", "a number of seconds")()),
            },
            "wrong-json" => plain("wrong-json", Self::WrongJson),
            _ => Err(FaultError::Unknown),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        match self.first {
            Some(count) => write!(f, "x{count}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadToken(BadToken::Escape) => f.write_str("bad-token=escape"),
            Self::BadToken(BadToken::Newline) => f.write_str("bad-token=newline"),
            Self::BadToken(BadToken::Shell) => f.write_str("bad-token=shell"),
            Self::Clock(offset) => write!(f, "clock={}", Signed(*offset)),
            Self::CutBody => f.write_str("cut-body"),
            Self::Deny(denial) => write!(f, "deny={}", denial.id()),
            Self::EmptySet => f.write_str("empty-set"),
            Self::Expiration(offset) => write!(f, "expiration={}", Signed(*offset)),
            Self::ForeignRole => f.write_str("foreign-role"),
            Self::Hang => f.write_str("hang"),
            Self::Html(status) => write!(f, "html={status}"),
            Self::Latency(latency) => write!(f, "latency={}ms", latency.as_millis()),
            Self::Missing(field) => write!(f, "missing={}", field.name()),
            Self::Redirect(None) => f.write_str("redirect"),
            Self::Redirect(Some(url)) => write!(f, "redirect={url}"),
            Self::Reset => f.write_str("reset"),
            Self::SessionLength(length) => write!(f, "session-length={}ms", length.as_millis()),
            Self::Status(status) => write!(f, "status={status}"),
            Self::Throttle(None) => f.write_str("throttle"),
            Self::Throttle(Some(seconds)) => write!(f, "throttle={seconds}"),
            Self::WrongJson => f.write_str("wrong-json"),
        }
    }
}

/// Shows a duration with its sign, in milliseconds.
struct Signed(TimeSpan);

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:+}ms", self.0.whole_milliseconds())
    }
}

fn is_url(text: &str) -> bool {
    (text.starts_with("http://") || text.starts_with("https://"))
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Parses a number and a unit, at most a thousand years; seconds if there is no unit.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let milliseconds = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "y" => 365 * 86_400_000,
        _ => return None,
    };
    // A thousand years is enough for any test and keeps all arithmetic on dates in range.
    let total = number.checked_mul(milliseconds)?;
    (total <= 1_000 * 365 * 86_400_000).then(|| Duration::from_millis(total))
}

/// Parses a duration with an optional sign.
pub(super) fn signed_duration(text: &str) -> Option<TimeSpan> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let magnitude = TimeSpan::try_from(duration(text)?).ok()?;
    Some(if negative { -magnitude } else { magnitude })
}
