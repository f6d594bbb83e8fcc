//! Selectors in every form, and what they select.

use pki_test::algorithm::KeyAlgorithm;
use pki_test::authority::{Authority, AuthoritySpec};
use pki_test::certificate::Validity;
use pki_test::end_entity::EndEntitySpec;
use pki_test::key_pair::KeyPair;
use proptest::prelude::*;

use super::*;

fn issued(subject: &str) -> Certificate {
    let validity = Validity::starting(time::OffsetDateTime::UNIX_EPOCH, time::Duration::days(30));
    let name = "CN=TEST CA+OU=Keys,O=Example\\, Inc.".parse().unwrap();
    let key = KeyPair::generate(KeyAlgorithm::EcP256).unwrap();
    let root = Authority::root(&AuthoritySpec::new(name, validity), key).unwrap();
    let key = KeyPair::generate(KeyAlgorithm::EcP256).unwrap();
    let spec = EndEntitySpec::new(subject.parse().unwrap(), validity);
    let issued = root.issue(&spec, key.subject_public_key_info()).unwrap();
    Certificate::parse(issued.certificate_der()).unwrap()
}

fn matches(text: &str, certificate: &Certificate) -> bool {
    Selector::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).matches(certificate)
}

#[test]
fn every_form_of_the_official_helper_is_read() {
    let both =
        "Key=x509Subject,Value=CN=CN With Trailing Spaces,O=O With Spaces Key=x509Issuer,Value=CN=Issuer";
    let spaced = " \n  Key=x509Subject,Value=CN=CN With Trailing Spaces,O=O With Spaces   \t   Key=x509Issuer,Value=CN=Issuer  \n";
    assert_eq!(Selector::parse(spaced), Selector::parse(both));
    let json = r#"[{"Key": "x509Issuer", "Value": "CN=Issuer"},
        {"Key": "x509Subject", "Value": "CN=CN With Trailing Spaces,O=O With Spaces"}]"#;
    assert_eq!(Selector::parse_json(json), Selector::parse(both));
    let all = "Key=x509Subject,Value=CN=Subject Key=x509Issuer,Value=CN=Issuer Key=x509Serial,Value=15D19632234BF759A32802C0DA88F9E8AFC8702D";
    assert_eq!(Selector::parse(all).unwrap().to_string(), all);
}

#[test]
fn what_is_no_selector_is_told() {
    for (text, why) in [
        ("", "at least one"),
        ("laksdjadf", "is written as Key="),
        ("Key=laksdjf,Valalsd", "is written as Key="),
        ("Key=aljsdf,Value=aljsdfadsf", "one of x509Subject"),
        ("asdf Key=x509Subject,Value=CN=Test", "is written as Key="),
        ("Key=x509Subject,Value=CN=a Key=x509Subject,Value=CN=b", "x509Subject is given twice"),
        ("Key=x509Subject,Value=Test", "the Value of x509Subject: a name is written as"),
        ("Key=x509Subject,Value=", "has no '='"),
        ("Key=x509Serial,Value=alskjdfa", "in hex"),
        ("Key=x509Serial,Value=", "in hex"),
        ("Key=sha256,Value=aa:bb", "64 hex digits"),
        ("Key=sha1,Value=aa:bb", "40 hex digits"),
        (&"x".repeat(LENGTH_LIMIT + 1), "longer than 16384 octets"),
    ] {
        let error = Selector::parse(text).unwrap_err();
        assert!(error.why.contains(why), "{text}: {error}");
    }
    for text in ["asldjf", r#"{"lajsdf": "lajsdlfjadf"}"#, r#"[{"Key": "x509Serial"}]"#, "[1]"] {
        assert!(Selector::parse_json(text).unwrap_err().why.contains("it is an array like"), "{text}");
    }
    assert!(Selector::parse_json("[]").unwrap_err().why.contains("at least one"));
}

#[test]
fn a_certificate_is_selected_by_any_of_its_marks() {
    let certificate = issued("CN=TEST build-17,O=Example");
    let serial = certificate.serial_number();
    let colons = |digits: &str| {
        digits
            .as_bytes()
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).unwrap())
            .collect::<Vec<_>>()
            .join(":")
    };
    for text in [
        String::from("Key=x509Subject,Value=CN=TEST build-17,O=Example"),
        String::from("Key=x509Subject,Value=o = example, cn = test  BUILD-17"),
        String::from("Key=x509Issuer,Value=OU=Keys + CN=TEST CA, O=\"Example, Inc.\""),
        format!("Key=x509Serial,Value={}", serial.hex().to_uppercase()),
        format!("Key=X509SERIAL,Value=0x00{}", serial.hex()),
        format!("Key=x509Serial,Value={}", colons(serial.hex())),
        format!("Key=sha256,Value={}", colons(&certificate.sha256()).to_uppercase()),
        format!("Key=sha1,Value=\u{200e}{}", colons(&certificate.sha1()).replace(':', " ")),
        Selector::of_one(&certificate).to_string(),
        Selector::of_renewals(&certificate).unwrap().to_string(),
    ] {
        assert!(matches(&text, &certificate), "{text}");
    }
    for text in [
        "Key=x509Subject,Value=CN=TEST build-17",
        "Key=x509Subject,Value=CN=TEST build-17,O=Example Key=x509Issuer,Value=CN=TEST build-17,O=Example",
        "Key=x509Serial,Value=01",
    ] {
        assert!(!matches(text, &certificate), "{text}");
    }
    let decimal = Selector::parse(&format!("Key=x509Serial,Value={}", serial.decimal())).unwrap();
    assert_eq!(decimal.serial_in_decimal(&certificate).as_deref(), Some(serial.hex()));
    assert_eq!(Selector::of_one(&certificate).serial_in_decimal(&certificate), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever stands in a name: the selector that is printed selects its certificate, and a text that was written is read again.
    #[test]
    fn what_is_printed_selects_again(common in "\\PC{1,30}", unit in "( Key=x509Serial,Value=|[ -~]){1,20}") {
        let escape = |text: &str| -> String {
            text.bytes().map(|octet| format!("\\{octet:02x}")).collect()
        };
        let certificate = issued(&format!("CN={},OU={}", escape(&common), escape(&unit)));
        let renewals = Selector::of_renewals(&certificate);
        prop_assert!(renewals.is_some(), "{}", certificate.subject_name());
        let printed = renewals.map(|selector| selector.to_string()).unwrap_or_default();
        let again = Selector::parse(&printed);
        prop_assert!(again.as_ref().is_ok_and(|again| again.matches(&certificate)), "{} {:?}", printed, again);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(
        text in "(Key=|x509Subject|x509Issuer|x509Serial|sha1|,Value=|CN=|O=|=|,|;|\\+|/|\\\\|\\\\x|\\\\u\\{|\\}|\"|#|[0-9a-f]{2}| |\\PC){0,24}",
    ) {
        if let Ok(selector) = Selector::parse(&text) {
            prop_assert!(Selector::parse(&selector.to_string()).is_ok(), "{}", selector);
        }
        let _ = Selector::parse_json(&text);
        let _ = Selector::parse(&format!("Key=x509Subject,Value={text}"));
        let _ = WrittenName::parse(&text).map(|name| name.is(text.as_bytes()));
    }
}
