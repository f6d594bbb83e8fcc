//! The causes of each kind of refusal, according to the trust model of IAM Roles Anywhere.

use super::unmappable::{self, Unmappable};
use super::{Cause, Certainty};
use crate::arn::Arn;
use crate::clock::{Timestamp, describe_seconds};
use crate::identity::{Identity, candidates};
use crate::session::{Refusal, RefusalKind, SessionRequest, endpoint};
use crate::signing::Endpoint;
use crate::text::{printable, quoted};
use crate::x509::Certificate;

/// The clock difference that the service accepts, in seconds; SigV4's usual window.
const CLOCK_WINDOW: u64 = 300;
/// The most certificates that the chain header may hold.
const LONGEST_CHAIN: usize = 5;
const SET_CLOCK: &str = "set this machine's clock";
/// The longest session of a role, in seconds, unless its owner changed that.
const DEFAULT_ROLE_MAXIMUM: u64 = 3600;

/// Returns every cause that fits, the most frequent first.
pub(super) fn of(
    refusal: &Refusal,
    request: &SessionRequest,
    endpoint: &Endpoint,
    identity: &Identity,
) -> Vec<Cause> {
    let facts = Facts { refusal, request, endpoint, identity };
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

/// An expired certificate does not have its own message.
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
    endpoint: &'a Endpoint,
    identity: &'a Identity,
}

impl Facts<'_> {
    fn certificate_time(&self) -> Option<Cause> {
        let now = self.refusal.server_time.unwrap_or(self.refusal.local_time);
        let outside = |now, certificate: &Certificate| {
            if now > certificate.not_after() {
                return Some(("expired", certificate.not_after()));
            }
            (now < certificate.not_before()).then(|| ("is not valid before", certificate.not_before()))
        };
        let chain = std::iter::once(self.identity.end_entity()).chain(self.identity.intermediates());
        let (certificate, (what, time)) = chain
            .into_iter()
            .find_map(|certificate| outside(now, certificate).map(|found| (certificate, found)))?;
        let name = quoted(certificate.subject_name());
        let by_this_clock = outside(self.refusal.local_time, certificate);
        if let (Some(clock), None) = (self.wrong_clock(), by_this_clock) {
            return Some(certain(
                format!("{clock}, by whose time the certificate {name} {what} {}", seen_from(time, now)),
                format!("AWS's time was {now}"),
                format!("{SET_CLOCK}, then renew the certificate"),
            ));
        }
        let next = if certificate == self.identity.end_entity() {
            "renew the certificate"
        } else {
            "give the renewed certificate of this CA with --intermediates"
        };
        Some(certain(
            format!("the certificate {name} {what} {}", seen_from(time, now)),
            "anyrole inspect shows the validity of every certificate",
            next,
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
        if intermediates.len() > LONGEST_CHAIN {
            causes.push(certain(
                format!("{} intermediates are sent, and {LONGEST_CHAIN} are the most", intermediates.len()),
                "anyrole inspect",
                "leave out of --intermediates what the trust anchor holds",
            ));
        }
        let last = intermediates.last().unwrap_or(end_entity);
        let issuer = quoted(last.issuer_name());
        let provenance = self.identity.provenance();
        let is_issuer = |other: &Certificate| other.subject_name() == last.issuer_name();
        if provenance.roots.iter().any(|root| root.issued(last)) {
            causes.push(likely(
                format!("the chain is complete up to the root {issuer}, and the trust anchor holds another CA"),
                self.show_trust_anchor(),
                format!("name the trust anchor that holds {issuer} with --trust-anchor-arn, or put it into this one"),
            ));
        } else if provenance.unrelated.iter().any(is_issuer) {
            causes.push(likely(
                format!(
                    "the certificate at hand for {issuer} did not sign {}: it has another key",
                    quoted(last.subject_name())
                ),
                "anyrole inspect",
                format!("give the certificate of {issuer} that has the key with --intermediates, as from before the CA's renewal"),
            ));
        } else if !provenance.unrelated.is_empty() || !provenance.roots.is_empty() {
            causes.push(likely(
                format!(
                    "the chain presented ends at {}, and none of the other certificates given issued it",
                    candidates::end(last)
                ),
                "anyrole inspect says of each certificate why it is left out",
                format!(
                    "give the certificate of {issuer} with --intermediates; if it is a root, name the trust anchor \
                     that holds it with --trust-anchor-arn"
                ),
            ));
        } else {
            causes.push(likely(
                format!("the chain ends at issuer {issuer}, and that is not the CA in the trust anchor"),
                self.show_trust_anchor(),
                format!(
                    "if {issuer} is an intermediate, add its certificate with --intermediates; if it is a root, name the \
                     trust anchor that holds it with --trust-anchor-arn"
                ),
            ));
            causes.extend(self.no_list());
            causes.push(possible(
                "the CA in the trust anchor has the same name and another key, or has expired",
                self.show_trust_anchor(),
                "put the certificate of the CA that issues now into the trust anchor",
            ));
        }
        causes
    }

    /// A trust anchor that asks CRL distribution points may refuse where it finds no list; AWS does not say.
    fn no_list(&self) -> Option<Cause> {
        let chain = std::iter::once(self.identity.end_entity()).chain(self.identity.intermediates());
        let url = chain.flat_map(|certificate| certificate.crl_urls()).next()?;
        Some(possible(
            format!(
                "the trust anchor asks CRL distribution points, and AWS finds no valid list at {}",
                printable(url)
            ),
            format!("{} --query trustAnchor.crlDpRevocationEnabled", self.show_trust_anchor()),
            "publish a list there that has not expired, in DER, where AWS can reach it",
        ))
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
        let provenance = self.identity.provenance();
        let something_is_left_out = !provenance.unrelated.is_empty() || !provenance.roots.is_empty();
        if causes.is_empty() && something_is_left_out {
            // AWS also writes "Untrusted certificate. Insufficient certificate" for a chain that does not reach the
            // trust anchor.
            causes = self.untrusted();
        }
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
                "serial number {} (hex {}) is in a CRL that AWS asks",
                serial_number.decimal(),
                serial_number.hex()
            ),
            match self.identity.end_entity().crl_urls() {
                [] => format!("aws rolesanywhere list-crls --region {}", self.request.region),
                [url, ..] => format!(
                    "aws rolesanywhere list-crls --region {}; and the list at {}",
                    self.request.region,
                    printable(url)
                ),
            },
            "issue a new certificate with a new key; a revoked one stays revoked",
        )
    }

    fn signature(&self) -> Vec<Cause> {
        let mut causes = Vec::new();
        if let Some(clock) = self.wrong_clock() {
            causes.push(certain(
                clock,
                format!("AWS's time was {}", self.refusal.server_time.unwrap_or(self.refusal.local_time)),
                keep_clock(),
            ));
        }
        causes.extend(other_region(self.endpoint, &self.request.region));
        causes.push(likely(
            "something between this host and AWS changes requests: the host name, the path or a header",
            "NO_PROXY=.amazonaws.com leaves the proxy out for one try",
            "reach AWS's own endpoint: leave out --endpoint, or except it with NO_PROXY",
        ));
        causes
    }

    fn wrong_clock(&self) -> Option<String> {
        self.refusal.clock_offset().and_then(wrong_clock)
    }

    fn profile(&self) -> Vec<Cause> {
        let id = self.profile_id();
        let SessionRequest { region, role_arn, .. } = self.request;
        let mut causes: Vec<_> =
            self.other_account("profile", self.request.profile_arn.arn()).into_iter().collect();
        causes.push(likely(
            format!("the profile is disabled, lists no role, or does not exist in region {region}"),
            self.show_profile(),
            format!(
                "aws rolesanywhere enable-profile --profile-id {id} --region {region}; if it lists no role: aws \
                 rolesanywhere update-profile --profile-id {id} --region {region} --role-arns {role_arn}"
            ),
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
        let id = self.request.trust_anchor_arn.arn().identifier();
        let region = &self.request.region;
        vec![likely(
            format!(
                "the trust anchor is disabled, or does not exist in region {region}: its ARN may be mistyped"
            ),
            self.show_trust_anchor(),
            format!(
                "aws rolesanywhere enable-trust-anchor --trust-anchor-id {id} --region {region}; if there is none, \
                 aws rolesanywhere list-trust-anchors in your region shows the ARN"
            ),
        )]
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
                "give --session-duration {DEFAULT_ROLE_MAXIMUM} or less, or: aws iam update-role --role-name {name} --max-session-duration {}",
                seconds.unwrap_or(DEFAULT_ROLE_MAXIMUM)
            ),
        };
        if too_long {
            causes.push(duration(Certainty::Certain));
        }
        causes.extend(self.source_identity().or_else(|| self.unmet_condition()));
        causes.push(likely(
            "the role's trust policy lacks one of sts:AssumeRole, sts:TagSession, sts:SetSourceIdentity, or its \
             aws:SourceArn or another condition does not hold",
            format!("{show} --query Role.AssumeRolePolicyDocument"),
            format!(
                "in the trust policy of {name}, allow rolesanywhere.amazonaws.com sts:AssumeRole, sts:TagSession and \
                 sts:SetSourceIdentity, where aws:SourceArn is {}",
                self.source_arn()
            ),
        ));
        if over_default && !too_long {
            causes.push(duration(Certainty::Likely));
        }
        causes.extend(self.no_origin_identity());
        causes.push(possible(
            format!("the role {name} does not exist"),
            show,
            "check --role-arn, with the role's path",
        ));
        causes
    }

    /// What a trust policy is compared with: never the ARN of an alias.
    fn source_arn(&self) -> String {
        let arn = self.request.trust_anchor_arn.arn();
        if arn.is_alias() {
            format!(
                "the ARN with the identifier ({} shows it), since no policy applies to an alias",
                self.show_trust_anchor()
            )
        } else {
            arn.to_string()
        }
    }

    /// A profile with trusted identity propagation refuses a certificate without the field that names the subject, which is
    /// the common name unless the profile says otherwise.
    fn no_origin_identity(&self) -> Option<Cause> {
        let has_name = self.identity.end_entity().subject_attributes().iter().any(|(kind, _)| kind == "CN");
        (!has_name).then(|| {
            possible(
                "the profile has trusted identity propagation, and the certificate has no common name for aws:OriginIdentity/Subject",
                format!("{} --query profile.tipConfiguration", self.show_profile()),
                "issue the certificate with a common name, or choose another subjectSource for the profile",
            )
        })
    }

    fn source_identity(&self) -> Option<Cause> {
        let what = unmappable::source_identity(self.identity.end_entity())?;
        Some(likely(
            format!("the common name {what}, which STS does not take in the source identity"),
            "anyrole inspect",
            format!("issue the certificate with a common name of {}", unmappable::FITTING),
        ))
    }

    /// Blames a condition on a tag that cannot exist; certain enough to come first only if AWS's message mentions tags.
    fn unmet_condition(&self) -> Option<Cause> {
        let tags = unmappable::tags(self.identity.end_entity());
        let tag = tags.into_iter().next()?;
        let told = self.refusal.message.contains("mapped into session tags");
        let certainty = if told { Certainty::Likely } else { Certainty::Possible };
        Some(Cause { certainty, ..no_tag(&tag, self.show_profile()) })
    }

    fn unmapped(&self) -> Cause {
        match unmappable::tags(self.identity.end_entity()).first() {
            Some(tag) => no_tag(tag, self.show_profile()),
            None => likely(
                "a part of the certificate's subject, issuer or alternative names cannot be a session tag; the message names it",
                self.show_profile(),
                "issue the certificate without it, or leave it out with: aws rolesanywhere delete-attribute-mapping",
            ),
        }
    }

    fn parameter(&self) -> Cause {
        likely(
            "a parameter has a value that the service does not take; its message says which",
            "look at the flags, the ANYROLE_ variables and the config file: the strongest counts",
            "correct the setting that the message names",
        )
    }

    fn other(&self) -> Vec<Cause> {
        let mut causes = Vec::new();
        causes.extend(self.other_account("profile", self.request.profile_arn.arn()));
        causes.extend(self.other_account("role", self.request.role_arn.arn()));
        causes.push(possible(
            "AWS's message is all there is to go by",
            format!("CloudTrail in {} has an event of this CreateSession", self.request.region),
            "anyrole inspect shows the certificate and the chain that were presented",
        ));
        causes
    }

    fn other_account(&self, what: &str, arn: &Arn) -> Option<Cause> {
        other_account(self.request, what, arn)
    }

    fn profile_id(&self) -> &str {
        self.request.profile_arn.arn().identifier()
    }

    fn show_profile(&self) -> String {
        format!(
            "aws rolesanywhere get-profile --profile-id {} --region {}",
            self.profile_id(),
            self.request.region
        )
    }

    fn show_trust_anchor(&self) -> String {
        let id = self.request.trust_anchor_arn.arn().identifier();
        format!("aws rolesanywhere get-trust-anchor --trust-anchor-id {id} --region {}", self.request.region)
    }
}

/// Returns what in the ARNs and the endpoint of a request AWS will refuse, whatever else holds.
pub fn contradictions(request: &SessionRequest, endpoint: &Endpoint) -> Vec<Cause> {
    let accounts = [("profile", request.profile_arn.arn()), ("role", request.role_arn.arn())];
    let accounts = accounts.into_iter().filter_map(|(what, arn)| other_account(request, what, arn));
    other_partition(request)
        .into_iter()
        .chain(accounts)
        .chain(other_region(endpoint, &request.region))
        .collect()
}

/// ARNs of two partitions, or of one that the region is not in: `arn:aws:` in place of `arn:aws-cn:`.
fn other_partition(request: &SessionRequest) -> Option<Cause> {
    let named = |what, arn: &Arn| (what, arn.partition().to_owned());
    let anchor = request.trust_anchor_arn.arn();
    let arns = [
        named("trust anchor", anchor),
        named("profile", request.profile_arn.arn()),
        named("role", request.role_arn.arn()),
    ];
    // A region that is newer than this program is in the partition that its ARN says.
    let expected = endpoint::partition(&request.region).unwrap_or(anchor.partition());
    let (what, partition) = arns.into_iter().find(|(_, partition)| partition != expected)?;
    Some(certain(
        format!("the {what}'s ARN is of the partition {partition}, and {} is in {expected}", request.region),
        "compare what stands behind arn: in the three ARNs",
        format!("write the three ARNs as AWS shows them: they begin with arn:{expected}:"),
    ))
}

/// Says that a clock which is so many seconds behind AWS's is too far away from it for a signature to be accepted.
pub fn wrong_clock(offset: i64) -> Option<String> {
    (offset.unsigned_abs() > CLOCK_WINDOW).then(|| distance_of_clock(offset))
}

/// Says how far a clock is behind AWS's.
pub fn distance_of_clock(offset: i64) -> String {
    let direction = if offset > 0 { "behind" } else { "ahead of" };
    // To the nearest minute: the two times were read a moment apart, and 30 hours are not 29.
    let distance = describe_seconds((offset.unsigned_abs() + 30) / 60 * 60);
    format!("this machine's clock is {distance} {direction} AWS's")
}

/// Says how a clock is set and kept.
pub fn keep_clock() -> String {
    format!("{SET_CLOCK}, and keep it by NTP (chronyc makestep, timedatectl set-ntp true)")
}

/// An endpoint whose name says that it is another region's: it verifies with its own region in the scope.
fn other_region(endpoint: &Endpoint, signed: &str) -> Option<Cause> {
    let host = endpoint.host();
    let named =
        host.split('.').find(|label| is_region(label)).filter(|named| is_aws(host) && *named != signed)?;
    Some(certain(
        format!(
            "the request was signed for {signed}, the region of the trust anchor's ARN, and the endpoint {host} is in {named}"
        ),
        "compare --endpoint (ANYROLE_ENDPOINT, AWS_ENDPOINT_URL_ROLESANYWHERE) with the region in --trust-anchor-arn",
        format!("leave out --endpoint, or give one in {signed}"),
    ))
}

/// Tells whether a host's name is one of AWS's. Under other names, what looks like a region may be a host.
pub fn is_aws(host: &str) -> bool {
    let aws = ["amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", "api.aws"];
    aws.iter().any(|domain| host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')))
}

/// A profile or role of another account than the trust anchor's.
fn other_account(request: &SessionRequest, what: &str, arn: &Arn) -> Option<Cause> {
    let home = request.trust_anchor_arn.arn().account();
    (arn.account() != home).then(|| {
        certain(
            format!("the {what} is in account {}, and the trust anchor in {home}", arn.account()),
            "compare the account numbers in the three ARNs",
            "use a trust anchor, a profile and a role of one account, and assume roles of others from there",
        )
    })
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

fn no_tag(tag: &Unmappable, check: String) -> Cause {
    let Unmappable { tag, what } = tag;
    likely(
        format!("{tag} {what}, which no session tag can carry, so that no condition on it holds"),
        check,
        format!(
            "issue the certificate with {tag} of {}, or take {tag} out of the trust policy",
            unmappable::FITTING
        ),
    )
}

fn seen_from(time: Timestamp, now: Timestamp) -> String {
    if time > now {
        format!("{time}, {}", time.distance_from(now))
    } else {
        format!("at {time}, {}", time.distance_from(now))
    }
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

/// Returns whether a part of a host name is a region: `eu-central-1`, `us-gov-west-1`, `eusc-de-east-1`.
fn is_region(label: &str) -> bool {
    let parts: Vec<&str> = label.split('-').collect();
    let [area, .., direction, number] = parts.as_slice() else { return false };
    let compass = ["north", "east", "south", "west", "central"];
    (area.len() == 2 || *area == "eusc")
        && compass.iter().any(|point| direction.ends_with(point))
        && number.len() == 1
        && number.bytes().all(|octet| octet.is_ascii_digit())
}
