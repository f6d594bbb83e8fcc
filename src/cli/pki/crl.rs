//! `pki crl`: the revocation list, in the format that AWS imports.

use std::fmt::Write as _;

use pki_test::revocation::MAX_IMPORT_OCTETS;

use super::{DAY, FOLDER, PASSPHRASE_FILE, Trouble, called, days, passphrase};
use crate::cli::args::{Needs, Spec, Words};
use crate::cli::report::Failure;
use crate::cli::settings::table::{Kind, Setting};
use crate::cli::{Invocation, output};
use crate::clock::{Clock as _, SystemClock};
use crate::pki::{Folder, WrittenList};
use crate::private_file::shell_word;

const DEFAULT_DAYS: u32 = 30;

const DAYS: Setting = Setting::flag("days", Kind::Integer, "days until the next list [default: 30]");

/// `anyrole pki crl`.
pub(in crate::cli) const SPEC: Spec = Spec {
    name: "pki crl",
    about: "Writes the revocation list, in the form that AWS imports.",
    words: Words::None,
    groups: &[],
    flags: &[FOLDER, DAYS, PASSPHRASE_FILE],
    more: "\
Writes ca/crl.pem in the folder: PEM of at most 300,000 bytes, with a higher number each time; and
ca/crl.der, the same list as web servers publish it. Make a new one after each revocation, and before
--days have passed; then import it, or put it where the certificates say (pki init --crl-url).
",
    needs: Needs::Everything,
    run,
};

fn run(invocation: &Invocation<'_>) -> Result<(), Failure> {
    called(invocation, carry_out)
}

fn carry_out(invocation: &Invocation<'_>, folder: &Folder) -> Result<(), Trouble> {
    let lifetime = days(invocation, &DAYS)?.unwrap_or(DAY * DEFAULT_DAYS);
    let passphrase = passphrase(invocation, folder)?;
    let now = SystemClock.now();
    let list = folder.write_revocation_list(lifetime, passphrase.as_ref(), now)?;
    let file = shell_word(&list.file);
    let certificates = if list.certificates == 1 { "certificate" } else { "certificates" };
    let mut text = format!(
        "wrote {file}: number {}, {} {certificates}, {} of {} kB\n  next list by {} ({})\n",
        list.number,
        list.certificates,
        kilobytes(list.octets),
        MAX_IMPORT_OCTETS / 1000,
        list.next_update,
        list.next_update.distance_from(now),
    );
    text.push_str(&published(&list));
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "\n\
         next: import it. Without --enabled AWS does not look at it\n  \
         aws rolesanywhere import-crl --name anyrole-pki --enabled --crl-data fileb://{file} \
         --trust-anchor-arn TRUST_ANCHOR_ARN\n\
         a later list takes its place, since a trust anchor has two at most\n  \
         aws rolesanywhere update-crl --crl-id CRL_ID --crl-data fileb://{file}\n\
         try it without AWS\n  \
         anyrole simulate --trust-anchor {} --crl {file}\n",
        shell_word(&list.issuer)
    );
    if list.by_intermediate {
        text.push_str(
            "\nThis is the list of the intermediate CA, which issues here. AWS does not say that it takes lists of\n\
             CAs below the trust anchor: to be sure, make ca/intermediate.pem the trust anchor, and not the root.\n",
        );
    }
    Ok(output::write(text.as_bytes()).map_err(Failure::output)?)
}

/// Says where the list in DER goes: to the URLs in the certificates, for trust anchors that ask them.
fn published(list: &WrittenList) -> String {
    let der = shell_word(&list.der_file);
    let mut text = format!("wrote {der}: the same in DER, for a web server\n");
    for (file, url) in list
        .urls
        .iter()
        .map(|url| (&list.der_file, url))
        .chain(list.of_root.iter().map(|(file, url)| (file, url)))
    {
        text.push_str(&format!("  put {} at {url}\n", shell_word(file)));
    }
    if list.urls.is_empty() {
        text.push_str("  no certificate names a place for it (pki issue --crl-url URL)\n");
    } else {
        text.push_str(
            "  as application/pkix-crl, where AWS can reach it; the trust anchor asks there once this is done:\n  \
             aws rolesanywhere update-trust-anchor --trust-anchor-id TRUST_ANCHOR_ID --crl-dp-revocation-enabled\n",
        );
    }
    text
}

/// Returns a size in kilobytes, rounded up to a tenth.
fn kilobytes(octets: usize) -> String {
    let tenths = octets.div_ceil(100);
    format!("{}.{}", tenths / 10, tenths % 10)
}
