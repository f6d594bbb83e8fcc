//! Trust policies, judged for what Roles Anywhere and a chained role do; and policies that narrow a session.
#![no_main]

use anyrole::policy::{Caller, Context, ROLES_ANYWHERE, TrustPolicy, Truth};
use anyrole::sts::ScopePolicy;
use libfuzzer_sys::fuzz_target;

const ROLE: &str = "arn:aws:iam::111122223333:role/build";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/build/4242";

fn contexts() -> [Context; 3] {
    let mut known = Context::open();
    known.set("aws:PrincipalTag/x509Subject/CN", "build-17");
    known.set("aws:SourceArn", "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/a1b2c3d4-0000-4000-8000-000000000001");
    known.set("aws:SourceIp", "192.0.2.17");
    known.set("aws:CurrentTime", "2026-11-23T16:00:00Z");
    known.set("aws:EpochTime", "1795449600");
    known.set("aws:SecureTransport", "true");
    known.set_all("aws:TagKeys", [String::from("x509Subject/CN"), String::from("x509SAN/DNS")]);
    known.know_all("aws:PrincipalTag/");
    [Context::open(), Context::closed(), known]
}

fuzz_target!(|input: &[u8]| {
    if let Ok(policy) = ScopePolicy::parse(input, "policy.json") {
        let again = ScopePolicy::parse(policy.as_str().as_bytes(), "policy.json").expect("what is sent can be read");
        assert_eq!(again.as_str(), policy.as_str());
    }
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(policy) = TrustPolicy::parse(text) else { return };
    let callers = [Caller::Service(ROLES_ANYWHERE), Caller::RoleSession { role_arn: ROLE, session_arn: SESSION }];
    let [open, closed, known] = contexts();
    for caller in callers {
        for action in ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"] {
            for context in [&open, &closed, &known] {
                let decision = policy.decide(action, caller, context);
                assert_eq!(decision.statements.len(), policy.statements().len());
                for opinion in &decision.statements {
                    let _ = (opinion.reason(), opinion.statement.name());
                    opinion.conditions.iter().for_each(|judged| drop(judged.told()));
                }
            }
            // What is decided without a fact is decided the same with it.
            let undecided = policy.decide(action, caller, &open).allowed;
            if undecided != Truth::Unknown {
                assert_eq!(policy.decide(action, caller, &known).allowed, undecided);
                assert_eq!(policy.decide(action, caller, &closed).allowed, undecided);
            }
        }
    }
});
