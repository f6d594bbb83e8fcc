//! Whatever is sent, the judge decides: no input makes it panic.

use pki_test::simulator::Fault;
use pki_test::verifier::authorization::Authorization;
use pki_test::verifier::{Arn, Certificate, ReceivedRequest};
use proptest::prelude::*;
use proptest::sample::Index;

use super::vectors::{CASES, Case};

/// A change of a captured request.
#[derive(Clone, Debug)]
enum Mutation {
    Body(Vec<u8>),
    HeaderByte(Index, Index, u8),
    HeaderCut(Index, Index),
    HeaderRemoved(Index),
    HeaderRepeated(Index),
    HeaderValue(Index, Vec<u8>),
    TargetByte(Index, char),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let index = any::<Index>;
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..64).prop_map(Mutation::Body),
        (index(), index(), any::<u8>()).prop_map(|(header, at, byte)| Mutation::HeaderByte(header, at, byte)),
        (index(), index()).prop_map(|(header, at)| Mutation::HeaderCut(header, at)),
        index().prop_map(Mutation::HeaderRemoved),
        index().prop_map(Mutation::HeaderRepeated),
        (index(), prop::collection::vec(any::<u8>(), 0..64))
            .prop_map(|(header, value)| Mutation::HeaderValue(header, value)),
        (index(), any::<char>()).prop_map(|(at, character)| Mutation::TargetByte(at, character)),
    ]
}

fn apply(request: &mut ReceivedRequest, mutation: Mutation) {
    let count = request.headers.len();
    match mutation {
        Mutation::Body(body) => request.body = body,
        Mutation::HeaderByte(header, at, byte) if count > 0 => {
            let value = &mut request.headers[header.index(count)].1;
            if !value.is_empty() {
                let at = at.index(value.len());
                value[at] = byte;
            }
        }
        Mutation::HeaderCut(header, at) if count > 0 => {
            let value = &mut request.headers[header.index(count)].1;
            value.truncate(at.index(value.len() + 1));
        }
        Mutation::HeaderRemoved(header) if count > 0 => {
            request.headers.remove(header.index(count));
        }
        Mutation::HeaderRepeated(header) if count > 0 => {
            let header = request.headers[header.index(count)].clone();
            request.headers.push(header);
        }
        Mutation::HeaderValue(header, value) if count > 0 => request.headers[header.index(count)].1 = value,
        Mutation::TargetByte(at, character) => {
            let mut characters: Vec<char> = request.target.chars().collect();
            let at = at.index(characters.len());
            characters[at] = character;
            request.target = characters.into_iter().collect();
        }
        Mutation::HeaderByte(..)
        | Mutation::HeaderCut(..)
        | Mutation::HeaderRemoved(_)
        | Mutation::HeaderRepeated(_)
        | Mutation::HeaderValue(..) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_request_is_judged(
        case in prop::sample::select(&CASES[..]),
        mutations in prop::collection::vec(mutation(), 1..4),
    ) {
        let case = Case::load(case);
        let mut request = case.request.clone();
        for mutation in mutations {
            apply(&mut request, mutation);
        }
        // What is still accepted has the meaning that was signed.
        if let Ok(verified) = case.verifier.verify(&request, case.time) {
            let original = case.verifier.verify(&case.request, case.time).unwrap();
            prop_assert_eq!(verified.parameters, original.parameters);
            prop_assert_eq!(verified.end_entity, original.end_entity);
        }
    }

    #[test]
    fn a_mutated_certificate_is_parsed_or_refused(
        case in prop::sample::select(&CASES[..]),
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let case = Case::load(case);
        let verified = case.verifier.verify(&case.request, case.time).unwrap();
        let mut der = verified.end_entity.der().to_vec();
        for (at, byte) in changes {
            let at = at.index(der.len());
            der[at] = byte;
        }
        if let Ok(certificate) = Certificate::parse(&der) {
            let _broken_rule = certificate.check_end_entity(case.time);
            let _not_signed = certificate.is_signed_by(&certificate);
        }
    }

    #[test]
    fn small_grammars_take_any_text(text in ".{0,80}") {
        let _refused = Authorization::parse(text.as_bytes());
        let _no_arn = text.parse::<Arn>();
        if let Ok(fault) = text.parse::<Fault>() {
            prop_assert_eq!(fault.to_string().parse::<Fault>(), Ok(fault));
        }
    }
}
