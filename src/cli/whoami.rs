//! `whoami`: asks STS for the identity behind the credentials of a session.

use std::fmt::Write as _;

use serde::Serialize;

use super::args::{Needs, Spec, Words};
use super::report::Failure;
use super::settings::table::{Group, Kind, Setting};
use super::{CalledAs, Invocation, output, provider};
use crate::clock::SystemClock;
use crate::http::Limits;
use crate::http::runtime::block_on;
use crate::provider::MinimumRemaining;
use crate::sts::{CallerIdentity, Sts};
use crate::text::printable;

const JSON: Setting = Setting::flag("json", Kind::Boolean, "print JSON for programs");

/// `anyrole whoami`.
pub(super) const SPEC: Spec = Spec {
    name: "whoami",
    about: "Asks STS which identity the session's credentials belong to.",
    words: Words::Session,
    groups: Group::ALL,
    flags: &[JSON],
    more: "\
GetCallerIdentity needs no permission, so an answer proves that the credentials work.
Exit status: 0 AWS answered, 1 there are no credentials or STS refused them.
",
    needs: Needs::Everything,
    run,
};

#[derive(Serialize)]
struct Document<'a> {
    account: &'a str,
    arn: &'a str,
    user_id: &'a str,
    /// How this session is narrowed; STS does not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    expiration: String,
    sts_endpoint: String,
}

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let lenient = invocation.called_as == CalledAs::OfficialHelper;
    let settings = invocation.settings()?;
    let session = settings.session(invocation.env, lenient)?;
    let endpoint = settings.sts_endpoint(&session.request)?;
    let region = session.request.region.clone();
    let limits: Limits = session.limits;
    let transport = settings.transport(invocation.env)?;
    let entry = provider::session(session, invocation.name(), invocation.env, MinimumRemaining::Window)?;
    let sts = Sts {
        transport: &crate::http::NativeTransport::new(transport),
        endpoint: &endpoint,
        region: &region,
        limits,
        clock: &SystemClock,
        clock_offset: 0,
    };
    let CallerIdentity { account, arn, user_id } =
        block_on(sts.caller_identity(&entry.credential_set.credentials))??;
    let document = Document {
        account: &account,
        arn: arn.as_str(),
        user_id: &user_id,
        scope: entry.scope.as_deref(),
        expiration: entry.expiration().to_string(),
        sts_endpoint: endpoint.to_string(),
    };
    let written = if invocation.has(&JSON) {
        output::write_json("whoami", &document)
    } else {
        output::write(document.render().as_bytes())
    };
    written.map_err(Failure::output)
}

impl Document<'_> {
    fn render(&self) -> String {
        let Self { account, arn, user_id, scope, expiration, sts_endpoint } = self;
        let mut text = String::new();
        for (name, value) in [
            ("account", Some(*account)),
            ("arn", Some(*arn)),
            ("user id", Some(printable(user_id).as_str())),
            ("narrowed", scope.map(printable).as_deref()),
            ("expires", Some(expiration)),
            ("told by", Some(sts_endpoint)),
        ] {
            if let Some(value) = value {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{name:<8} {value}");
            }
        }
        text
    }
}
