//! Hosts that are well, usual and unusual: no alarm, and nothing left behind.

use std::fs;
use std::net::TcpListener;

use pki_test::certificate::Validity;
use pki_test::end_entity::EndEntitySpec;
use time::{Duration, OffsetDateTime};

use super::host::{Host, each};

#[test]
fn a_good_host_is_good_in_every_check_and_is_left_as_it_was() {
    let host = Host::set();
    let answer = host.doctor();
    assert!(answer.data["cause"].is_null(), "{}", answer.text());
    assert_eq!((answer.status, answer.of("bad"), answer.of("doubtful")), (0, Vec::new(), Vec::new()));
    assert_eq!(answer.of("not-checked"), Vec::<String>::new());
    let page = include_str!("../../src/manual/doctor.md");
    for check in answer.data["checks"].as_array().unwrap() {
        let id = check["id"].as_str().unwrap();
        assert!(page.contains(&format!("`{id}`")), "{id} is not on the page");
    }
    assert_eq!(host.stage.simulator().sessions_requested(), 1);
    let before = host.everything();
    assert_eq!(host.doctor().status, 0);
    assert_eq!(host.everything(), before, "nothing is written");
}

/// A certificate of the stage's CA that lives from a day ago for so long.
fn issue(host: &mut Host, lives: Duration) {
    let begins = OffsetDateTime::now_utc() - Duration::minutes(10);
    host.issue(&EndEntitySpec::new("CN=bench".parse().unwrap(), Validity::starting(begins, lives)));
}

type Unusual = (&'static str, fn(&mut Host));

const UNUSUAL: &[Unusual] = &[
    ("a certificate of one hour, renewed all the time", |host| issue(host, Duration::HOUR)),
    ("an encrypted key with its password in a file", |host| {
        let key = host.write("encrypted.key", host.stage.encrypted_key("right"), 0o600);
        let password = host.write("password", "right\n", 0o600);
        host.say("private_key", &key);
        host.say("pkcs8_password_file", &password);
        host.env.insert("ANYROLE_CACHE", String::from("none"));
    }),
    ("certificate and key in one file", |host| {
        let both = fs::read_to_string(host.stage.certificate()).unwrap()
            + &fs::read_to_string(host.stage.private_key()).unwrap();
        let path = host.write("both.pem", both, 0o600);
        host.say("certificate", &path);
        host.session.remove("private_key");
    }),
    ("a file with the CAs of the whole company", |host| {
        let other = Host::set().stage.issuing().certificate_pem();
        let chain = fs::read_to_string(host.stage.certificate()).unwrap();
        let path = host.write("bundle.pem", format!("{chain}{other}"), 0o644);
        host.say("certificate", &path);
    }),
    ("no cache, as it was asked for", |host| {
        host.env.insert("ANYROLE_CACHE", String::from("none"));
    }),
    ("an empty AWS config file", |host| host.aws = String::from("\n")),
    ("other profiles, with other programs and keys", |host| {
        host.aws.push_str(
            "\n[default]\nregion = eu-west-1\n[profile old]\ncredential_process = /opt/gone/helper $HOME\n\
             [profile sso]\nsso_session = corp\n[sso-session corp]\nsso_region = eu-west-1\n",
        );
        host.write(
            ".aws/credentials",
            "[admin]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = x\n",
            0o600,
        );
    }),
    ("a profile that is chosen by its variable", |host| {
        host.env.insert("AWS_PROFILE", String::from("build"));
    }),
    ("a shell with a session of anyrole env", |host| {
        for (name, value) in [
            ("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "token"),
            ("AWS_CREDENTIAL_EXPIRATION", "2100-01-01T00:00:00Z"),
        ] {
            host.env.insert(name, String::from(value));
        }
    }),
    ("an endpoint on this host where somebody listens", |host| {
        // It listens as long as the process of the tests lives.
        let listener = Box::leak(Box::new(TcpListener::bind("127.0.0.1:0").unwrap()));
        let url = format!("http://{}/v1/credentials/build", listener.local_addr().unwrap());
        host.env.insert("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
    }),
    ("plain HTTP to this machine", |host| host.say("endpoint", &host.stage.http_endpoint())),
    ("no STS in reach, and an endpoint of one's own", |host| {
        host.session.remove("sts_endpoint");
    }),
    ("a proxy that is not for this endpoint", |host| {
        host.env.insert("HTTPS_PROXY", String::from("http://proxy.invalid:3128"));
        host.env.insert("NO_PROXY", String::from("127.0.0.1"));
    }),
    ("a key in a work tree that ignores it", |host| {
        host.write("repository/.git/HEAD", "ref: refs/heads/main\n", 0o644);
        host.write("repository/.gitignore", "/secrets/\n", 0o644);
        let key =
            host.write("repository/secrets/host.key", fs::read(host.stage.private_key()).unwrap(), 0o600);
        host.say("private_key", &key);
    }),
    ("a key behind links, as Kubernetes mounts secrets", |host| {
        let key = host.write("mount/..2026/host.key", fs::read(host.stage.private_key()).unwrap(), 0o600);
        let link = host.path("mount/host.key");
        std::os::unix::fs::symlink(key, &link).unwrap();
        host.say("private_key", link.to_str().unwrap());
    }),
    ("a profile that decides how long sessions last", |host| host.say("session_duration", "profile")),
    ("a key in a variable", |host| {
        let key = fs::read_to_string(host.stage.private_key()).unwrap();
        host.env.insert("CI_KEY", key);
        host.say("private_key", "env:CI_KEY");
    }),
    ("a config file with comments, CRLF and quotes", |host| {
        host.aws = format!(
            "# work\r\n\r\n{}",
            host.aws.replace("[profile build]", "[profile \"build\"]").replace('\n', "\r\n")
        );
    }),
];

#[test]
fn unusual_hosts_raise_no_alarm() {
    each(UNUSUAL, |(name, change), host| {
        change(host);
        let answer = host.doctor();
        assert_eq!(answer.status, 0, "{name}: {}", answer.text());
        assert_eq!((answer.of("bad"), answer.of("doubtful")), (Vec::new(), Vec::new()), "{name}");
        host.reset();
    });
}

#[test]
fn without_a_name_it_is_the_session_that_there_is_or_where_to_begin() {
    let host = Host::set();
    let bare = |arguments: &[&str]| {
        let output = host.stage.anyrole(arguments).stdout(std::process::Stdio::piped()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (status, text) = bare(&["doctor"]);
    assert_eq!(status, Some(1));
    assert!(text.contains("nothing is configured here") && text.contains("anyrole configure NAME"), "{text}");
    let line = format!(
        "[default]\nregion = eu-central-1\ncredential_process = {} credential-process --certificate {} --private-key {} --trust-anchor-arn {} --profile-arn {} --role-arn {} --endpoint {}\n",
        env!("CARGO_BIN_EXE_anyrole"),
        host.stage.certificate(),
        host.stage.private_key(),
        crate::support::stage::TRUST_ANCHOR,
        crate::support::stage::PROFILE,
        crate::support::stage::ROLE,
        host.stage.http_endpoint(),
    );
    host.write(".aws/config", &line, 0o600);
    for arguments in [&["doctor"][..], &["doctor", "default"][..]] {
        let (status, text) = bare(arguments);
        assert_eq!(status, Some(0), "{text}");
        assert!(text.contains("AWS grants a session of") && text.ends_with("nothing is bad\n"), "{text}");
    }
    host.doctor();
    let before = host.stage.simulator().sessions_requested();
    let (status, text) = bare(&["doctor", "--cache", "file"]);
    assert_eq!(status, Some(0), "{text}");
    assert!(
        text.contains("build: '") && text.contains("build: nothing is sent for several sessions"),
        "every session, offline: {text}"
    );
    assert_eq!(host.stage.simulator().sessions_requested(), before);
}
