//! ARNs: what is taken is kept as it was written, and its parts are parts of it.
#![no_main]

use anyrole::arn::{self, Arn, ProfileArn, RoleArn, TrustAnchorArn};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let _ = arn::is_role_session_name(text);
    match text.parse::<Arn>() {
        Ok(arn) => {
            assert_eq!(arn.as_str(), text);
            let parts = [arn.partition(), arn.service(), arn.region(), arn.account(), arn.resource()].join(":");
            assert_eq!(format!("arn:{parts}"), text);
            let _ = (arn.is_alias(), arn.identifier());
        }
        Err(error) => drop(error.to_string()),
    }
    match text.parse::<RoleArn>() {
        Ok(role) => assert!(text.ends_with(role.role_name()) && !role.role_name().contains('/')),
        Err(error) => drop(error.to_string()),
    }
    let _ = (text.parse::<ProfileArn>().map(|arn| arn.to_string()), text.parse::<TrustAnchorArn>().map(|arn| arn.to_string()));
});
