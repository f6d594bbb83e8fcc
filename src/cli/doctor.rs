//! `doctor`: every check between this host and a session, in the order in which a call meets them.

mod asked;
mod facts;
mod lines;
mod render;
mod session;
mod support_file;

use std::time::{Duration, Instant};

use serde::Serialize;

use super::args::{Needs, Spec, Typed, Words};
use super::report::Failure;
use super::settings::Settings;
use super::settings::table::{Group, Kind, Setting};
use super::{Invocation, output, settings};
use crate::config::Config;
use crate::doctor::{Check, aws, cause};
use session::{Network, Session};

const JSON: Setting = Setting::flag("json", Kind::Boolean, "print JSON");
const OFFLINE: Setting = Setting::flag("offline", Kind::Boolean, "send nothing, and ask no name server");
const REPORT: Setting = Setting::flag(
    "report",
    Kind::Text("FILE"),
    "write what was found into a new file for support, without secrets",
);

const FACTS: Setting = Setting::flag(
    "facts",
    Kind::Text("FOLDER"),
    "lay what the account has beside it: answers of the AWS CLI, which it prints commands for",
);

/// The time for everything that crosses the network: with the rest, half a minute is kept.
const NETWORK: Duration = Duration::from_secs(26);

/// `anyrole doctor`.
pub(super) const SPEC: Spec = Spec {
    name: "doctor",
    about: "Checks everything between this host and a session, and names the cause of a failure.",
    words: Words::Session,
    groups: Group::ALL,
    flags: &[JSON, OFFLINE, FACTS, REPORT],
    more: "\
Looks at each setting and where it comes from, at certificate, key and chain, the clock, the way to
AWS, the cache, and AWS's own files and variables; then asks for one session and who it is.
Nothing is written or kept, and it ends within half a minute:
  anyrole doctor deploy
  anyrole doctor --offline
  anyrole doctor deploy --report doctor.json

--facts predicts what AWS would say, and sends nothing for it: with an empty folder it prints the five
read-only commands to fill it (get-trust-anchor, list-crls, get-profile, get-role, get-subject) and the
permissions they need; then it tells whether the chain ends at that anchor, whether a list revokes it,
which session tags STS sees, and what each condition of the trust policy says of them:
  anyrole doctor deploy --offline --facts facts

Each check is good, doubtful (it works, and may fail or surprise later), bad or not checked. The
first bad one is the cause, and comes last, with what cures it. Without a NAME it is the session of
the flags, variables and [defaults]; where they describe none, every session of the config file, and
nothing is sent.

Exit status: 0 nothing is bad, 1 something is.
",
    needs: Needs::Everything,
    run,
};

#[derive(Serialize)]
struct Document<'a> {
    checks: &'a [Check],
    cause: Option<&'a Check>,
}

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let mut checks = of_this_host(invocation);
    checks.extend(further(invocation)?);
    let cause = cause(&checks);
    if let Some(path) = invocation.typed.flag(REPORT.name) {
        support_file::write(path, &checks, invocation)?;
    }
    let written = if invocation.has(&JSON) {
        output::write_json("doctor", &Document { checks: &checks, cause })
    } else {
        output::write_lines(&render::render(&checks, output::style(invocation.env)))
    };
    written.map_err(Failure::output)?;
    if cause.is_none() { Ok(()) } else { Err(Failure::Negative) }
}

/// The checks of this host, in the order in which a call meets them.
fn of_this_host(invocation: &Invocation<'_>) -> Vec<Check> {
    let end = Instant::now() + NETWORK;
    let config = match settings::config(&invocation.typed, invocation.env) {
        Ok(config) => config,
        Err(failure) => {
            let mut checks = vec![lines::failed("configuration", &failure)];
            checks.push(Check::not_checked("session", "the configuration cannot be read"));
            checks.extend(of_aws(invocation, None));
            return checks;
        }
    };
    let mut checks = vec![configuration(&config)];
    let network = if invocation.has(&OFFLINE) { Network::Not("--offline") } else { Network::Until(end) };
    let several =
        Network::Not("nothing is sent for several sessions at once: anyrole doctor NAME asks for one");
    let session = |typed, name| Session { invocation, config: &config, typed, name };
    let titled = |title: &str, checks: Vec<Check>| {
        let titled = |check: Check| Check { text: format!("{title}: {}", check.text), ..check };
        checks.into_iter().map(titled).collect::<Vec<_>>()
    };
    let described = described(invocation);
    match sessions(invocation, &config) {
        Sessions::One(Some(name))
            if config.session(name).is_none() && of_profile(&described, name).is_some() =>
        {
            let typed = of_profile(&described, name).unwrap_or(&invocation.typed);
            checks.extend(session(typed, None).checks(network));
        }
        Sessions::One(name) => checks.extend(session(&invocation.typed, name).checks(network)),
        Sessions::Several(names) => {
            for name in names {
                checks.extend(titled(name, session(&invocation.typed, Some(name)).checks(several)));
            }
        }
        Sessions::None => match described.as_slice() {
            [] => checks.push(nothing_configured()),
            [(_, typed)] => checks.extend(session(typed, None).checks(network)),
            described => {
                for (profile, typed) in described {
                    checks.extend(titled(&format!("[{profile}]"), session(typed, None).checks(several)));
                }
            }
        },
    }
    checks.extend(of_aws(invocation, invocation.name().filter(|name| config.session(name).is_some())));
    checks
}

/// Returns the sessions that lines of `credential_process` describe by flags, as a helper that was replaced had them.
fn described(invocation: &Invocation<'_>) -> Vec<(String, Typed)> {
    let judge = |_: &[String]| None;
    let lines = aws::CommandLines { judge: &judge, session: &lines::session };
    let found = aws::described(&lines, invocation.env).into_iter();
    found.filter_map(|(profile, arguments)| Some((profile, lines::typed(&arguments)?))).collect()
}

fn of_profile<'a>(described: &'a [(String, Typed)], name: &str) -> Option<&'a Typed> {
    described.iter().find(|(profile, _)| profile == name).map(|(_, typed)| typed)
}

/// The groups that a flag asks for, after those of the host: each is one line here.
fn further(invocation: &Invocation<'_>) -> Result<Vec<Check>, Failure> {
    Ok(invocation.typed.flag(FACTS.name).map_or_else(Vec::new, |folder| facts::of(invocation, folder)))
}

/// Which sessions are looked at.
enum Sessions<'a> {
    None,
    /// By its name, or that of the flags, variables and `[defaults]`.
    One(Option<&'a str>),
    Several(Vec<&'a str>),
}

fn sessions<'a>(invocation: &'a Invocation<'_>, config: &'a Config) -> Sessions<'a> {
    if let Some(name) = invocation.name() {
        return Sessions::One(Some(name));
    }
    let names: Vec<&str> = config.session_names().collect();
    let settings = Settings::of_config(config, &invocation.typed, None, invocation.env, SPEC.groups);
    match (settings, names.is_empty()) {
        // What is wrong with the settings is told as of that session.
        (Err(_), _) => Sessions::One(None),
        (Ok(settings), true) if settings.describe_a_session() => Sessions::One(None),
        (Ok(_), true) => Sessions::None,
        // [defaults] may say for all sessions what certificate they have, and describe none.
        (Ok(settings), false) if settings.given("role-arn").is_some() => Sessions::One(None),
        (Ok(_), false) => Sessions::Several(names),
    }
}

fn configuration(config: &Config) -> Check {
    let files: Vec<String> =
        config.files().iter().map(|file| crate::text::quoted(&file.to_string_lossy())).collect();
    let mut text = match files.as_slice() {
        [] => String::from("there is no config file"),
        files => format!("{} can be read, and only root and this user can change it", files.join(", ")),
    };
    for told in config.passed_over() {
        text.push_str(&format!("; {told}"));
    }
    Check::good("configuration", text)
}

/// Tells where to begin.
fn nothing_configured() -> Check {
    Check::bad(
        "session",
        "nothing is configured here: neither a config file, nor a variable, nor a flag describes a session",
        "anyrole configure NAME writes one, from a certificate and three ARNs; anyrole demo shows all of it without AWS",
    )
}

fn of_aws(invocation: &Invocation<'_>, wanted: Option<&str>) -> Vec<Check> {
    let judge = |arguments: &[String]| super::configure::wrong(arguments, &invocation.typed, invocation.env);
    let lines = aws::CommandLines { judge: &judge, session: &lines::session };
    aws::checks(wanted, &lines, invocation.env)
}
