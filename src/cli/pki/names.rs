//! The names for a certificate, as given on the command line.

use pki_test::distinguished_name::DistinguishedName;
use pki_test::end_entity::SubjectAlternativeName;

use crate::cli::Invocation;
use crate::cli::settings::table::{Kind, Setting};
use crate::pki::{self, PkiError};

pub(super) const SUBJECT: Setting =
    Setting::flag("subject", Kind::Text("DN"), "subject name [default: CN=NAME]");
pub(super) const DNS: Setting = Setting::flag("dns", Kind::List("NAME"), "a DNS name; may be given again");
pub(super) const URI: Setting =
    Setting::flag("uri", Kind::List("URI"), "a URI, such as a SPIFFE ID; may be given again");

/// Returns the subject name that was given, else the name as the common name.
pub(super) fn subject(invocation: &Invocation<'_>, name: &str) -> Result<DistinguishedName, PkiError> {
    let typed = invocation.typed.flag(SUBJECT.name);
    let subject = match typed {
        Some(text) => text.parse(),
        None => DistinguishedName::common_name(name),
    };
    subject.map_err(|source| PkiError::Subject { subject: typed.unwrap_or(name).to_owned(), source })
}

/// Returns the alternative names that were given, checked.
pub(super) fn alternative_names(
    invocation: &Invocation<'_>,
) -> Result<Vec<SubjectAlternativeName>, PkiError> {
    let dns = invocation.typed.texts(DNS.name).map(pki::dns_name);
    dns.chain(invocation.typed.texts(URI.name).map(pki::uri)).collect()
}

/// The kinds of alternative names that can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// DNS names.
    Dns,
    /// URIs.
    Uri,
}

impl Given {
    /// Returns whether a name is of this kind.
    pub(super) const fn includes(self, name: &SubjectAlternativeName) -> bool {
        match name {
            SubjectAlternativeName::Dns(_) => matches!(self, Self::Dns),
            SubjectAlternativeName::Uri(_) => matches!(self, Self::Uri),
            SubjectAlternativeName::DirectoryName(_) | SubjectAlternativeName::IpAddress(_) => false,
        }
    }
}

/// Replaces all names of the same kind by those that were given, and returns the kinds; DNS names stay in front.
pub(super) fn replace_given(
    invocation: &Invocation<'_>,
    kept: &mut Vec<SubjectAlternativeName>,
) -> Result<Vec<Given>, PkiError> {
    let typed = |(flag, _): &(&Setting, Given)| invocation.typed.flag(flag.name).is_some();
    let given = [(&DNS, Given::Dns), (&URI, Given::Uri)].into_iter().filter(typed);
    let given: Vec<_> = given.map(|(_, kind)| kind).collect();
    kept.retain(|name| !given.iter().any(|kind| kind.includes(name)));
    kept.extend(alternative_names(invocation)?);
    kept.sort_by_key(|name| match name {
        SubjectAlternativeName::Dns(_) => 0,
        SubjectAlternativeName::Uri(_) => 1,
        SubjectAlternativeName::DirectoryName(_) | SubjectAlternativeName::IpAddress(_) => 2,
    });
    Ok(given)
}
