//! The checks of one session: settings, files, the way to AWS, and what AWS says.

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::super::args::Typed;
use super::super::keeping::Keeping;
use super::super::lists;
use super::super::settings::session::SessionSettings;
use super::super::settings::table::Kind;
use super::super::settings::{Origin, Settings};
use super::super::{CalledAs, Invocation, provider};
use super::asked::{Asked, Call};
use super::{SPEC, lines};
use crate::cache::Namespace;
use crate::cache::choice::CacheChoice;
use crate::cache::state_folder::StateLocation;
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::config::Config;
use crate::diagnostic::AnyDiagnostic;
use crate::doctor::identity::{self, Found};
use crate::doctor::{Check, Verdict, lengths, network};
use crate::explain;
use crate::http::probe::{self, Probe};
use crate::http::runtime::block_on;
use crate::provider::file_key_lender;

/// What is kept of the time for asking AWS when a way has been followed.
const ASKING: Duration = Duration::from_secs(6);

/// Whether anything is sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Network {
    /// No, and why.
    Not(&'static str),
    /// Yes; then all that crosses the network must have ended.
    Until(Instant),
}

/// One session, as it would be asked for.
pub(super) struct Session<'a> {
    pub(super) invocation: &'a Invocation<'a>,
    pub(super) config: &'a Config,
    /// What was typed, or stands in a line of `credential_process`.
    pub(super) typed: &'a Typed,
    pub(super) name: Option<&'a str>,
}

impl Session<'_> {
    /// Makes every check that it can.
    pub(super) fn checks(&self, network: Network) -> Vec<Check> {
        let env = self.invocation.env;
        let settings = match Settings::of_config(self.config, self.typed, self.name, env, SPEC.groups) {
            Ok(settings) => settings,
            Err(failure) => {
                return vec![
                    lines::failed("session", &failure),
                    Check::not_checked("certificate", "the settings cannot be used"),
                    Check::not_checked("create-session", "the settings cannot be used"),
                ];
            }
        };
        let mut checks = self.origins(&settings);
        let lenient = self.invocation.called_as == CalledAs::OfficialHelper;
        match settings.session(env, lenient) {
            Ok(session) => checks.extend(self.of_session(&settings, session, network)),
            Err(failure) => {
                checks.push(lines::failed("session", &failure));
                // A part of the settings may be good enough for a part of the checks.
                if let Ok(source) = settings.identity(env, lenient) {
                    let Found { checks: files, chain, .. } = identity::files(&source, env);
                    checks.extend(files);
                    let (now, source) = (SystemClock.now(), source.certificate.to_string());
                    checks.extend(chain.iter().flat_map(|chain| identity::rules(chain, &source, now, None)));
                }
                checks.push(Check::not_checked("create-session", "the settings are not complete"));
            }
        }
        checks
    }

    /// Tells where each setting comes from, and what of them should not stay so.
    fn origins(&self, settings: &Settings) -> Vec<Check> {
        let mut checks: Vec<Check> =
            settings.all_given().map(|given| Check::good("setting", given.told())).collect();
        let passed_over = self.config.passed_over();
        for told in settings.unread().iter().filter(|told| !passed_over.contains(told)) {
            checks.push(Check::doubtful(
                "variable-unread",
                told.as_str(),
                "correct the variable's name, or unset it",
            ));
        }
        let is_open = |text: &str| text.starts_with("pkcs11:") && text.contains("pin-value=");
        let typed = settings.all_given().filter(|given| given.origin == Origin::Flag);
        for given in typed.filter(|given| given.setting.kind == Kind::Secret || is_open(given.text())) {
            checks.push(Check::doubtful(
                "password-in-argv",
                format!(
                    "--{} gives a password on the command line, where every user sees it in ps",
                    given.setting.name
                ),
                "write it into a file with mode 0600, and name that with --pkcs8-password-file",
            ));
        }
        if let Some(given) = settings.given("no-verify-ssl").filter(|_| settings.boolean("no-verify-ssl")) {
            checks.push(Check::bad(
                "server-verification",
                format!(
                    "{} switches the check of servers off: whoever answers gets a signed request and hands out credentials, and nothing is cached",
                    given.label()
                ),
                "leave it out; if a proxy of yours opens TLS connections, add its CA with --extra-ca FILE",
            ));
        }
        checks
    }

    fn of_session(&self, settings: &Settings, session: SessionSettings, network: Network) -> Vec<Check> {
        let env = self.invocation.env;
        let mut checks = vec![arns(&session)];
        let probing = match network {
            Network::Not(_) => None,
            Network::Until(_) => self.follow(settings, &session),
        };
        // While the way is followed.
        let Found { checks: files, chain, identity } = identity::files(&session.identity, env);
        let end_entity = chain.as_ref().map(|chain| &chain.end_entity);
        let lists = lists::watched(std::iter::empty(), &session.identity.certificate, end_entity);
        let mut cache = vec![self.cache(settings, &session, identity.is_some())];
        cache.extend(self.back_off(settings));
        let source = session.identity.certificate.to_string();
        let (request, endpoint) = (session.request.clone(), session.endpoint.clone());

        let probe = match (network, probing) {
            (Network::Until(end), Some(probing)) => {
                probing.recv_timeout((end - ASKING).saturating_duration_since(Instant::now())).ok()
            }
            (Network::Not(_) | Network::Until(_), _) => None,
        };
        let unknown = match network {
            Network::Not(why) => why,
            Network::Until(_) => "it was not known in time",
        };
        let (clock, offset) = match &probe {
            Some(probe) => network::clock(probe),
            None => (Check::not_checked("clock", unknown), 0),
        };
        let now = Timestamp::from_unix_seconds(SystemClock.now().unix_seconds().saturating_add(offset));
        let way = match &probe {
            Some(probe) => network::way(probe, &endpoint, env),
            None => network::not_checked(unknown),
        };
        let problems = chain.as_ref().map(|chain| identity::rules(chain, &source, now, None));
        let stands_in_the_way = files
            .iter()
            .chain(std::iter::once(&clock))
            .chain(problems.iter().flatten())
            .chain(&way)
            .chain(&checks)
            .find(|check| check.verdict == Verdict::Bad)
            .map(|check| check.id);
        let wanted = request.session_duration;
        let Asked { checks: asked, accepted } = match (network, identity, stands_in_the_way) {
            (Network::Not(why), _, _) => Asked::not(why),
            (Network::Until(_), _, Some(id)) => Asked::not(&format!("the check '{id}' failed")),
            (Network::Until(_), None, None) => {
                Asked::not("the private key needs a password that nobody gave")
            }
            (Network::Until(end), Some(identity), None) => match self.call(settings, session, end) {
                Ok(call) => call.made(identity, end),
                Err(failure) => {
                    Asked { checks: vec![lines::failed("create-session", &failure)], accepted: None }
                }
            },
        };
        checks.extend(files);
        checks.push(clock);
        let chain = chain.as_ref();
        checks.extend(chain.iter().flat_map(|chain| identity::rules(chain, &source, now, accepted)));
        let end_entity = chain.map(|chain| &chain.end_entity);
        checks.extend(lists.iter().map(|list| revocation_list(list, now)));
        checks.push(lengths::wanted(wanted, end_entity, now));
        checks.push(network::endpoint(&endpoint, &request.region));
        checks.extend(way.into_iter().map(|check| after(check, accepted)));
        checks.extend(cache);
        checks.extend(asked);
        checks
    }

    /// Begins to follow the way to the endpoint, in a thread of its own.
    fn follow(&self, settings: &Settings, session: &SessionSettings) -> Option<Receiver<Probe>> {
        let transport = settings.transport(self.invocation.env).ok()?;
        let endpoint = session.endpoint.clone();
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            if let Ok(probe) = block_on(probe::probe(&endpoint, &transport)) {
                // Nobody waits any more where it took too long.
                let _ = sender.send(probe);
            }
        });
        Some(receiver)
    }

    /// Prepares the one request for a session.
    fn call(
        &self,
        settings: &Settings,
        session: SessionSettings,
        end: Instant,
    ) -> Result<Call, AnyDiagnostic> {
        let SessionSettings { request, endpoint, second_hop, scopes, transport, .. } = session;
        // Beside an endpoint of one's own, such as the simulator's, STS of AWS knows nothing of the session.
        let is_of_aws = settings.given("endpoint").is_none() || explain::is_aws(endpoint.host());
        let sts = if is_of_aws || settings.given("sts-endpoint").is_some() {
            Some(settings.sts_endpoint(&request)?)
        } else {
            None
        };
        let deadline = end.saturating_duration_since(Instant::now());
        Ok(Call { request, endpoint, second_hop, scopes, transport, sts, deadline })
    }

    fn cache(&self, settings: &Settings, session: &SessionSettings, has_key: bool) -> Check {
        let env = self.invocation.env;
        if settings.boolean("no-verify-ssl") {
            return Check::good("cache", "none: what comes from a server that nobody verified is not kept");
        }
        let lender = has_key.then(|| file_key_lender(session.identity.clone(), env.clone()));
        match Namespace::from_environment(env) {
            Ok(namespace) => {
                let keeping = Keeping::look(session.cache, namespace, StateLocation::resolve(env), lender);
                keeping.check(session.cache)
            }
            Err(error) => Check::failed("cache", &error),
        }
    }

    /// Tells of a refusal that keeps the next calls from asking.
    fn back_off(&self, settings: &Settings) -> Option<Check> {
        let lenient = self.invocation.called_as == CalledAs::OfficialHelper;
        let session = settings.session(self.invocation.env, lenient).ok()?;
        if session.cache == CacheChoice::None {
            return None;
        }
        let failure = provider::provider(session, self.invocation.env).ok()?.last_failure().ok()??;
        let now = SystemClock.now();
        let next =
            failure.next_try_beside(crate::cache::failure::Fallback::Nothing).filter(|next| *next > now)?;
        let name = self.name.map(|name| format!(" {name}")).unwrap_or_default();
        let cure = match self.name {
            Some(_) => {
                format!("once the cause is cured, anyrole cache clear{name} lets the next call ask at once")
            }
            None => String::from(
                "once the cause is cured, one call with --no-cache lets the next ones ask at once",
            ),
        };
        Some(Check::doubtful(
            "back-off",
            format!(
                "AWS refused a call at {} [{}]: the next one asks again {}",
                failure.at,
                failure.report.id,
                next.distance_from(now)
            ),
            cure,
        ))
    }
}

/// Checks the ARNs against one another and the endpoint.
fn arns(session: &SessionSettings) -> Check {
    const ID: &str = "session";
    let request = &session.request;
    match explain::contradictions(request, &session.endpoint).into_iter().next() {
        Some(cause) => Check::bad(ID, cause.what, cause.next),
        None => {
            let account = request.trust_anchor_arn.arn().account();
            let second =
                session.second_hop.as_ref().map(|hop| format!(", and from it {}", hop.request.role_arn));
            Check::good(
                ID,
                format!(
                    "{} by a trust anchor and a profile of account {account} in {}{}",
                    request.role_arn,
                    request.region,
                    second.unwrap_or_default()
                ),
            )
        }
    }
}

/// What a session proves needs no further doubt.
fn after(check: Check, accepted: Option<bool>) -> Check {
    if accepted == Some(true) && check.verdict == Verdict::Doubtful {
        return Check::good(check.id, format!("{}; but CreateSession is answered", check.text));
    }
    check
}

/// Checks the list of the PKI that the certificate lies in.
fn revocation_list(list: &lists::Watched, now: Timestamp) -> Check {
    const ID: &str = "revocation-list";
    let told = list.line(now);
    if list.revokes() == Some(true) {
        return Check::bad(ID, told, "issue a new certificate: anyrole pki issue NAME --replace");
    }
    if list.is_good(now) {
        return Check::good(ID, told);
    }
    Check::doubtful(ID, told, "make a new one with anyrole pki crl, and give it to AWS as that says")
}
