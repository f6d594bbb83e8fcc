//! `read-certificate-data`: the facts of one certificate, or of each in a folder, as the official helper prints them.

use super::args::{Needs, Spec, Words};
use super::report::Failure;
use super::settings::table::Group;
use super::{Invocation, output};
use crate::identity;
use crate::inspect;

/// `anyrole read-certificate-data`.
pub(super) const SPEC: Spec = Spec {
    name: "read-certificate-data",
    about: "Prints one certificate's facts, as the official helper does.",
    words: Words::None,
    groups: &[Group::Identity, Group::Program],
    flags: &[],
    more: "\
Of a folder it lists the certificates, or those that --cert-selector matches.
anyrole inspect tells more, and tells what AWS would refuse.
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let source = invocation.settings()?.identity(invocation.env, false)?;
    let text = if source.certificate.holds_many() {
        inspect::matching_identities(&identity::load_matching(&source, invocation.env)?)
    } else {
        inspect::read_certificate_data(&identity::load_chain(&source, invocation.env)?.end_entity)
    };
    output::write(text.as_bytes()).map_err(Failure::output)
}
