//! Addresses, places and times as a person, a variable or a header gives them.
#![no_main]

use anyrole::clock::Timestamp;
use anyrole::http::Proxies;
use anyrole::identity::Input;
use anyrole::signer::tpm::TpmPlace;
use anyrole::signing::Endpoint;
use anyrole::via::ViaAddress;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(endpoint) = Endpoint::parse(text) {
        let again = Endpoint::parse(&endpoint.to_string()).expect("what is printed can be read");
        assert_eq!(again.to_string(), endpoint.to_string());
        assert!(!endpoint.host().is_empty());
    }
    if let Ok(proxies) = Proxies::explicit(text) {
        let _ = (proxies.shown_for("a.example", 443), format!("{proxies:?}"));
    }
    let _ = (Input::parse(text).map(|input| input.to_string()), ViaAddress::parse(text), TpmPlace::parse(text));
    for time in [Timestamp::parse_rfc3339(text), Timestamp::parse_http_date(text)].into_iter().flatten() {
        assert_eq!(Timestamp::parse_rfc3339(&time.to_string()), Some(time));
        let _ = (time.amz_date(), time.scope_date());
    }
});
