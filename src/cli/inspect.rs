//! `inspect`: what would be presented to AWS, and what is wrong with it.

use serde::Serialize;

use super::args::{Needs, Spec, Words};
use super::report::Failure;
use super::settings::table::{Group, Kind, Setting};
use super::{CalledAs, Invocation, output};
use crate::clock::{Clock as _, SystemClock};
use crate::diagnostic::Diagnostic as _;
use crate::identity::{self, Input};
use crate::inspect::{Report, TokenReport};

const JSON: Setting = Setting::flag("json", Kind::Boolean, "print JSON for programs");

/// `anyrole inspect`.
pub(super) const SPEC: Spec = Spec {
    name: "inspect",
    about: "Shows the certificate, key and chain that would be presented.",
    words: Words::Session,
    groups: &[Group::Identity, Group::Program],
    flags: &[JSON],
    more: "\
Sends nothing. Without a private key, only the certificates are checked.
Where --certificate is a PKCS#11 URI that means several certificates, they
are listed, each with the URI that means it alone.

Exit status: 0 AWS would find nothing wrong, 1 AWS would refuse; each reason is shown.
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let lenient = invocation.called_as == CalledAs::OfficialHelper;
    let settings = invocation.settings()?;
    settings.check_arns()?;
    let source = settings.identity(invocation.env, lenient)?;
    let now = SystemClock.now();
    // Where a URI means several certificates and no key says which, they are what is asked for.
    if let (Input::Pkcs11Uri(object), None) = (&source.certificate, &source.private_key) {
        let found = identity::list_token(object, &source.selection, invocation.env)?;
        if found.len() > 1 && !source.selection.latest {
            return write(invocation, &TokenReport::new(&found, now));
        }
    }
    let report = match identity::load(&source, invocation.env) {
        Ok(identity) => Report::of_identity(&identity, now),
        Err(error) if source.private_key.is_none() && error.id() == "private-key-missing" => {
            let chain = identity::load_chain(&source, invocation.env)?;
            Report::of_chain(&chain, source.certificate.to_string(), now)
        }
        Err(error) => return Err(error.into()),
    };
    write(invocation, &report)?;
    if report.usable { Ok(()) } else { Err(Failure::Negative) }
}

fn write<T: Serialize + ToString>(invocation: &Invocation<'_>, report: &T) -> Result<(), Failure> {
    let written = if invocation.has(&JSON) {
        output::write_json("inspect", report)
    } else {
        output::write_lines(&report.to_string())
    };
    written.map_err(Failure::output)
}
