//! `read-certificate-data`: the facts of one certificate, as the official helper prints them.

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
Of a PKCS#11 URI it lists the certificates that the URI means, each with
the URI that means it alone. anyrole inspect tells more, and tells what
AWS would refuse.
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    let settings = invocation.settings()?;
    let certificate = settings.required("certificate")?.input(invocation.env)?;
    let certificate = settings.on_token(certificate, invocation.env)?;
    if let Input::Pkcs11Uri(object) = &certificate {
        let text = match identity::list_token(object, invocation.env) {
            Ok(found) => inspect::matching_identities(&found),
            // For the official helper that is an answer.
            Err(IdentityError::Pkcs11(error)) if matches!(*error, Pkcs11Error::NotFound { .. }) => {
                inspect::matching_identities(&[])
            }
            Err(error) => return Err(error.into()),
        };
        return output::write(text.as_bytes()).map_err(Failure::output);
    }
    let password = settings.password(invocation.env)?;
    let chain = identity::load_chain(&certificate, None, &password, invocation.env)?;
    let text = inspect::read_certificate_data(&chain.end_entity);
    output::write(text.as_bytes()).map_err(Failure::output)
}
