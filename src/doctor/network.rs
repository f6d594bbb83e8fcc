//! The way to an endpoint: from what a probe found to checks.

use super::Check;
use crate::clock::Timestamp;
use crate::env::Environment;
use crate::explain;
use crate::http::TransportError;
use crate::http::probe::{Answer, Probe, Tls};
use crate::signing::{Endpoint, Scheme};
use crate::text::{printable, quoted};

/// The ids of the checks of a way, in their order.
const STAGES: [&str; 5] = ["name", "route", "proxy", "tls", "answer"];

/// A clock that is wrong by less is as good as any.
const TOLERATED: u64 = 60;

/// Says of every check of the way why it was not made.
pub fn not_checked(why: &str) -> Vec<Check> {
    STAGES.iter().map(|id| Check::not_checked(id, why)).collect()
}

/// Tells what was found on the way to an endpoint.
pub fn way(probe: &Probe, endpoint: &Endpoint, env: &Environment) -> Vec<Check> {
    let checks = [
        name(probe, endpoint),
        route(probe, endpoint, env),
        proxy(probe),
        tls(probe, endpoint),
        answer(probe, endpoint),
    ];
    let mut blocked = None;
    let mut told = Vec::new();
    for (id, check) in STAGES.into_iter().zip(checks) {
        let check = match (check, blocked) {
            (Some(check), _) => check,
            (None, Some(before)) => Check::not_checked(id, format!("the check '{before}' failed")),
            (None, None) => Check::not_checked(id, probe.stopped.unwrap_or("it plays no part here")),
        };
        if check.verdict == super::Verdict::Bad {
            blocked = blocked.or(Some(id));
        }
        told.push(check);
    }
    told
}

fn name(probe: &Probe, endpoint: &Endpoint) -> Option<Check> {
    const ID: &str = "name";
    Some(match probe.name.as_ref() {
        None => Check::good(ID, format!("{} needs no name service", peer(probe, endpoint))),
        Some(Ok(addresses)) => {
            let addresses: Vec<_> = addresses.iter().take(4).map(ToString::to_string).collect();
            Check::good(ID, format!("{} is {}", peer(probe, endpoint), addresses.join(", ")))
        }
        Some(Err(error)) => Check::failed(ID, error),
    })
}

fn route(probe: &Probe, endpoint: &Endpoint, env: &Environment) -> Option<Check> {
    const ID: &str = "route";
    Some(match probe.route.as_ref()? {
        Ok(address) => Check::good(ID, format!("{} answers at {address}", peer(probe, endpoint))),
        Err(error) => {
            let check = Check::failed(ID, error);
            let unread = ["HTTP_PROXY", "http_proxy"].into_iter().find(|name| env.os_var(name).is_some());
            match unread.filter(|_| probe.proxy.is_none()) {
                Some(name) => {
                    let hint = format!(
                        "{name} is set and names the proxy of plain HTTP alone: set HTTPS_PROXY to it"
                    );
                    Check { hint: Some(hint), ..check }
                }
                None => check,
            }
        }
    })
}

fn proxy(probe: &Probe) -> Option<Check> {
    const ID: &str = "proxy";
    let Some(proxy) = &probe.proxy else {
        return probe.route.as_ref()?.is_ok().then(|| Check::good(ID, "none: the way is direct"));
    };
    Some(match probe.tunnel.as_ref()? {
        Ok(()) => Check::good(ID, format!("the proxy {} opens the connection", printable(proxy))),
        Err(error) => Check::failed(ID, error),
    })
}

fn tls(probe: &Probe, endpoint: &Endpoint) -> Option<Check> {
    const ID: &str = "tls";
    if endpoint.scheme() == Scheme::Http {
        return probe
            .route
            .as_ref()?
            .is_ok()
            .then(|| Check::good(ID, "none: the endpoint is on this machine"));
    }
    let Tls { verdict, issuers } = probe.tls.as_ref()?;
    let issuer = issuers.first().map(|issuer| quoted(issuer));
    let interceptor = issuers.first().filter(|_| is_intercepted(endpoint, issuers));
    Some(match (verdict, interceptor) {
        (Err(error), interceptor) => {
            let check = Check::failed(ID, error);
            match interceptor {
                Some(interceptor) => {
                    let by = quoted(interceptor);
                    let text = format!(
                        "the connection is opened on the way: {by} signed the certificate of {}, and not Amazon; {}",
                        endpoint.host(),
                        check.text
                    );
                    Check { text, ..check }
                }
                None => check,
            }
        }
        (Ok(()), Some(interceptor)) => Check::good(
            ID,
            format!(
                "the connection is opened on the way by {}, which this host trusts: it sees the credentials",
                quoted(interceptor)
            ),
        ),
        (Ok(()), None) => Check::good(
            ID,
            format!("the certificate of {} is signed by {}", endpoint.host(), issuer.unwrap_or_default()),
        ),
    })
}

/// Tells whether somebody else than Amazon signed the certificate of an AWS host.
fn is_intercepted(endpoint: &Endpoint, issuers: &[String]) -> bool {
    explain::is_aws(endpoint.host())
        && !issuers.iter().any(|issuer| issuer.contains("Amazon") || issuer.contains("Starfield"))
}

fn answer(probe: &Probe, endpoint: &Endpoint) -> Option<Check> {
    const ID: &str = "answer";
    let Answer { status, server, location, is_page, .. } = match probe.answer.as_ref()? {
        Ok(answer) => answer,
        // Some gateways have nothing for others than CreateSession, which tells more.
        Err(error) => return Some(Check::failed(ID, error).softened()),
    };
    let by = server.as_ref().map(|server| format!(", server {}", quoted(server))).unwrap_or_default();
    let hint =
        "a proxy or a sign-in page stands between; set HTTPS_PROXY, or except the endpoint with NO_PROXY";
    Some(if let Some(location) = location.as_ref().filter(|_| (300..400).contains(status)) {
        Check::bad(
            ID,
            format!(
                "something other than AWS answers: HTTP {status}, a redirect to {}{by}",
                quoted(location)
            ),
            hint,
        )
    } else if *is_page {
        Check::bad(
            ID,
            format!("something other than AWS answers: HTTP {status}, a page for people{by}"),
            hint,
        )
    } else {
        Check::good(ID, format!("{} answers (HTTP {status}{by})", endpoint.host()))
    })
}

fn peer(probe: &Probe, endpoint: &Endpoint) -> String {
    match &probe.proxy {
        Some(proxy) => format!("the proxy {}", printable(proxy)),
        None => endpoint.host().to_owned(),
    }
}

/// Compares this clock with the `Date` of whoever answered, and returns the seconds that it is behind.
pub fn clock(probe: &Probe) -> (Check, i64) {
    const ID: &str = "clock";
    let Some(Ok(Answer { date: Some((theirs, ours)), .. })) = &probe.answer else {
        return (Check::not_checked(ID, "nobody answered with the time"), 0);
    };
    let offset = theirs.unix_seconds() - ours.unix_seconds();
    let untrusted = probe.tls.as_ref().is_some_and(|tls| tls.verdict.is_err() && !is_by_time(tls));
    let teller = if untrusted { " (told by a server that is not trusted)" } else { "" };
    if let Some(what) = explain::wrong_clock(offset) {
        let text = format!("{what}: it is {} here and {} there{teller}", times(*ours), times(*theirs));
        return (Check::bad(ID, text, explain::keep_clock()), offset);
    }
    if offset.unsigned_abs() > TOLERATED {
        let what = explain::distance_of_clock(offset);
        return (
            Check::doubtful(
                ID,
                format!("{what}{teller}: with five minutes AWS refuses"),
                explain::keep_clock(),
            ),
            offset,
        );
    }
    (Check::good(ID, format!("within a minute of the endpoint's{teller}")), offset)
}

fn times(time: Timestamp) -> String {
    time.to_string()
}

/// Tells whether a certificate is distrusted for its dates alone, of which a wrong clock may be the reason.
fn is_by_time(tls: &Tls) -> bool {
    use crate::http::error::Distrust;
    matches!(
        tls.verdict,
        Err(TransportError::UntrustedServer { why: Distrust::Expired | Distrust::NotYetValid, .. })
    )
}

/// Checks region and partition of an endpoint; `region` is the one that requests are signed for.
pub fn endpoint(endpoint: &Endpoint, region: &str) -> Check {
    Check::good("endpoint", format!("{endpoint}, signed for {region}"))
}
