//! Candidate certificates: where the chain built from them ends, and why the others are not part of it.

use crate::clock::Timestamp;
use crate::text::quoted;
use crate::x509::Certificate;

/// Describes where a chain ends, `last` being its last certificate: `'CN=build-17', issued by 'CN=TEST issuing'`.
pub fn end(last: &Certificate) -> String {
    format!("{}, issued by {}", quoted(last.subject_name()), quoted(last.issuer_name()))
}

/// Describes why `other` is not part of a chain, end entity first: it issued none of its certificates, by name or by
/// key; and whether it has expired.
pub fn reason<'a>(
    other: &Certificate,
    chain: impl IntoIterator<Item = &'a Certificate>,
    now: Timestamp,
) -> String {
    let named = chain.into_iter().find(|one| one.issuer_name() == other.subject_name());
    let mut reason = match named {
        Some(one) if other.issued(one) => {
            format!("it issued {}, as another does", quoted(one.subject_name()))
        }
        Some(one) => format!("its key does not verify the signature of {}", quoted(one.subject_name())),
        None => String::from("no certificate of the chain is issued by it"),
    };
    if now > other.not_after() {
        reason.push_str(&format!("; it expired at {}", other.not_after()));
    }
    reason
}
