//! `read-certificate-data`: the facts of one certificate, as the official helper prints them.

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
    more: "anyrole inspect tells more, and tells what AWS would refuse.\n",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let settings = invocation.settings()?;
    let certificate = settings.required("certificate")?.input(invocation.env)?;
    let password = settings.password(invocation.env)?;
    let chain = identity::load_chain(&certificate, None, &password, invocation.env)?;
    let text = inspect::read_certificate_data(&chain.end_entity);
    output::write(text.as_bytes()).map_err(Failure::output)
}
