//! Each captured request is accepted, and refused after each change that alters what was signed.

use pki_test::simulator::{Simulator, SimulatorSettings, Verdict};
use pki_test::verifier::ReceivedRequest;

use super::client::{connect, exchange, wire_form};
use super::vectors::Case;
use super::world::TestClock;

fn accepted(case: &Case, request: &ReceivedRequest, what: &str) {
    if let Err(refusal) = case.verifier.verify(request, case.time) {
        panic!("{}: {what}: {refusal}", case.name);
    }
}

fn refused(case: &Case, request: &ReceivedRequest, what: &str) {
    assert!(case.verifier.verify(request, case.time).is_err(), "{}: {what} was accepted", case.name);
}

/// Replaces text in the target and in every header, which must occur.
fn replaced(case: &Case, from: &str, to: &str) -> ReceivedRequest {
    let mut request = case.request.clone();
    request.target = request.target.replace(from, to);
    for (_, value) in &mut request.headers {
        if let Ok(text) = str::from_utf8(value) {
            *value = text.replace(from, to).into_bytes();
        }
    }
    assert!(request != case.request, "{}: {from} does not occur", case.name);
    request
}

fn header<'a>(request: &'a mut ReceivedRequest, name: &str) -> &'a mut Vec<u8> {
    let found = request.headers.iter_mut().find(|(candidate, _)| candidate.eq_ignore_ascii_case(name));
    &mut found.unwrap().1
}

fn authorization(case: &Case) -> String {
    String::from_utf8(case.request.header_values("authorization").next().unwrap().to_vec()).unwrap()
}

fn signed_headers(case: &Case) -> Vec<String> {
    let text = authorization(case);
    let list = text.split_once("SignedHeaders=").unwrap().1.split_once(',').unwrap().0;
    list.split(';').map(str::to_owned).collect()
}

#[test]
fn every_captured_request_is_accepted() {
    for case in Case::all() {
        let verified = case.verifier.verify(&case.request, case.time).unwrap();
        assert_eq!(verified.parameters.role_arn.to_string(), super::vectors::ROLE);
        assert!(verified.anomalies.is_empty());
        assert!(verified.end_entity.subject().contains("CN=vector-"), "{}", case.name);
    }
}

#[test]
fn every_captured_request_creates_a_session_over_the_wire() {
    for case in Case::all() {
        let clock = TestClock::at(case.time);
        let mut settings = SimulatorSettings::new(
            &case.verifier.regions[0],
            case.verifier.trust_anchors.clone(),
            vec![Case::profile()],
            vec![Case::role()],
        );
        settings.clock = clock.shared();
        let simulator = Simulator::start(settings).unwrap();
        let answer = exchange(&mut connect(&simulator.http_endpoint()), &case.bytes).unwrap();
        assert_eq!(answer.status, 201, "{}: {}", case.name, answer.text());
        let entry = &simulator.journal()[0];
        assert_eq!((&entry.verdict, entry.status), (&Verdict::Accepted, Some(201)));
        let altered = wire_form(&replaced(&case, "Signature=", "Signature=00"));
        let answer = exchange(&mut connect(&simulator.http_endpoint()), &altered).unwrap();
        let expected = ("AccessDeniedException".to_owned(), "Invalid signature".to_owned());
        assert_eq!((answer.status, answer.error()), (403, expected), "{}", case.name);
        assert_eq!(simulator.sessions_created(), 1);
    }
}

#[test]
fn what_alters_no_meaning_stays_accepted() {
    for case in Case::all() {
        accepted(&case, &replaced(&case, "%3A", "%3a"), "a percent escape in lower case");
        accepted(&case, &replaced(&case, "%2F", "/"), "a slash that is not escaped");
        accepted(&case, &replaced(&case, "CredHelper", "Another"), "a header that is not signed");
        accepted(&case, &replaced(&case, "attempt=1; max=3", "attempt=1;   max=3"), "a run of spaces");
        accepted(&case, &replaced(&case, ", SignedHeaders", ",SignedHeaders"), "no blank after a comma");
        let mut request = case.request.clone();
        for (_, value) in &mut request.headers {
            *value = [b" \t", value.as_slice(), b"  "].concat();
        }
        accepted(&case, &request, "blanks around header values");
        let mut request = case.request.clone();
        request.headers.reverse();
        accepted(&case, &request, "another order of headers");
        let mut request = case.request.clone();
        request.headers.iter_mut().for_each(|(name, _)| name.make_ascii_uppercase());
        accepted(&case, &request, "header names in upper case");
        let mut request = case.request.clone();
        let (path, query) = request.target.split_once('?').unwrap();
        let reversed: Vec<&str> = query.split('&').rev().collect();
        request.target = format!("{path}?{}", reversed.join("&"));
        accepted(&case, &request, "another order of parameters");
    }
}

#[test]
fn every_change_of_a_signed_header_is_refused() {
    for case in Case::all() {
        let names = signed_headers(&case);
        for name in &names {
            let value = header(&mut case.request.clone(), name).clone();
            for position in [0, value.len() / 2, value.len() - 1] {
                let mut request = case.request.clone();
                let byte = &mut header(&mut request, name)[position];
                *byte = if *byte == b'7' { b'8' } else { b'7' };
                refused(&case, &request, &format!("{name} changed at {position}"));
            }
            let mut request = case.request.clone();
            request.headers.retain(|(candidate, _)| !candidate.eq_ignore_ascii_case(name));
            refused(&case, &request, &format!("{name} removed"));
            let mut request = case.request.clone();
            request.headers.push((name.clone(), value));
            refused(&case, &request, &format!("{name} sent twice"));
            let without: Vec<String> = names.iter().filter(|other| *other != name).cloned().collect();
            refused(
                &case,
                &replaced(&case, &names.join(";"), &without.join(";")),
                &format!("{name} no longer declared as signed"),
            );
        }
        let reversed: Vec<String> = names.iter().rev().cloned().collect();
        refused(&case, &replaced(&case, &names.join(";"), &reversed.join(";")), "signed headers reversed");
        let more = format!("{};user-agent", names.join(";"));
        let mut more: Vec<&str> = more.split(';').collect();
        more.sort_unstable();
        refused(&case, &replaced(&case, &names.join(";"), &more.join(";")), "one more signed header");
        let absent = format!("{};x-amz-z", names.join(";"));
        refused(&case, &replaced(&case, &names.join(";"), &absent), "a signed header that is absent");
    }
}

#[test]
fn every_change_of_the_first_line_and_the_body_is_refused() {
    for case in Case::all() {
        let change = |target: String| ReceivedRequest { target, ..case.request.clone() };
        let (path, query) = case.request.target.split_once('?').unwrap();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap();
            let last = if value.ends_with('1') { '2' } else { '1' };
            let altered = format!("{name}={}{last}", &value[..value.len() - 1]);
            refused(&case, &change(case.request.target.replace(pair, &altered)), &format!("{name} altered"));
            refused(&case, &change(case.request.target.replace(name, "other")), &format!("{name} renamed"));
            let others: Vec<&str> = query.split('&').filter(|other| *other != pair).collect();
            refused(&case, &change(format!("{path}?{}", others.join("&"))), &format!("{name} removed"));
            refused(&case, &change(format!("{}&{pair}", case.request.target)), &format!("{name} repeated"));
        }
        refused(&case, &change(format!("{}&a=b", case.request.target)), "one more parameter");
        refused(&case, &change(case.request.target.replace("%2B", "+")), "a bare plus sign");
        for other in ["/session", "/sessions/", "//sessions", "/Sessions", "/%73essions", "/", ""] {
            refused(&case, &change(format!("{other}?{query}")), other);
        }
        for method in ["GET", "PUT", "post", ""] {
            let request = ReceivedRequest { method: method.to_owned(), ..case.request.clone() };
            refused(&case, &request, method);
        }
        for position in 0..case.request.body.len() {
            let mut request = case.request.clone();
            request.body[position] ^= 1;
            refused(&case, &request, &format!("body changed at {position}"));
        }
        for body in [Vec::new(), [case.request.body.as_slice(), b" "].concat()] {
            refused(&case, &ReceivedRequest { body, ..case.request.clone() }, "a longer or shorter body");
        }
    }
}

#[test]
fn every_change_of_the_authorization_is_refused() {
    for case in Case::all() {
        let text = authorization(&case);
        let (credential, signature) =
            (text.split_once("Credential=").unwrap().1, text.split_once("Signature=").unwrap().1);
        let serial = credential.split_once('/').unwrap().0;
        let number: u128 = serial.get(..38).unwrap_or(serial).parse().unwrap();
        for other in [
            format!("0{serial}"),
            format!("-{serial}"),
            format!("+{serial}"),
            format!("{serial}0"),
            format!("{}", number ^ 1),
            format!("{number:x}"),
            "3f:a2".to_owned(),
            String::new(),
        ]
        .into_iter()
        .filter(|other| other != serial)
        {
            refused(
                &case,
                &replaced(&case, &format!("Credential={serial}/"), &format!("Credential={other}/")),
                &format!("the serial number {other}"),
            );
        }
        for (from, to) in [
            ("/eu-central-1/", "/eu-west-1/"),
            ("/rolesanywhere/", "/sts/"),
            ("/aws4_request", "/aws4_requests"),
            ("/aws4_request", "/"),
            ("/20261123/", "/20261124/"),
            ("/20261123/", "/2026-11-23/"),
            ("AWS4-X509-", "AWS4-HMAC-"),
            ("AWS4-X509-", ""),
            ("Signature=", "Signature=00"),
            (", Signature=", ", Signature=, Signature="),
        ] {
            refused(&case, &replaced(&case, from, to), &format!("{from} -> {to}"));
        }
        let algorithms = ["AWS4-X509-RSA-SHA256", "AWS4-X509-ECDSA-SHA256", "AWS4-X509-MLDSA"];
        let own = text.split_once(' ').unwrap().0;
        for other in algorithms.into_iter().filter(|other| *other != own) {
            refused(&case, &replaced(&case, &format!("{own} "), &format!("{other} ")), other);
        }
        refused(&case, &replaced(&case, signature, &signature.to_uppercase()), "hex in upper case");
        // Every byte of the short signatures, and a sample of ML-DSA's thousands.
        for position in (0..signature.len()).step_by(if signature.len() > 2_000 { 61 } else { 2 }) {
            let mut request = case.request.clone();
            let value = header(&mut request, "authorization");
            let digit = &mut value[text.len() - signature.len() + position];
            *digit = if *digit == b'0' { b'1' } else { b'0' };
            refused(&case, &request, &format!("signature changed at {position}"));
        }
        let mut request = case.request.clone();
        request.headers.push(("Authorization".to_owned(), text.into_bytes()));
        refused(&case, &request, "Authorization sent twice");
    }
}

#[test]
fn another_certificate_chain_or_time_is_refused() {
    for (case, other) in Case::all().zip(Case::all().skip(1)) {
        let mut request = case.request.clone();
        *header(&mut request, "x-amz-x509") = header(&mut other.request.clone(), "x-amz-x509").clone();
        refused(&case, &request, "another end-entity certificate");
        if case.name != "no-chain" {
            let mut request = case.request.clone();
            *header(&mut request, "x-amz-x509-chain") =
                header(&mut case.request.clone(), "x-amz-x509").clone();
            refused(&case, &request, "the end entity instead of the chain");
        }
        for seconds in [-301, 301] {
            let time = case.time + time::Duration::seconds(seconds);
            assert_eq!(case.verifier.verify(&case.request, time).unwrap_err().rule(), "clock-skew");
        }
        for seconds in [-300, 300] {
            let time = case.time + time::Duration::seconds(seconds);
            assert!(case.verifier.verify(&case.request, time).is_ok());
        }
    }
}
