//! `doctor --facts`: the session whose certificate and ARNs are laid beside what the account has.

use std::path::Path;

use super::super::settings::{self, Settings};
use super::super::{CalledAs, Invocation};
use super::{SPEC, Sessions, lines, sessions};
use crate::clock::{Clock as _, SystemClock};
use crate::doctor::Check;
use crate::doctor::facts::{Presented, checks};
use crate::identity;

const FACTS: &str = "facts";

/// Returns the checks of the answers in a folder.
pub(super) fn of(invocation: &Invocation<'_>, folder: &str) -> Vec<Check> {
    let Ok(config) = settings::config(&invocation.typed, invocation.env) else {
        return vec![Check::not_checked(FACTS, "the configuration cannot be read")];
    };
    let name = match sessions(invocation, &config) {
        Sessions::One(name) => name,
        Sessions::Several(names) => {
            let check = Check::not_checked(FACTS, "several sessions are configured, and none is named");
            let hint = names.first().map(|name| format!("anyrole doctor {name} --facts {folder}"));
            return vec![Check { hint, ..check }];
        }
        Sessions::None => return vec![Check::not_checked(FACTS, "no session is configured")],
    };
    let env = invocation.env;
    let lenient = invocation.called_as == CalledAs::OfficialHelper;
    let session = Settings::of_config(&config, &invocation.typed, name, env, SPEC.groups)
        .and_then(|settings| settings.session(env, lenient));
    let session = match session {
        Ok(session) => session,
        Err(failure) => return vec![lines::failed(FACTS, &failure)],
    };
    let chain = identity::load_chain(&session.identity.unattended(), env).ok();
    let presented = Presented { chain: chain.as_ref(), request: &session.request, now: SystemClock.now() };
    checks(Path::new(folder), &presented)
}
