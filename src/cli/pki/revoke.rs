//! `pki revoke`: revokes certificates, and explains what that does not stop.

use std::fmt::Write as _;

use super::{FOLDER, Trouble, called, folder_flag, until, word};
use crate::cli::args::{Needs, Spec, Words};
use crate::cli::report::Failure;
use crate::cli::settings::table::{Kind, Setting};
use crate::cli::{Invocation, output};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::pki::Folder;
use crate::text::{printable, quoted};

const REASON: Setting = Setting::flag(
    "reason",
    Kind::Word("key-compromise|affiliation-changed|superseded|cessation-of-operation|privilege-withdrawn"),
    "the reason on the revocation list [default: none]",
);

/// `anyrole pki revoke`.
pub(in crate::cli) const SPEC: Spec = Spec {
    name: "pki revoke",
    about: "Revokes every certificate of an identity, or one by its serial number.",
    words: Words::One("NAME|SERIAL"),
    groups: &[],
    flags: &[FOLDER, REASON],
    more: "\
A name means every certificate of that name that has not expired: a renewal leaves the old one valid. A serial number is decimal, or hexadecimal with or without colons.

AWS looks only at revocation lists that were imported, and only when a session is created: run anyrole
pki crl and import the list. Sessions created before that last until they expire.
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    called(invocation, carry_out)
}

fn carry_out(invocation: &Invocation<'_>, folder: &Folder) -> Result<(), Trouble> {
    let now = SystemClock.now();
    let reason = invocation.typed.flag(REASON.name).and_then(|name| name.parse().ok());
    let revoked = folder.revoke(word(invocation), reason, now)?;
    let mut text = String::new();
    for certificate in &revoked {
        let verb = if certificate.already { "was revoked already" } else { "revoked" };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{verb}: {} serial {}, subject {}, {}",
            printable(&certificate.name),
            certificate.serial,
            quoted(&certificate.subject),
            until(certificate.not_after, now)
        );
    }
    let _ = write!(
        text,
        "\n\
         next: AWS knows of it when a new revocation list is imported; new sessions stop then\n  \
         anyrole pki crl{}\n\n\
         Sessions that were issued already live on until they expire, at most 12 hours. To stop those too,\n\
         attach this to each role that the profile names, with the time at which the list was imported.\n\
         It denies every session that is older, of all hosts; the others ask for new ones:\n{}",
        folder_flag(folder),
        deny(now)
    );
    Ok(output::write(text.as_bytes()).map_err(Failure::output)?)
}

/// Returns the IAM policy that denies every session issued before a time.
fn deny(before: Timestamp) -> String {
    format!(
        r#"{{
  "Version": "2012-10-17",
  "Statement": [
    {{
      "Sid": "DenySessionsIssuedBefore",
      "Effect": "Deny",
      "Action": "*",
      "Resource": "*",
      "Condition": {{ "DateLessThan": {{ "aws:TokenIssueTime": "{before}" }} }}
    }}
  ]
}}
"#
    )
}
