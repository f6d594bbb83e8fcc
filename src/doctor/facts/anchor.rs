//! The trust anchor: whether the chain ends at it, and whether a revocation list names a certificate of the chain.

use super::commands::Commands;
use super::model::{Crl, TrustAnchor};
use super::read::{self, Facts};
use super::{Presented, same_arn};
use crate::clock::Timestamp;
use crate::doctor::Check;
use crate::text::quoted;
use crate::x509::{Certificate, Chain, pem};

const ANCHOR: &str = "trust-anchor";
const CHAIN: &str = "trust-anchor-chain";
const REVOCATION: &str = "revocation";
const DISTRIBUTION: &str = "crl-distribution-points";

/// Finds the trust anchor that the session names, and says how it stands.
pub(super) fn found<'a>(
    facts: &'a Facts,
    presented: &Presented<'_>,
    commands: &Commands<'_>,
) -> (Check, Option<&'a TrustAnchor>) {
    let wanted = &presented.request.trust_anchor_arn;
    let anchor = facts
        .trust_anchors
        .iter()
        .find(|anchor| same_arn(wanted.arn(), &anchor.trust_anchor_arn, anchor.alias_arn.as_deref()));
    let Some(anchor) = anchor else {
        let why = match facts.trust_anchors.first() {
            None => String::from("no answer of get-trust-anchor is in the folder"),
            Some(other) => format!(
                "the folder has the trust anchor {}, and the session names {wanted}",
                other.trust_anchor_arn
            ),
        };
        return (super::missing(ANCHOR, why, commands.trust_anchor()), None);
    };
    let name = super::named(anchor.name.as_deref(), &anchor.trust_anchor_arn);
    let check = if anchor.enabled == Some(false) {
        Check::bad(
            ANCHOR,
            format!("the trust anchor {name} is disabled"),
            format!(
                "aws rolesanywhere enable-trust-anchor --trust-anchor-id {} --region {}",
                wanted.arn().identifier(),
                presented.request.region
            ),
        )
    } else {
        Check::good(
            ANCHOR,
            format!(
                "the trust anchor {name} is enabled{}",
                super::by_alias(wanted.arn(), anchor.alias_arn.as_deref())
            ),
        )
    };
    (check, Some(anchor))
}

/// Checks that the chain ends at one of the anchor's certificates.
pub(super) fn chain(
    anchor: &TrustAnchor,
    facts: &Facts,
    presented: &Presented<'_>,
    commands: &Commands<'_>,
) -> Check {
    let Some(chain) = presented.chain else {
        return Check::not_checked(CHAIN, "the certificate cannot be read");
    };
    let certificates = match certificates_of(anchor, facts, commands) {
        Ok(certificates) => certificates,
        Err(check) => return *check,
    };
    let path: Vec<&Certificate> = std::iter::once(&chain.end_entity).chain(&chain.intermediates).collect();
    let end = path
        .iter()
        .enumerate()
        .find_map(|(index, one)| certificates.iter().find(|ca| ca.issued(one)).map(|ca| (index, ca)));
    match end {
        Some((index, authority)) => reached(&path[..=index], authority, presented.now),
        None => not_reached(&path, &certificates),
    }
}

/// Returns the CA certificates of an anchor: those in the answer, or that of AWS Private CA from a file of its own.
fn certificates_of(
    anchor: &TrustAnchor,
    facts: &Facts,
    commands: &Commands<'_>,
) -> Result<Vec<Certificate>, Box<Check>> {
    let source = anchor.source.as_ref();
    let data = source.and_then(|source| source.source_data.clone()).unwrap_or_default();
    let inner = |text: &str| {
        let blocks = pem::read(text.as_bytes()).map_err(|error| error.to_string())?;
        let certificates = blocks.iter().filter_map(Certificate::of_block);
        certificates.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())
    };
    match (data.x509_certificate_data, data.acm_pca_arn) {
        (Some(text), _) => inner(&text).map_err(|why| {
            Box::new(Check::bad(
                CHAIN,
                format!("the certificate of the trust anchor cannot be read: {why}"),
                "run get-trust-anchor again, without --query",
            ))
        }),
        (None, Some(arn)) if facts.certificates.is_empty() => {
            let kind = source.and_then(|source| source.source_type.as_deref()).unwrap_or("AWS_ACM_PCA");
            let command = format!(
                "aws acm-pca get-certificate-authority-certificate --certificate-authority-arn {arn} --output json > {}",
                crate::private_file::shell_word(&commands.folder.join("ca.json"))
            );
            Err(Box::new(super::missing(
                CHAIN,
                format!(
                    "the trust anchor is a CA of AWS Private CA ({kind}), whose certificate is not in the answer"
                ),
                command,
            )))
        }
        (None, Some(_)) => Ok(facts.certificates.clone()),
        (None, None) => Err(Box::new(Check::not_checked(
            CHAIN,
            "the answer of get-trust-anchor has no certificate: it was cut, perhaps by --query",
        ))),
    }
}

fn reached(path: &[&Certificate], authority: &Certificate, now: Timestamp) -> Check {
    let name = quoted(authority.subject_name());
    if authority.not_after() < now {
        return Check::bad(
            CHAIN,
            format!("the CA certificate {name} in the trust anchor expired at {}", authority.not_after()),
            "put the renewed certificate of the CA into the trust anchor (aws rolesanywhere update-trust-anchor)",
        );
    }
    if authority.not_before() > now {
        return Check::bad(
            CHAIN,
            format!(
                "the CA certificate {name} in the trust anchor is not valid before {}",
                authority.not_before()
            ),
            "check this machine's clock",
        );
    }
    let intermediates = path.len() - 1;
    let counted = path.iter().skip(1).filter(|certificate| !certificate.is_self_issued()).count();
    let allowed = authority.path_length().and_then(|length| usize::try_from(length).ok());
    if let Some(allowed) = allowed.filter(|allowed| counted > *allowed) {
        return Check::bad(
            CHAIN,
            format!(
                "the CA {name} in the trust anchor allows {allowed} CAs below it, and the chain has {counted}"
            ),
            "make the CA that issues the trust anchor",
        );
    }
    let through = match intermediates {
        0 => String::from("it issued the certificate itself"),
        1 => String::from("through one intermediate"),
        many => format!("through {many} intermediates"),
    };
    Check::good(CHAIN, format!("the chain ends at {name} in the trust anchor: {through}"))
}

fn not_reached(path: &[&Certificate], certificates: &[Certificate]) -> Check {
    let held: Vec<String> = certificates.iter().map(|one| quoted(one.subject_name())).collect();
    let held = held.join(" and ");
    let same_name = path.iter().find_map(|one| {
        certificates.iter().find(|ca| ca.subject_der() == one.issuer_der()).map(|ca| (one, ca))
    });
    if let Some((one, authority)) = same_name {
        return Check::bad(
            CHAIN,
            format!(
                "the trust anchor's {} has the name of the issuer of {}, and another key: it did not sign it",
                quoted(authority.subject_name()),
                quoted(one.subject_name())
            ),
            "put the certificate of the CA that signs now into the trust anchor, or use a certificate that the old one issued",
        );
    }
    let issuer = quoted(path.last().map_or("", |last| last.issuer_name()));
    Check::bad(
        CHAIN,
        format!("the chain ends at the issuer {issuer}, and the trust anchor holds {held}"),
        format!(
            "if {held} issued {issuer}, give the certificate of {issuer} with --intermediates; else name the trust anchor that holds it"
        ),
    )
}

/// Checks the lists: those that were imported for the anchor, and those that certificates name.
pub(super) fn revocation(
    anchor: Option<&TrustAnchor>,
    facts: &Facts,
    presented: &Presented<'_>,
    commands: &Commands<'_>,
) -> Vec<Check> {
    let Some(chain) = presented.chain else {
        return vec![Check::not_checked(REVOCATION, "the certificate cannot be read")];
    };
    let mut checks = match &facts.crls {
        None => vec![super::missing(
            REVOCATION,
            String::from("no answer of list-crls is in the folder"),
            commands.crls(),
        )],
        Some(crls) => imported(crls, anchor, chain, presented),
    };
    checks.extend(published(anchor, facts, chain, presented.now));
    checks
}

fn imported(
    crls: &[Crl],
    anchor: Option<&TrustAnchor>,
    chain: &Chain,
    presented: &Presented<'_>,
) -> Vec<Check> {
    let wanted = presented.request.trust_anchor_arn.arn();
    let own = anchor.map_or(wanted.as_str(), |anchor| anchor.trust_anchor_arn.as_str());
    let of_anchor: Vec<&Crl> =
        crls.iter().filter(|crl| crl.trust_anchor_arn.as_deref().is_none_or(|arn| arn == own)).collect();
    let mut checks = Vec::new();
    for crl in &of_anchor {
        let name = quoted(crl.name.as_deref().or(crl.crl_arn.as_deref()).unwrap_or_default());
        let list = match crl.crl_data.as_deref().map(read::list) {
            None => continue,
            Some(Ok(list)) => list,
            Some(Err(why)) => {
                checks.push(Check::doubtful(
                    REVOCATION,
                    format!("the imported list {name} cannot be read: {why}"),
                    "run list-crls again with --output json",
                ));
                continue;
            }
        };
        let is_enabled = crl.enabled != Some(false);
        if let Some(revoked) = path(chain).find(|certificate| list.revokes(certificate)) {
            let told = format!(
                "the certificate {} with the serial number {} is in the imported list {name}",
                quoted(revoked.subject_name()),
                revoked.serial_number().hex()
            );
            checks.push(if is_enabled {
                Check::bad(
                    REVOCATION,
                    told,
                    "issue a new certificate with a new key: a revoked one stays revoked",
                )
            } else {
                Check::doubtful(
                    REVOCATION,
                    format!("{told}, which is not enabled: AWS does not look at it"),
                    "enable the list, or delete it; and issue a new certificate",
                )
            });
        } else if let Some(end) = list.next_update().filter(|end| is_enabled && *end < presented.now) {
            checks.push(Check::doubtful(
                REVOCATION,
                format!("the imported list {name} ended at {end}: what was revoked since is not on it"),
                "make a new list, and put it in place with aws rolesanywhere update-crl",
            ));
        }
    }
    if checks.is_empty() {
        checks.push(match of_anchor.len() {
            0 => Check::good(REVOCATION, "no revocation list is imported for this trust anchor"),
            1 => Check::good(REVOCATION, "no certificate of the chain is on the list that was imported for this trust anchor"),
            many => Check::good(REVOCATION, format!("no certificate of the chain is on the {many} lists that were imported for this trust anchor")),
        });
    }
    checks
}

/// What the anchor finds at the URLs in the certificates, as far as lists of the folder show it.
fn published(anchor: Option<&TrustAnchor>, facts: &Facts, chain: &Chain, now: Timestamp) -> Vec<Check> {
    let is_asked = anchor.is_some_and(|anchor| anchor.crl_dp_revocation_enabled == Some(true));
    let mut checks = Vec::new();
    for (file, published) in &facts.lists {
        let file = quoted(&file.file_name().unwrap_or_default().to_string_lossy());
        let Some(certificate) = path(chain).find(|one| published.list.is_for(one)) else { continue };
        if published.list.revokes(certificate) {
            let told =
                format!("the certificate {} is on the list {file}", quoted(certificate.subject_name()));
            let hint = "issue a new certificate with a new key: a revoked one stays revoked";
            checks.push(if is_asked {
                Check::bad(DISTRIBUTION, told, hint)
            } else {
                Check::doubtful(DISTRIBUTION, told, hint)
            });
        } else if let Some(end) = published.list.next_update().filter(|end| *end < now) {
            checks.push(Check::doubtful(
                DISTRIBUTION,
                format!("the list {file} ended at {end}; whether AWS refuses then, it does not say"),
                "publish a new list",
            ));
        } else if published.is_pem {
            checks.push(Check::doubtful(
                DISTRIBUTION,
                format!("the list {file} is in PEM, and a list at a URL is DER (RFC 5280 §4.2.1.13)"),
                "publish it in DER: openssl crl -in LIST -outform DER -out LIST.crl",
            ));
        } else {
            checks.push(Check::good(
                DISTRIBUTION,
                format!("no certificate of the chain is on the list {file}"),
            ));
        }
    }
    if !is_asked || !checks.is_empty() {
        return checks;
    }
    let silent = path(chain).find(|certificate| certificate.crl_urls().is_empty());
    checks.push(match silent {
        Some(certificate) => Check::doubtful(
            DISTRIBUTION,
            format!(
                "the trust anchor asks CRL distribution points, and the certificate {} names none: what AWS does then, it does not say",
                quoted(certificate.subject_name())
            ),
            "issue certificates with the URL of the list in them (anyrole pki issue --crl-url URL)",
        ),
        None => {
            let url = chain.end_entity.crl_urls().first().map_or("", String::as_str);
            let check = Check::not_checked(
                DISTRIBUTION,
                format!("the trust anchor asks the list at {}, which is not fetched here", crate::text::printable(url)),
            );
            let word = crate::private_file::shell_word(std::path::Path::new(url));
            Check { hint: Some(format!("put it beside the five files: curl -sS -o list.crl {word}")), ..check }
        }
    });
    checks
}

fn path(chain: &Chain) -> impl Iterator<Item = &Certificate> {
    std::iter::once(&chain.end_entity).chain(&chain.intermediates)
}
