//! The causes of each kind of refusal, as the trust model of IAM Roles Anywhere has them.

use super::{Cause, Certainty};
use crate::arn::Arn;
use crate::clock::{Timestamp, describe_seconds};
use crate::identity::Identity;
use crate::session::{Refusal, RefusalKind, SessionRequest};
use crate::text::quoted;
use crate::x509::Certificate;

/// The service accepts times that differ by about this many seconds; SigV4's usual window.
const CLOCK_WINDOW: u64 = 300;
/// The most certificates that the chain header may hold.
const LONGEST_CHAIN: usize = 5;
/// A role's longest session, in seconds, unless its owner changed it.
const DEFAULT_ROLE_MAXIMUM: u64 = 3600;

/// Returns every cause that fits, in the order of how often it is the one.
pub(super) fn of(refusal: &Refusal, request: &SessionRequest, identity: &Identity) -> Vec<Cause> {
    let facts = Facts { refusal, request, identity };
    let found = match refusal.kind {
        RefusalKind::AttributesNotMapped => vec![facts.unmapped()],
        RefusalKind::CannotAssumeRole => facts.assume_role(),
        RefusalKind::CertificateRevoked => vec![facts.revoked()],
        RefusalKind::InsufficientCertificate => facts.insufficient(),
        RefusalKind::InvalidProfile => facts.profile(),
        RefusalKind::InvalidRequest => vec![facts.parameter()],
        RefusalKind::InvalidSignature => facts.signature(),
        RefusalKind::Other => facts.other(),
        RefusalKind::RoleNotInProfile => facts.role_in_profile(),
        RefusalKind::SessionNameNotAccepted => vec![facts.session_name()],
        RefusalKind::Throttled => vec![throttled()],
        RefusalKind::TrustAnchorNotFound => facts.trust_anchor(),
        RefusalKind::Unavailable => vec![unavailable()],
        RefusalKind::UntrustedCertificate => facts.untrusted(),
    };
    let time = if may_be_time(refusal.kind) { facts.certificate_time() } else { None };
    time.into_iter().chain(found).collect()
}

/// An expired certificate has no message of its own.
const fn may_be_time(kind: RefusalKind) -> bool {
    match kind {
        RefusalKind::InsufficientCertificate
        | RefusalKind::InvalidSignature
        | RefusalKind::Other
        | RefusalKind::UntrustedCertificate => true,
        RefusalKind::AttributesNotMapped
        | RefusalKind::CannotAssumeRole
        | RefusalKind::CertificateRevoked
        | RefusalKind::InvalidProfile
        | RefusalKind::InvalidRequest
        | RefusalKind::RoleNotInProfile
        | RefusalKind::SessionNameNotAccepted
        | RefusalKind::Throttled
        | RefusalKind::TrustAnchorNotFound
        | RefusalKind::Unavailable => false,
    }
}

struct Facts<'a> {
    refusal: &'a Refusal,
    request: &'a SessionRequest,
    identity: &'a Identity,
}

impl Facts<'_> {
    fn certificate_time(&self) -> Option<Cause> {
        let now = self.refusal.server_time.unwrap_or(self.refusal.local_time);
        let outside = |certificate: &Certificate| {
            if now > certificate.not_after() {
                return Some(("expired", certificate.not_after()));
            }
            (now < certificate.not_before()).then(|| ("is not valid before", certificate.not_before()))
        };
        let chain = std::iter::once(self.identity.end_entity()).chain(self.identity.intermediates());
        let (certificate, (what, time)) = chain
            .into_iter()
            .find_map(|certificate| outside(certificate).map(|found| (certificate, found)))?;
        let name = quoted(certificate.subject_name());
        Some(certain(
            format!("the certificate {name} {what} {}", seen_from(time, now)),
            "anyrole inspect shows the validity of every certificate",
            "renew the certificate",
        ))
    }

    fn untrusted(&self) -> Vec<Cause> {
        let end_entity = self.identity.end_entity();
        let intermediates = self.identity.intermediates();
        let mut causes = Vec::new();
        if end_entity.is_self_issued() {
            causes.push(certain(
                format!("the certificate {} is self-signed", quoted(end_entity.subject_name())),
                "anyrole inspect",
                "use a certificate that was issued by the CA in the trust anchor",
            ));
        }
        if let Some((child, parent)) = broken_link(end_entity, intermediates) {
            causes.push(certain(
                format!(
                    "the chain is broken: {} was issued by {}, and {} follows it",
                    quoted(child.subject_name()),
                    quoted(child.issuer_name()),
                    quoted(parent.subject_name())
                ),
                "anyrole inspect",
                "give the intermediates in --intermediates, each followed by its issuer",
            ));
        }
        if intermediates.len() > LONGEST_CHAIN {
            causes.push(certain(
                format!("{} intermediates are sent, and {LONGEST_CHAIN} are the most", intermediates.len()),
                "anyrole inspect",
                "leave out of --intermediates what the trust anchor holds",
            ));
        }
        let last = intermediates.last().unwrap_or(end_entity);
        let issuer = quoted(last.issuer_name());
        if last.is_self_issued() {
            causes.push(likely(
                format!("the trust anchor does not hold the CA {issuer}, at which the chain ends"),
                self.show_trust_anchor(),
                "put that CA into the trust anchor, or name the trust anchor that holds it",
            ));
        } else {
            causes.push(likely(
                format!("the chain ends at issuer {issuer}, and that is not the CA in the trust anchor"),
                self.show_trust_anchor(),
                format!("if {issuer} is not the trust anchor's CA, add its certificate with --intermediates"),
            ));
        }
        causes
    }

    fn insufficient(&self) -> Vec<Cause> {
        let certificate = self.identity.end_entity();
        let unmet = [
            (certificate.version() != 3, "it is not X.509 version 3"),
            (certificate.is_ca(), "it is a CA certificate"),
            (!certificate.allows_digital_signature(), "its key usage lacks digitalSignature"),
            (!certificate.signature_hash().is_sufficient(), "it is signed with less than SHA-256"),
            (certificate.subject_name().is_empty(), "its subject name is empty"),
        ];
        let reissue = "issue a certificate with a subject, keyUsage=critical,digitalSignature and basicConstraints=critical,CA:FALSE";
        let mut causes: Vec<_> = unmet
            .into_iter()
            .filter(|(unmet, _)| *unmet)
            .map(|(_, what)| {
                certain(format!("AWS does not take this certificate: {what}"), "anyrole inspect", reissue)
            })
            .collect();
        causes.push(possible(
            "the certificate lacks something else that AWS demands of an end entity",
            "anyrole inspect lists each demand and whether it is met",
            reissue,
        ));
        causes
    }

    fn revoked(&self) -> Cause {
        let serial_number = self.identity.end_entity().serial_number();
        likely(
            format!(
                "serial number {} (hex {}) is in an enabled CRL of the account",
                serial_number.decimal(),
                serial_number.hex()
            ),
            format!("aws rolesanywhere list-crls --region {}", self.request.region),
            "issue a new certificate with a new key; a revoked one stays revoked",
        )
    }

    fn signature(&self) -> Vec<Cause> {
        let mut causes = Vec::new();
        let offset = self.refusal.clock_offset().unwrap_or(0);
        if offset.unsigned_abs() > CLOCK_WINDOW {
            let direction = if offset > 0 { "behind" } else { "ahead of" };
            causes.push(certain(
                format!(
                    "this machine's clock is {} {direction} AWS's",
                    describe_seconds(offset.unsigned_abs())
                ),
                format!("AWS's time was {}", self.refusal.server_time.unwrap_or(self.refusal.local_time)),
                "set this machine's clock, and keep it by NTP (chronyc makestep, timedatectl set-ntp true)",
            ));
        }
        causes.extend(self.other_region());
        causes.push(likely(
            "something between this host and AWS changes requests: the host name, the path or a header",
            "NO_PROXY=.amazonaws.com leaves the proxy out for one try",
            "reach AWS's own endpoint: leave out --endpoint, or except it with NO_PROXY",
        ));
        causes
    }

    fn profile(&self) -> Vec<Cause> {
        let id = self.profile_id();
        let region = &self.request.region;
        let mut causes: Vec<_> =
            self.other_account("profile", self.request.profile_arn.arn()).into_iter().collect();
        causes.push(likely(
            "the profile is disabled, does not exist, or lists no role",
            self.show_profile(),
            format!("aws rolesanywhere enable-profile --profile-id {id} --region {region}"),
        ));
        causes
    }

    fn role_in_profile(&self) -> Vec<Cause> {
        let role = &self.request.role_arn;
        let mut causes: Vec<_> = self.other_account("role", role.arn()).into_iter().collect();
        causes.push(likely(
            format!("the profile does not list {role}; its path counts as well"),
            self.show_profile(),
            format!(
                "aws rolesanywhere update-profile --profile-id {} --region {} --role-arns {role} and those it has",
                self.profile_id(),
                self.request.region
            ),
        ));
        causes
    }

    fn session_name(&self) -> Cause {
        let name = self.request.role_session_name.as_deref().unwrap_or_default();
        let what = format!("the profile does not accept a role session name, and {} was given", quoted(name));
        let check = self.show_profile();
        let next = format!(
            "leave out --role-session-name, or: aws rolesanywhere update-profile --profile-id {} --region {} --accept-role-session-name",
            self.profile_id(),
            self.request.region
        );
        if name.is_empty() { possible(what, check, next) } else { certain(what, check, next) }
    }

    fn trust_anchor(&self) -> Vec<Cause> {
        let id = last_part(self.request.trust_anchor_arn.arn());
        let mut causes: Vec<_> = self.other_region().into_iter().collect();
        causes.push(likely(
            "the trust anchor is disabled, or was deleted, or its ARN is mistyped",
            self.show_trust_anchor(),
            format!(
                "aws rolesanywhere enable-trust-anchor --trust-anchor-id {id} --region {}",
                self.request.region
            ),
        ));
        causes
    }

    fn assume_role(&self) -> Vec<Cause> {
        let role = &self.request.role_arn;
        let name = role.role_name();
        let mut causes: Vec<_> = self.other_account("role", role.arn()).into_iter().collect();
        let show = format!("aws iam get-role --role-name {name}");
        let seconds = self.request.session_duration.map(|duration| duration.as_secs());
        let too_long = self.refusal.message.to_ascii_lowercase().contains("maxsessionduration");
        let over_default = seconds.is_some_and(|seconds| seconds > DEFAULT_ROLE_MAXIMUM);
        let duration = |certainty| Cause {
            certainty,
            what: format!(
                "the session of {} is longer than the role's MaxSessionDuration",
                seconds.map_or_else(|| String::from("the profile's duration"), describe_seconds)
            ),
            check: format!("{show} --query Role.MaxSessionDuration"),
            next: format!(
                "give a shorter --session-duration, or: aws iam update-role --role-name {name} --max-session-duration {}",
                seconds.unwrap_or(DEFAULT_ROLE_MAXIMUM)
            ),
        };
        if too_long {
            causes.push(duration(Certainty::Certain));
        }
        causes.push(likely(
            "the role's trust policy does not let rolesanywhere.amazonaws.com do sts:AssumeRole, sts:TagSession and sts:SetSourceIdentity, or a condition in it does not hold",
            format!("{show} --query Role.AssumeRolePolicyDocument"),
            "compare the role's trust policy with the one that anyrole explain aws-cannot-assume-role shows",
        ));
        if over_default && !too_long {
            causes.push(duration(Certainty::Likely));
        }
        causes.push(possible(
            format!("the role {name} does not exist"),
            show,
            "check --role-arn, with the role's path",
        ));
        causes
    }

    fn unmapped(&self) -> Cause {
        likely(
            "a part of the certificate's subject, issuer or alternative names cannot be a session tag; the message names it",
            self.show_profile(),
            "issue the certificate without it, or leave it out with: aws rolesanywhere delete-attribute-mapping",
        )
    }

    fn parameter(&self) -> Cause {
        likely(
            "a parameter has a value that the service does not take; its message says which",
            "look at the flags, the ANYROLE_ variables and the config file: the strongest counts",
            "correct the setting that the message names",
        )
    }

    fn other(&self) -> Vec<Cause> {
        let mut causes: Vec<_> = self.other_region().into_iter().collect();
        causes.extend(self.other_account("profile", self.request.profile_arn.arn()));
        causes.extend(self.other_account("role", self.request.role_arn.arn()));
        causes.push(possible(
            "AWS's message is all there is to go by",
            format!("CloudTrail in {} has an event of this CreateSession", self.request.region),
            "anyrole inspect shows the certificate and the chain that were presented",
        ));
        causes
    }

    fn other_region(&self) -> Option<Cause> {
        let home = self.request.trust_anchor_arn.arn().region();
        let asked = self.request.region.as_str();
        (home != asked).then(|| {
            certain(
                format!("the trust anchor is in region {home}, and region {asked} was asked"),
                "compare --region with --trust-anchor-arn",
                "leave out --region: it follows from the trust anchor's ARN",
            )
        })
    }

    fn other_account(&self, what: &str, arn: &Arn) -> Option<Cause> {
        let home = self.request.trust_anchor_arn.arn().account();
        (arn.account() != home).then(|| {
            certain(
                format!("the {what} is in account {}, and the trust anchor in {home}", arn.account()),
                "compare the account numbers in the three ARNs",
                "use a trust anchor, a profile and a role of one account, and assume roles of others from there",
            )
        })
    }

    fn profile_id(&self) -> &str {
        last_part(self.request.profile_arn.arn())
    }

    fn show_profile(&self) -> String {
        format!(
            "aws rolesanywhere get-profile --profile-id {} --region {}",
            self.profile_id(),
            self.request.region
        )
    }

    fn show_trust_anchor(&self) -> String {
        let id = last_part(self.request.trust_anchor_arn.arn());
        format!("aws rolesanywhere get-trust-anchor --trust-anchor-id {id} --region {}", self.request.region)
    }
}

fn throttled() -> Cause {
    likely(
        "more than 10 sessions a second were created in this account and region",
        "anyrole cache list shows what is cached, and why something is not",
        "keep the cache on (--cache auto), so that many processes share one session",
    )
}

fn unavailable() -> Cause {
    likely(
        "the service is in trouble, not this host",
        "https://health.aws.amazon.com/health/status",
        "try again later; a cached session is used for as long as it is valid",
    )
}

/// Returns the first certificate that was not issued by the one after it.
fn broken_link<'a>(
    end_entity: &'a Certificate,
    intermediates: &'a [Certificate],
) -> Option<(&'a Certificate, &'a Certificate)> {
    let children = std::iter::once(end_entity).chain(intermediates);
    children.zip(intermediates).find(|(child, parent)| child.issuer_name() != parent.subject_name())
}

fn seen_from(time: Timestamp, now: Timestamp) -> String {
    if time > now {
        format!("{time}, {}", time.distance_from(now))
    } else {
        format!("at {time}, {}", time.distance_from(now))
    }
}

/// Returns the id or the alias at the end of an ARN.
fn last_part(arn: &Arn) -> &str {
    arn.resource().rsplit('/').next().unwrap_or_default()
}

fn certain(what: impl Into<String>, check: impl Into<String>, next: impl Into<String>) -> Cause {
    Cause { certainty: Certainty::Certain, what: what.into(), check: check.into(), next: next.into() }
}

fn likely(what: impl Into<String>, check: impl Into<String>, next: impl Into<String>) -> Cause {
    Cause { certainty: Certainty::Likely, what: what.into(), check: check.into(), next: next.into() }
}

fn possible(what: impl Into<String>, check: impl Into<String>, next: impl Into<String>) -> Cause {
    Cause { certainty: Certainty::Possible, what: what.into(), check: check.into(), next: next.into() }
}
