//! The first cause is the right one, as far as this host can tell.

use std::time::Duration;

use anyrole::explain::{Cause, Certainty, explain};
use anyrole::identity::Identity;
use anyrole::session::{Refusal, RefusalKind, SessionRequest};
use anyrole::signing::Endpoint;
use pki_test::algorithm::KeyAlgorithm;

use super::support::{Chain, NOW, PROFILE, ROLE, TRUST_ANCHOR, identity, request, request_for};

fn refusal(kind: RefusalKind) -> Refusal {
    Refusal {
        kind,
        status: 403,
        code: String::from("AccessDeniedException"),
        message: String::new(),
        request_id: None,
        server_time: Some(NOW),
        local_time: NOW,
        corrected_by: 0,
        retry_after: None,
        attempts: 1,
    }
}

fn first(refusal: &Refusal, request: &SessionRequest, identity: &Identity) -> Cause {
    first_at("https://rolesanywhere.eu-central-1.amazonaws.com", refusal, request, identity)
}

fn first_at(endpoint: &str, refusal: &Refusal, request: &SessionRequest, identity: &Identity) -> Cause {
    let endpoint = Endpoint::parse(endpoint).unwrap();
    let explanation = explain(refusal, request, &endpoint, identity);
    assert!(explanation.causes.is_sorted_by_key(|cause| cause.certainty));
    for cause in &explanation.causes {
        assert!(!cause.what.is_empty() && !cause.check.is_empty() && !cause.next.is_empty());
    }
    assert_eq!(explanation.hint().as_ref(), explanation.causes.first().map(|cause| &cause.next));
    let cause = explanation.causes.into_iter().next().unwrap();
    let name = match cause.certainty {
        Certainty::Certain => "cause",
        Certainty::Likely => "likely cause",
        Certainty::Possible => "possible cause",
    };
    assert_eq!(explain(refusal, request, &endpoint, identity).facts()[0].name, name);
    cause
}

#[test]
fn every_kind_has_a_cause() {
    use RefusalKind::*;
    for kind in [
        AttributesNotMapped,
        CannotAssumeRole,
        CertificateRevoked,
        InsufficientCertificate,
        InvalidProfile,
        InvalidRequest,
        InvalidSignature,
        Other,
        RoleNotInProfile,
        SessionNameNotAccepted,
        Throttled,
        TrustAnchorNotFound,
        Unavailable,
        UntrustedCertificate,
    ] {
        first(&refusal(kind), &request(), &identity());
    }
}

#[test]
fn an_alias_is_named_where_it_is_one_and_never_in_a_policy() {
    let alias =
        |kind: &str| format!("arn:aws:rolesanywhere:eu-central-1:111122223333:alias/{kind}/team/fleet");
    let request = SessionRequest {
        trust_anchor_arn: alias("trust-anchor").parse().unwrap(),
        profile_arn: alias("profile").parse().unwrap(),
        ..request()
    };
    let role = first(&refusal(RefusalKind::CannotAssumeRole), &request, &identity());
    assert!(role.next.contains("no policy applies to an alias"), "{}", role.next);
    let anchor = first(&refusal(RefusalKind::TrustAnchorNotFound), &request, &identity());
    assert!(
        anchor.check.contains(&format!("--trust-anchor-id {} ", alias("trust-anchor"))),
        "{}",
        anchor.check
    );
    let profile = first(&refusal(RefusalKind::InvalidProfile), &request, &identity());
    assert!(profile.next.contains(&format!("--profile-id {} ", alias("profile"))), "{}", profile.next);
}

#[test]
fn a_certificate_without_a_common_name_has_no_origin_identity() {
    let endpoint = Endpoint::parse("https://rolesanywhere.eu-central-1.amazonaws.com").unwrap();
    let told = |identity: &Identity| {
        let causes = explain(&refusal(RefusalKind::CannotAssumeRole), &request(), &endpoint, identity).causes;
        causes.into_iter().find(|cause| cause.what.contains("trusted identity propagation"))
    };
    let cause = told(&Chain::of("OU=Build,O=Example").identity()).unwrap();
    assert_eq!(cause.certainty, Certainty::Possible);
    assert!(cause.check.ends_with("--query profile.tipConfiguration"), "{}", cause.check);
    assert_eq!(told(&identity()), None);
}

#[test]
fn a_missing_intermediate() {
    let chain = Chain::new(KeyAlgorithm::EcP256);
    let untrusted = refusal(RefusalKind::UntrustedCertificate);
    let cause = first(&untrusted, &request(), &chain.without_intermediates());
    assert_eq!(cause.certainty, Certainty::Likely);
    assert!(cause.what.contains("ends at issuer 'CN=TEST issuing'"), "{}", cause.what);
    assert!(cause.next.contains("--intermediates"));
    let cause = first(&untrusted, &request(), &chain.identity());
    assert!(cause.what.contains("ends at issuer 'CN=TEST root'"), "{}", cause.what);
    assert!(cause.check.starts_with("aws rolesanywhere get-trust-anchor --trust-anchor-id a1b2c3d4-"));
}

#[test]
fn an_expired_certificate_by_the_clock_of_aws() {
    let later = NOW.plus(Duration::from_secs(3 * 86_400));
    let untrusted = Refusal { server_time: Some(later), ..refusal(RefusalKind::UntrustedCertificate) };
    let cause = first(&untrusted, &request(), &identity());
    assert_eq!(cause.certainty, Certainty::Certain);
    assert_eq!(
        cause.what,
        "this machine's clock is 3 days behind AWS's, by whose time the certificate 'CN=TEST build-17' expired at \
         2026-11-24T04:00:00Z, 2 days ago"
    );
    assert_eq!(cause.next, "set this machine's clock, then renew the certificate");
    // While the request was on its way.
    let cause = first(&Refusal { local_time: later, ..untrusted }, &request(), &identity());
    assert_eq!(cause.what, "the certificate 'CN=TEST build-17' expired at 2026-11-24T04:00:00Z, 2 days ago");
    assert_eq!(cause.next, "renew the certificate");
}

#[test]
fn a_wrong_clock() {
    let late = Refusal {
        local_time: NOW.minus(Duration::from_secs(1800)),
        ..refusal(RefusalKind::InvalidSignature)
    };
    let cause = first(&late, &request(), &identity());
    assert_eq!(cause.certainty, Certainty::Certain);
    assert_eq!(cause.what, "this machine's clock is 30 minutes behind AWS's");
    // Once the time was corrected, it is not the cause.
    let corrected = Refusal { corrected_by: 1800, ..late };
    assert!(first(&corrected, &request(), &identity()).what.contains("changes requests"));
}

#[test]
fn accounts() {
    let foreign = |arn: &str| arn.replace("111122223333", "444455556666");
    let role = request_for(TRUST_ANCHOR, PROFILE, &foreign(ROLE));
    for kind in [RefusalKind::RoleNotInProfile, RefusalKind::CannotAssumeRole, RefusalKind::Other] {
        let cause = first(&refusal(kind), &role, &identity());
        assert_eq!(cause.what, "the role is in account 444455556666, and the trust anchor in 111122223333");
    }
    let profile = request_for(TRUST_ANCHOR, &foreign(PROFILE), ROLE);
    let cause = first(&refusal(RefusalKind::InvalidProfile), &profile, &identity());
    assert_eq!(cause.what, "the profile is in account 444455556666, and the trust anchor in 111122223333");
}

#[test]
fn duration_and_session_name() {
    let long = SessionRequest { session_duration: Some(Duration::from_secs(43_200)), ..request() };
    let kind = RefusalKind::CannotAssumeRole;
    let told = Refusal {
        message: String::from(
            "Unable to assume role: The requested DurationSeconds exceeds the MaxSessionDuration",
        ),
        ..refusal(kind)
    };
    let cause = first(&told, &long, &identity());
    assert_eq!(cause.what, "the session of 12 hours is longer than the role's MaxSessionDuration");
    assert_eq!(cause.certainty, Certainty::Certain);
    assert!(cause.next.ends_with("--role-name build+deploy --max-session-duration 43200"));
    assert!(first(&refusal(kind), &request(), &identity()).what.contains("trust policy"));

    let named = SessionRequest { role_session_name: Some(String::from("build-17")), ..request() };
    let cause = first(&refusal(RefusalKind::SessionNameNotAccepted), &named, &identity());
    assert_eq!(cause.certainty, Certainty::Certain);
    assert!(cause.next.starts_with("leave out --role-session-name, or: aws rolesanywhere update-profile"));
}

#[test]
fn revoked_names_the_serial_number() {
    let identity = identity();
    let cause = first(&refusal(RefusalKind::CertificateRevoked), &request(), &identity);
    let serial_number = identity.end_entity().serial_number();
    assert!(cause.what.contains(serial_number.decimal()) && cause.what.contains(serial_number.hex()));
}

#[test]
fn an_endpoint_of_another_region_is_named() {
    let refusal = refusal(RefusalKind::InvalidSignature);
    let (request, identity) = (request(), identity());
    for host in [
        "rolesanywhere.us-east-1.amazonaws.com",
        "vpce-0a1b2c3d4e5f67890-abcdefgh.rolesanywhere.us-east-1.vpce.amazonaws.com",
        "rolesanywhere-fips.us-gov-west-1.amazonaws.com",
    ] {
        let cause = first_at(&format!("https://{host}"), &refusal, &request, &identity);
        assert_eq!(cause.certainty, Certainty::Certain);
        let region = host.split('.').find(|label| label.starts_with("us-")).unwrap();
        let what = format!(
            "the request was signed for eu-central-1, the region of the trust anchor's ARN, and the endpoint {host} is in {region}"
        );
        assert_eq!(cause.what, what);
        assert_eq!(cause.next, "leave out --endpoint, or give one in eu-central-1");
    }
    for host in [
        "rolesanywhere.eu-central-1.amazonaws.com",
        "db-west-2.example",
        "db-west-2.notamazonaws.com",
        "127.0.0.1",
        "build-host-7",
    ] {
        let cause = first_at(&format!("https://{host}"), &refusal, &request, &identity);
        assert!(cause.what.starts_with("something between"), "{host}: {}", cause.what);
    }
}
