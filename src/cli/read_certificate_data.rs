//! `read-certificate-data`: the facts of one certificate, or of each in a folder or on a token, as the official helper prints them.

use super::args::{Needs, Spec, Words};
use super::report::Failure;
use super::settings::table::Group;
use super::{Invocation, output};
use crate::identity::{self, IdentityError, Input};
use crate::inspect;
use crate::signer::pkcs11::Pkcs11Error;

/// `anyrole read-certificate-data`.
pub(super) const SPEC: Spec = Spec {
    name: "read-certificate-data",
    about: "Prints one certificate's facts, as the official helper does.",
    words: Words::None,
    groups: &[Group::Identity, Group::Program],
    flags: &[],
    more: "\
Of a folder it lists the certificates, or those that --cert-selector matches; of a PKCS#11 URI those
that the URI means, each with the URI that means it alone. anyrole inspect tells more, and tells what
AWS would refuse.
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let source = invocation.settings()?.identity(invocation.env, false)?;
    let text = if let Input::Pkcs11Uri(object) = &source.certificate {
        let found = match identity::list_token(object, &source.selection, invocation.env) {
            Ok(found) => found,
            // For the official helper that is an answer.
            Err(IdentityError::Pkcs11(error)) if matches!(*error, Pkcs11Error::NotFound { .. }) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let found: Vec<_> = found.into_iter().map(|(certificate, uri)| (certificate, Some(uri))).collect();
        inspect::matching_identities(&found, "URI")
    } else if source.certificate.holds_many() {
        inspect::matching_identities(&identity::load_matching(&source, invocation.env)?, "File")
    } else {
        inspect::read_certificate_data(&identity::load_chain(&source, invocation.env)?.end_entity)
    };
    output::write(text.as_bytes()).map_err(Failure::output)
}
