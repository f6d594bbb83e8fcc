//! How long a session lasts, against the certificate and against those who ask for it.

use std::time::Duration;

use super::Check;
use crate::clock::{Timestamp, describe_seconds};
use crate::provider::SLACK;
use crate::x509::Certificate;

/// SDKs for Python ask again with less than this left: a shorter session is asked for at each of their calls.
const BOTOCORE_WINDOW: Duration = Duration::from_secs(15 * 60);

/// A certificate that lives no longer than this is renewed by a program, before each of its ends.
const SHORT_LIVED: Duration = Duration::from_secs(25 * 3600);

/// Checks the length that is asked for, at the time `now`.
pub fn wanted(length: Option<Duration>, certificate: Option<&Certificate>, now: Timestamp) -> Check {
    const ID: &str = "session-duration";
    let Some(length) = length else {
        return Check::good(ID, "the Roles Anywhere profile decides how long sessions last");
    };
    let told = describe_seconds(length.as_secs());
    if length <= BOTOCORE_WINDOW {
        return each_call(ID, &told);
    }
    let Some(certificate) = certificate else {
        return Check::good(ID, format!("sessions of {told} are asked for"));
    };
    let end = certificate.not_after();
    let left = end.since(now);
    if left >= length {
        return Check::good(
            ID,
            format!("sessions of {told} are asked for, and the certificate lives longer"),
        );
    }
    let text = format!(
        "a session of {told} outlives the certificate, which ends {end} ({})",
        end.distance_from(now)
    );
    if end.since(certificate.not_before()) <= SHORT_LIVED {
        return Check::good(
            ID,
            format!(
                "{text}: it is one of those that are renewed all the time, and the next session needs the next one"
            ),
        );
    }
    Check::doubtful(ID, text, "renew the certificate, or ask for less with --session-duration")
}

/// Checks the length that was granted.
pub fn granted(granted: Duration, wanted: Option<Duration>) -> Check {
    const ID: &str = "granted-duration";
    let told = describe_seconds(granted.as_secs());
    if granted <= BOTOCORE_WINDOW && wanted.is_none_or(|wanted| wanted > BOTOCORE_WINDOW) {
        return each_call(ID, &told);
    }
    match wanted.filter(|wanted| granted + SLACK < *wanted) {
        Some(wanted) => Check::doubtful(
            ID,
            format!("{told} were granted of the {} asked for", describe_seconds(wanted.as_secs())),
            "raise durationSeconds of the Roles Anywhere profile, or ask for less with --session-duration",
        ),
        None => Check::good(ID, format!("the session lasts {told}")),
    }
}

fn each_call(id: &'static str, told: &str) -> Check {
    Check::doubtful(
        id,
        format!(
            "a session of {told}: the AWS CLI and boto3 ask again with less than 15 minutes left, so at each call"
        ),
        "ask for 30 minutes or more: --session-duration 1h",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn lengths() {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let now = Timestamp::from_unix_seconds(0);
        assert_eq!(wanted(Some(minutes(15)), None, now).verdict, Verdict::Doubtful);
        assert_eq!(wanted(Some(minutes(60)), None, now).verdict, Verdict::Good);
        assert_eq!(wanted(None, None, now).verdict, Verdict::Good);
        assert_eq!(granted(minutes(15), Some(minutes(15))).verdict, Verdict::Good, "told already");
        assert_eq!(granted(minutes(15), Some(minutes(60))).verdict, Verdict::Doubtful);
        assert_eq!(granted(minutes(60), Some(minutes(61))).verdict, Verdict::Good);
        assert_eq!(granted(minutes(60), Some(minutes(120))).verdict, Verdict::Doubtful);
    }
}
