//! Every parser of a text that others wrote: whatever stands there, there is an answer and no panic, and what is read can be written.
//!
//! Certificates, keys and stores are in `tests/identity`, AWS's answers in `tests/session`, files of the AWS CLI in `src/ini`, selectors in `src/x509`;
//! the same parsers are fuzzed by `tests/fuzz`.

use anyrole::arn::{Arn, ProfileArn, RoleArn, TrustAnchorArn};
use anyrole::cache::{CacheChoice, CacheKey, Namespace};
use anyrole::clock::Timestamp;
use anyrole::command_line::{self, System};
use anyrole::config::{Config, Key, Place, Shape};
use anyrole::diagnostic::Diagnostic as _;
use anyrole::http::Proxies;
use anyrole::identity::Input;
use anyrole::ini::view;
use anyrole::signing::Endpoint;
use anyrole::sts::ScopePolicy;
use anyrole::via::ViaAddress;
use proptest::prelude::*;

const KEYS: [Key; 4] = [
    Key { name: "certificate", shape: Shape::Text, place: Place::Anywhere },
    Key { name: "session-duration", shape: Shape::Duration, place: Place::Anywhere },
    Key { name: "assume-role-tag", shape: Shape::List, place: Place::Session },
    Key { name: "no-verify-ssl", shape: Shape::Boolean, place: Place::Session },
];

const CONFIG: &str = "version = 1\n[defaults]\ncertificate = 'x'\nsession_duration = '15m'\n\
    [session.a]\nassume_role_tag = ['a=b', \"c\"]\nno_verify_ssl = true\n[session.b]\nsession_duration = 0xE10\n";

const SCOPE_POLICY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}"#;

const AWS_FILE: &str =
    "[default]\nregion = a\n\n[profile build]\ncredential_process = x\n    more = y\n# c\n[ p ]\r\na:b\r\n";

/// Changes a text: some characters are replaced, and it is cut and joined again.
fn changed(
    text: &str,
    changes: &[(prop::sample::Index, char)],
    cut: (prop::sample::Index, prop::sample::Index),
) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for (place, character) in changes {
        let place = place.index(characters.len());
        characters[place] = *character;
    }
    let (from, to) = (cut.0.index(characters.len() + 1), cut.1.index(characters.len() + 1));
    characters[..from].iter().chain(&characters[to..]).collect()
}

fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, char)>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<char>()), 0..6)
}

fn places() -> impl Strategy<Value = (prop::sample::Index, prop::sample::Index)> {
    let same = any::<prop::sample::Index>().prop_map(|place| (place, place));
    prop_oneof![same, (any::<prop::sample::Index>(), any::<prop::sample::Index>())]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_configurations_are_survived(changes in changes(), cut in places()) {
        let text = changed(CONFIG, &changes, cut);
        match Config::of_text("c.toml".as_ref(), &text, &KEYS) {
            Ok(config) => prop_assert!(config.session_names().all(|name| config.session(name).is_some())),
            Err(error) => prop_assert!(!error.to_string().is_empty() && !error.id().is_empty()),
        }
    }

    #[test]
    fn changed_arns_are_read_and_written_or_refused(
        anchor in "arn:aws(-cn)?:(iam|rolesanywhere):[a-z0-9-]{0,12}:[0-9]{0,13}:(role|profile|trust-anchor)/?[\\PC]{0,20}",
        changes in changes(),
        cut in places(),
    ) {
        let text = changed(&anchor, &changes, cut);
        if let Ok(arn) = text.parse::<Arn>() {
            prop_assert_eq!(arn.as_str(), text.as_str());
        }
        let role = text.parse::<RoleArn>().map(|arn| arn.role_name().to_owned());
        let _ = (role, text.parse::<ProfileArn>(), text.parse::<TrustAnchorArn>());
    }

    #[test]
    fn changed_policies_are_survived(changes in changes(), cut in places()) {
        let text = changed(SCOPE_POLICY, &changes, cut);
        if let Ok(policy) = ScopePolicy::parse(text.as_bytes(), "p.json") {
            let again = ScopePolicy::parse(policy.as_str().as_bytes(), "p.json");
            prop_assert!(again.is_ok_and(|again| again.as_str() == policy.as_str()));
        }
    }

    #[test]
    fn changed_files_of_the_aws_cli_are_survived(changes in changes(), cut in places()) {
        let text = changed(AWS_FILE, &changes, cut);
        for section in view::sections(text.as_bytes()) {
            let _ = (section.profile(), section.property("credential_process").is_some());
        }
    }

    /// What is written for an SDK to split is split into the same words.
    #[test]
    fn words_are_written_so_that_they_are_read_again(
        words in prop::collection::vec("([ -~äß\\\\'\"$`]){1,12}", 1..5),
        line in "([ -~]|\\PC){0,40}",
    ) {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if let Ok(written) = command_line::written(&words, System::Unix) {
            let read = command_line::read(&written).map(|reading| reading.words).unwrap_or_default();
            prop_assert_eq!(read, words);
        }
        let _ = (command_line::read(&line), command_line::cut(&line), command_line::without_secrets(&line));
    }

    #[test]
    fn addresses_of_all_kinds_are_read_or_refused(
        text in "(https?://|unix:|env:|fd:|pkcs11:|handle:)?([a-z0-9.@:/?#%\\[\\]-]|\\PC){0,30}",
    ) {
        if let Ok(endpoint) = Endpoint::parse(&text) {
            let again = Endpoint::parse(&endpoint.to_string());
            prop_assert!(again.is_ok_and(|again| again.to_string() == endpoint.to_string()), "{}", endpoint);
        }
        if let Ok(input) = Input::parse(&text) {
            prop_assert!(!input.to_string().is_empty());
        }
        let _ = (Proxies::explicit(&text).map(|proxies| proxies.shown_for("a.example", 443).is_some()), ViaAddress::parse(&text));
    }

    #[test]
    fn times_and_names_are_read_and_written_or_refused(
        time in "[0-9]{3,5}-[0-9]{1,2}-[0-9]{1,2}[Tt ][0-9:.]{5,12}(Z|[+-][0-9:]{2,6})?|[A-Z][a-z]{2}, [0-9]{1,2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{7,9} GMT",
        text in "[0-9a-fA-F]{60,68}|\\PC{0,20}",
    ) {
        if let Some(time) = Timestamp::parse_rfc3339(&time) {
            prop_assert_eq!(Timestamp::parse_rfc3339(&time.to_string()), Some(time));
        }
        let _ = Timestamp::parse_http_date(&time);
        if let Ok(key) = text.parse::<CacheKey>() {
            prop_assert_eq!(key.to_string(), text.clone());
        }
        let _ = (text.parse::<Namespace>(), text.parse::<CacheChoice>());
    }
}
