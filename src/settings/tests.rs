//! Layers, the identity's group, and refusals.
#![expect(clippy::disallowed_methods, reason = "the files of a test")]

use super::*;

const ALL: &[Group] = &[Group::Session, Group::Identity, Group::Network, Group::Program];

const CONFIG: &str = "version = 1
[defaults]
certificate = 'default.pem'
private_key = 'default.key'
region = 'eu-west-1'
[session.one]
role_arn = 'one'
certificate = 'one.pem'
[session.two]
role_arn = 'two'
no_verify_ssl = true
";

fn resolved(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Settings, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("c.toml");
    std::fs::write(&path, CONFIG).expect("the test's file");
    let mut variables: Vec<(String, String)> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    variables.push((String::from("ANYROLE_CONFIG"), path.display().to_string()));
    Settings::resolve(&typed(arguments), &Environment::given(variables), ALL)
        .map_err(|error| format!("{error:?}"))
}

/// Returns what plain arguments say: a word, `--flag=value`, `--flag value`, or `--flag` of a boolean.
fn typed(arguments: &[&str]) -> Typed {
    let mut typed = Typed::default();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let Some(flag) = argument.strip_prefix("--") else {
            typed.words.push((*argument).to_owned());
            continue;
        };
        let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
        let flag = table::setting(name);
        let value = match value {
            Some(value) => value,
            None if flag.kind == Kind::Boolean => "true",
            None => arguments.next().expect("its value"),
        };
        typed.add(flag, Zeroizing::new(value.to_owned()));
    }
    typed
}

fn text(settings: &Settings, name: &str) -> Option<String> {
    settings.given(name).map(|given| given.text().to_owned())
}

#[test]
fn a_session_on_the_command_line_is_stronger_than_a_variable() {
    let variables = [("ANYROLE_ROLE_ARN", "leaked"), ("ANYROLE_SESSION", "two")];
    let settings = resolved(&["one"], &variables).expect("good");
    assert_eq!(text(&settings, "role-arn").as_deref(), Some("one"));
    assert!(!settings.boolean("no-verify-ssl"), "the preset session plays no part");
    let settings = resolved(&[], &variables).expect("good");
    assert_eq!(text(&settings, "role-arn").as_deref(), Some("leaked"));
    assert!(settings.boolean("no-verify-ssl"));
    let settings = resolved(&["one", "--role-arn", "a", "--role-arn=b"], &[]).expect("good");
    assert_eq!(text(&settings, "role-arn").as_deref(), Some("b"), "of several occurrences the last counts");
}

#[test]
fn one_layer_supplies_certificate_and_key() {
    let settings = resolved(&["one"], &[("ANYROLE_PRIVATE_KEY", "leaked.key")]).expect("good");
    assert_eq!(text(&settings, "certificate").as_deref(), Some("one.pem"));
    assert_eq!(text(&settings, "private-key"), None, "neither the default's nor the variable's key");
    assert_eq!(text(&settings, "region").as_deref(), Some("eu-west-1"));
    let settings = resolved(&["two"], &[]).expect("good");
    assert_eq!(text(&settings, "private-key").as_deref(), Some("default.key"));
}

#[test]
fn a_password_in_a_variable_opens_whichever_key_is_used() {
    let password = [("ANYROLE_PKCS8_PASSWORD", "opens")];
    let settings = resolved(&["one"], &password).expect("good");
    assert_eq!(text(&settings, "certificate").as_deref(), Some("one.pem"));
    assert_eq!(text(&settings, "pkcs8-password").as_deref(), Some("opens"));
    let settings = resolved(&["--certificate=c", "--pkcs8-password-file=f"], &password).expect("good");
    assert_eq!(text(&settings, "pkcs8-password"), None, "the key's own layer names its password");
}

#[test]
fn the_variables_of_the_sdks_are_weaker_than_everything_of_ours() {
    let aws = ("AWS_ENDPOINT_URL_ROLESANYWHERE", "https://aws.example");
    let settings = resolved(&[], &[aws]).expect("good");
    assert_eq!(settings.given("endpoint").expect("given").label(), "AWS_ENDPOINT_URL_ROLESANYWHERE");
    let settings = resolved(&[], &[aws, ("ANYROLE_ENDPOINT", "https://ours.example")]).expect("good");
    assert_eq!(text(&settings, "endpoint").as_deref(), Some("https://ours.example"));
    let ignored = [("AWS_ENDPOINT_URL", "https://x.example"), ("AWS_PROFILE", "x"), ("AWS_REGION", "x")];
    let settings = resolved(&[], &ignored).expect("good");
    assert!(settings.given("endpoint").is_none());
    assert_eq!(text(&settings, "region").as_deref(), Some("eu-west-1"));
}

#[test]
fn no_variable_switches_verification_off() {
    let settings = resolved(&[], &[("ANYROLE_NO_VERIFY_SSL", "true")]).expect("good");
    assert!(!settings.boolean("no-verify-ssl"));
}

#[test]
fn refusals_name_the_setting_as_it_was_given() {
    let refusal =
        |arguments: &[&str], variables: &[(&str, &str)]| resolved(arguments, variables).expect_err("refused");
    assert_eq!(
        refusal(&["--reuse-pin", "--system-store-name", "MY"], &[]),
        "--reuse-pin cannot be used with --system-store-name [settings-exclusive]"
    );
    assert_eq!(
        refusal(&[], &[("ANYROLE_USE_FIPS_ENDPOINT", "yes")]),
        "ANYROLE_USE_FIPS_ENDPOINT cannot be 'yes' [setting-value]"
    );
    assert_eq!(refusal(&["on"], &[]), "no config file defines the session 'on' [unknown-session]");
    assert_eq!(
        refusal(&[], &[("ANYROLE_SESSION", "oen")]),
        "no config file defines the session 'oen' (ANYROLE_SESSION) [unknown-session]"
    );
}

#[test]
fn debug_shows_no_value() {
    let settings = resolved(&["one", "--pkcs8-password", "canary", "--certificate=c"], &[]).expect("good");
    assert!(!format!("{settings:?}").contains("canary"));
}
