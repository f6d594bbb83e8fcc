//! The config file's rules, tested on texts and on temporary folders.
#![expect(clippy::disallowed_methods, reason = "the files of a test")]

use std::path::{Path, PathBuf};

use super::*;
use crate::diagnostic::Diagnostic;

fn keys() -> Vec<Key> {
    [
        ("certificate", Shape::Text, Place::Anywhere),
        ("role-arn", Shape::Text, Place::Anywhere),
        ("session-duration", Shape::Duration, Place::Anywhere),
        ("no-verify-ssl", Shape::Boolean, Place::Session),
    ]
    .map(|(name, shape, place)| Key { name, shape, place })
    .to_vec()
}

fn parsed(text: &str) -> Result<parse::Parsed, ConfigError> {
    parse::parse(Path::new("c.toml"), text, &keys())
}

fn refusal(text: &str) -> String {
    let error = parsed(text).expect_err("a refusal");
    format!("{error} | {}", error.hint().unwrap_or_default())
}

#[test]
fn each_value_knows_its_line() {
    let parsed =
        parsed("version = 1\n[defaults]\n\ncertificate = 'x'\n[session.a]\nsession_duration = 0xE10\n");
    let parsed = parsed.expect("a good file");
    let entry = parsed.defaults.entry("certificate").expect("is there");
    assert_eq!(entry.origin.to_string(), "'c.toml', line 4");
    let session = &parsed.sessions["a"];
    assert_eq!(session.section.entry("session-duration").unwrap().value, Value::Text(String::from("0xE10")));
    assert_eq!(session.origin.line, 5);
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    for (text, said) in [
        (
            "",
            "the config file 'c.toml' does not tell its version | begin the file with the line: version = 1",
        ),
        ("version = 2", "the config file 'c.toml' has version '2', and this program knows version 1 | "),
        (
            "version = 1\n[defaults]\ncertificat = 'x'",
            "'c.toml', line 3: 'certificat' is not a setting | the nearest known setting is certificate",
        ),
        (
            "version = 1\ncertificate = 'x'",
            "'c.toml', line 2: 'certificate' is not a setting | put certificate under [defaults] or [session.NAME]",
        ),
        (
            "version = 1\n[defaults]\nno_verify_ssl = true",
            "'c.toml', line 3: no_verify_ssl is not taken from [defaults] | set no_verify_ssl in the one \
             [session.NAME] that needs it",
        ),
        (
            "version = 1\n[session.a]\nno_verify_ssl = 'true'",
            "'c.toml', line 3: no_verify_ssl must be true or false, without quotes | ",
        ),
        (
            "version = 1\n[session.'-a']",
            "'c.toml', line 2: '-a' is not a name for a session | use letters, digits, '.', '_' and '-', at most \
             64, a letter or digit first",
        ),
        (
            "version = 1\n[session]\na = 1",
            "'c.toml', line 3: 'session.a' is not a setting | begin a session with a line like [session.deploy]",
        ),
    ] {
        assert_eq!(refusal(text), said);
    }
    assert!(
        refusal("version = 1\n[defaults]\ncertificate = secret\n")
            .starts_with("'c.toml', line 3: not TOML: ")
    );
}

fn write(path: &Path, text: &str) -> PathBuf {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("the test's folder");
    std::fs::write(path, text).expect("the test's file");
    path.to_path_buf()
}

#[test]
fn the_user_s_file_lies_over_the_system_s() {
    let folder = tempfile::tempdir().expect("a folder");
    let system = write(
        &folder.path().join("etc/config.toml"),
        "version = 1\n[defaults]\ncertificate = 'system'\n[session.a]\nrole_arn = '1'\n[session.b]\nrole_arn = '2'",
    );
    write(&folder.path().join("etc/conf.d/1.toml"), "version = 1\n[session.c]\nrole_arn = '3'");
    let home = folder.path().join("home");
    write(
        &home.join(".config/anyrole/config.toml"),
        "version = 1\n[defaults]\ncertificate = 'user'\n[session.a]\ncertificate = 'x'",
    );
    let config =
        Config::load(&Files::Usual { system: Some(system), home: Some(home) }, &keys()).expect("good");
    assert_eq!(config.session_names().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(config.session("a").expect("is there").section.entry("role_arn").is_none(), "replaced whole");
    let certificates: Vec<_> =
        config.defaults().iter().map(|section| &section.entry("certificate").expect("set").value).collect();
    assert_eq!(certificates, [&Value::Text(String::from("user")), &Value::Text(String::from("system"))]);
}

#[test]
fn a_session_defined_in_two_drop_ins_names_both() {
    let folder = tempfile::tempdir().expect("a folder");
    let system = folder.path().join("config.toml");
    write(&folder.path().join("conf.d/1.toml"), "version = 1\n[session.c]\nrole_arn = '3'");
    write(&folder.path().join("conf.d/2.toml"), "version = 1\n\n[session.c]\nrole_arn = '3'");
    let error = Config::load(&Files::Usual { system: Some(system), home: None }, &keys()).expect_err("twice");
    assert_eq!(error.to_string(), "the session 'c' is defined twice");
    let facts: Vec<_> = error.facts().into_iter().map(|fact| fact.value).collect();
    assert!(facts[0].ends_with("1.toml', line 2") && facts[1].ends_with("2.toml', line 3"), "{facts:?}");
}

#[test]
fn every_drop_in_is_read_and_one_too_many_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = Files::Usual { system: Some(folder.path().join("config.toml")), home: None };
    let drop_in = |number: usize| {
        let text = format!("version = 1\n[session.s{number}]\nrole_arn = '{number}'");
        write(&folder.path().join(format!("conf.d/{number}.toml")), &text);
    };
    (0..300).for_each(drop_in);
    assert_eq!(Config::load(&files, &keys()).expect("good").session_names().count(), 300);
    for number in 300..=MAX_FILES {
        std::fs::hard_link(
            folder.path().join("conf.d/0.toml"),
            folder.path().join(format!("conf.d/{number}.toml")),
        )
        .expect("a link");
    }
    let error = Config::load(&files, &keys()).expect_err("one too many");
    assert_eq!(error.id(), "config-too-many-files");
    assert!(error.to_string().ends_with("conf.d' holds more than 10000 files"), "{error}");
}

#[test]
fn the_file_named_by_the_user_must_exist() {
    let error =
        Config::load(&Files::Alone(PathBuf::from("/nonexistent.toml")), &keys()).expect_err("missing");
    assert_eq!(error.id(), "config-missing");
}
