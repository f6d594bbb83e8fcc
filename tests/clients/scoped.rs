//! Narrower sessions: botocore's client judges the simulator's GetScopedCredentials, and its model what ours asks for.

use std::fs;
use std::time::Duration;

use anyrole::sts::{Scope, ScopePolicy};
use serde_json::{Value, json};

use super::client::{Client, consumers, python};
use super::world::World;
use crate::support::components::missing;

const POLICY: &str = r#"{"Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}"#;

/// Returns what botocore has to say, or `None` after saying that there is none that knows the operation.
fn judge(world: &World) -> Option<Value> {
    let known = "import boto3; boto3.client('sts', 'us-east-1').get_scoped_credentials";
    let Some(mut python) = python(known) else {
        missing("botocore 1.44");
        return None;
    };
    python.arg(consumers().join("boto3/scoped_credentials.py")).arg(POLICY);
    python.env("AWS_ENDPOINT_URL_STS", world.simulator.http_endpoint());
    let output = world.run_with(python, "file");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).expect("the script writes JSON"))
}

#[test]
fn botocore_understands_the_simulator() {
    let world = World::start(|_| {});
    let Some(told) = judge(&world) else { return };
    assert_eq!(told["missing"], json!([]), "every member of the model is answered");
    assert_eq!((&told["count"], &told["token_size"]), (&json!(1), &json!(2000)));
    assert_eq!(told["token_is_as_long"], json!(true));
    let arn = world.assumed_role_arn();
    assert_eq!((&told["arn"], &told["callers"]), (&json!(arn), &json!([arn, arn])));
    assert_eq!(
        told["refusals"],
        json!({
            "fourth": ["ClientError", "AccessDenied"],
            "lifetime": ["InsufficientSessionLifetimeException", "InsufficientSessionLifetime"],
            "malformed": ["MalformedPolicyDocumentException", "MalformedPolicyDocument"],
            "nothing": ["ClientError", "ValidationError"],
            "not_allowed": ["ClientError", "AccessDenied"],
        })
    );
    // What botocore sends is what the simulator reads.
    let layers = world
        .simulator
        .journal()
        .into_iter()
        .find(|entry| entry.action.as_deref() == Some("GetScopedCredentials"))
        .expect("it was asked")
        .scope_layers;
    assert_eq!(layers[0].policy.as_deref(), Some(POLICY));
    assert_eq!(layers[0].duration_seconds, Some(600));
    assert_eq!(layers[0].description.as_deref(), Some("plan & apply + «1»"));
}

#[test]
fn the_models_limits_are_ours() {
    let world = World::start(|_| {});
    let Some(told) = judge(&world) else { return };
    let number =
        |parameter: &str, limit: &str| told["limits"][parameter][limit].as_u64().expect("it has one");

    let (least, most) = (number("DurationSeconds", "min"), number("DurationSeconds", "max"));
    let duration = |seconds| Scope::new(None, Some(Duration::from_secs(seconds)), None).is_ok();
    assert!(!duration(least - 1) && duration(least) && duration(most) && !duration(most + 1));

    let (least, most) =
        (number("ScopedSessionDescription", "min"), number("ScopedSessionDescription", "max"));
    let described = |length: u64| {
        let text = "ü".repeat(usize::try_from(length).expect("it is small"));
        Scope::new(None, Some(Duration::from_secs(60)), Some(text)).is_ok()
    };
    assert!(!described(least - 1) && described(least) && described(most) && !described(most + 1));

    let most = usize::try_from(number("Policy", "max")).expect("it is small");
    let policy = |length: usize| {
        let frame = r#"{"Statement":[],"Id":""}"#.len();
        let text = format!(r#"{{"Statement":[],"Id":"{}"}}"#, "ü".repeat(length - frame));
        ScopePolicy::parse(text.as_bytes(), "p.json").is_ok()
    };
    assert!(policy(most) && !policy(most + 1));
    assert_eq!(told["limits"]["Policy"]["pattern"], r"[\u0009\u000A\u000D\u0020-\u00FF]+");
    let pattern = &told["limits"]["ScopedSessionDescription"]["pattern"];
    assert_eq!(pattern, r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*");
}

#[test]
fn clients_act_with_a_narrowed_session() {
    let world = World::start(|_| {});
    world.write("read only.json", POLICY);
    let config = world.home().join("config");
    let text = fs::read_to_string(&config).expect("it was written");
    let narrowed = format!(
        "{} --scope-policy \"{}\" --scope-duration 20m --sts-endpoint {}\n",
        text.trim_end(),
        world.home().join("read only.json").display(),
        world.simulator.http_endpoint()
    );
    world.write("config", &narrowed);
    let mut acted = 0;
    for client in [Client::AwsCli1, Client::Boto3, Client::JavaScriptProcess] {
        let Some(command) = client.command(&world) else { continue };
        acted += 1;
        let output = world.run_with(command, "file");
        assert!(output.status.success(), "{client}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains(&world.assumed_role_arn()), "{client}");
        let entry = world.simulator.journal().pop().expect("STS was asked");
        assert_eq!(entry.action.as_deref(), Some("GetCallerIdentity"), "{client}");
        assert_eq!(entry.scope_layers[0].policy.as_deref(), Some(POLICY), "{client}");
    }
    assert_eq!(world.simulator.sessions_created(), acted.min(1), "all of one session, from the cache");
}
