//! `audit trust`: whom trust policies admit, Roles Anywhere's above all.

use super::super::Invocation;
use super::super::args::{Needs, Spec, Words};
use super::super::report::Failure;
use super::super::settings::table::{Kind, Setting};
use super::policy::{FAIL_ON, JSON, run};
use crate::audit::policy::Subject;
use crate::identity::{self, IdentitySource, Input};

const CERTIFICATE: Setting =
    Setting::flag("certificate", Kind::Text("INPUT"), "a certificate: is it admitted, and which others are?");

/// `anyrole audit trust`.
pub(in super::super) const SPEC: Spec = Spec {
    name: "audit trust",
    about: "Finds what is wrong with trust policies, and whom they admit.",
    words: Words::Paths,
    groups: &[],
    flags: &[CERTIFICATE, FAIL_ON, JSON],
    more: "\
PATH is as with anyrole audit policy: files with aws iam get-role, templates of
CloudFormation, Terraform, plans. Profiles of Roles Anywhere among them (aws
rolesanywhere get-profile, templates) are laid beside the roles that they list:
attribute mappings, session policies, trusted identity propagation.

With --certificate each trust policy that names Roles Anywhere says whether the
certificate would get the role, and in words which others would. The trust anchor
is taken to be the one that the policy names. anyrole doctor --facts asks more of
one session: chain, revocation, profile.

  aws iam get-role --role-name build | anyrole audit trust -
  anyrole audit trust --certificate build-17.pem infrastructure/

Exit status: 0 nothing found, 1 found or the certificate is not admitted, 2 a file
could not be read or holds no trust policy, or the command line is wrong.
",
    needs: Needs::Everything,
    run: |invocation| {
        let chain = match invocation.typed.flag(CERTIFICATE.name) {
            None => None,
            Some(text) => Some(chain(text, invocation)?),
        };
        run(invocation, Subject::Trust, chain.as_ref().map(|chain| &chain.end_entity))
    },
};

fn chain(text: &str, invocation: &Invocation<'_>) -> Result<crate::x509::Chain, Failure> {
    let input = match Input::parse(text)? {
        Input::Path(path) => Input::file_named_by(&*path, "--certificate"),
        other @ (Input::Descriptor(_)
        | Input::Pkcs11Uri(_)
        | Input::StandardInput
        | Input::TpmHandle(_)
        | Input::Variable(_)) => other,
    };
    Ok(identity::load_chain(&IdentitySource::of_certificates(input), invocation.env)?)
}
