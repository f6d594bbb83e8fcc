//! What an SDK is given, by both protocols.

use super::{Server, Stage};

const LIST: &str = "/latest/meta-data/iam/security-credentials";

fn is_a_session(document: &serde_json::Value) {
    assert_eq!(document["Code"], "Success");
    assert_eq!(document["Type"], "AWS-HMAC");
    assert!(document["AccessKeyId"].as_str().unwrap().starts_with("ASIA"));
    for member in ["SecretAccessKey", "Token"] {
        assert!(!document[member].as_str().unwrap().is_empty());
    }
    for member in ["LastUpdated", "Expiration"] {
        let time = document[member].as_str().unwrap();
        assert_eq!((time.len(), time.ends_with('Z')), (20, true), "{time}");
    }
}

#[test]
fn the_metadata_service_speaks_as_every_sdk_asks() {
    let stage = Stage::set();
    let server = Server::start(&stage);
    let endpoint = server.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    assert_eq!(endpoint, format!("http://{}/", server.address));

    let ttl = "x-aws-ec2-metadata-token-ttl-seconds";
    let reply = server.ask("PUT", "/latest/api/token", &[(ttl, "300")]);
    assert_eq!((reply.status, reply.header(ttl)), (200, Some("300")));
    for (value, path) in
        [("0", "/latest/api/token"), ("21601", "/latest/api/token"), ("x", "//latest/api/token")]
    {
        assert_eq!(server.ask("PUT", path, &[(ttl, value)]).status, 400, "{value}");
    }
    assert_eq!(server.ask("PUT", "/latest/api/token", &[]).status, 400, "no time to live");
    assert_eq!(server.ask("GET", "/latest/api/token", &[(ttl, "300")]).status, 405);
    assert_eq!(server.ask("PUT", "//latest/api/token", &[(ttl, "300")]).status, 200, "a slash too many");

    // The role list has no line feed, with a slash and without.
    for path in [LIST.to_owned(), format!("{LIST}/"), format!("/{LIST}")] {
        let reply = server.metadata(&path);
        assert_eq!((reply.status, reply.body.as_str()), (200, "build"), "{path}");
        assert!(reply.header(ttl).is_some());
    }
    let reply = server.metadata(&format!("{LIST}/build"));
    assert_eq!(reply.status, 200);
    is_a_session(&reply.json());
    assert_eq!(reply.header("cache-control"), Some("no-store"));

    for (path, body) in [
        ("/latest/meta-data/placement/region", "eu-central-1"),
        ("/latest/meta-data/placement/availability-zone", "eu-central-1a"),
        ("/latest/meta-data/placement/availability-zone/", "eu-central-1a"),
    ] {
        assert_eq!(server.metadata(path).body, body);
    }
    let document = server.metadata("/latest/dynamic/instance-identity/document").json();
    assert_eq!(
        (&document["region"], &document["accountId"]),
        (&"eu-central-1".into(), &"111122223333".into())
    );

    for path in [
        "/latest/meta-data/iam/security-credentials-extended/",
        "/latest/meta-data/iam/security-credentials-extended",
        "/latest/meta-data/iam/security-credentials/other",
        "/latest/meta-data/iam/security-credentials/build/",
        "/latest/meta-data/",
        "/latest/user-data",
        "/",
    ] {
        assert_eq!(server.metadata(path).status, 404, "{path}");
    }
    // Nobody without a token, and no token that was changed.
    let path = format!("{LIST}/build");
    assert_eq!(server.ask("GET", &path, &[]).status, 401);
    let token = server.metadata_token();
    for wrong in [
        format!("{}{}", &token[..20], token.chars().rev().collect::<String>()),
        token.clone() + "A",
        String::new(),
    ] {
        assert_eq!(server.ask("GET", &path, &[("x-aws-ec2-metadata-token", &wrong)]).status, 401, "{wrong}");
    }
    let twice = [("x-aws-ec2-metadata-token", token.as_str()), ("x-aws-ec2-metadata-token", token.as_str())];
    assert_eq!(server.ask("GET", &path, &twice).status, 401);
    assert_eq!(stage.journal().len(), 1, "all of it was one session");
    assert_eq!(server.end(), Some(0));
}

#[test]
fn the_container_path_asks_for_the_token_of_its_session() {
    let stage = Stage::set();
    let server = Server::start(&stage);
    let token = server.token("session");
    let uri = server.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    assert_eq!(uri, format!("http://{}/v1/credentials/session", server.address));
    let reply = server.ask("GET", "/v1/credentials/session", &[("authorization", &token)]);
    assert_eq!(reply.status, 200);
    is_a_session(&reply.json());
    assert_eq!(reply.json()["RoleArn"], "arn:aws:iam::111122223333:role/build");
    assert_eq!(reply.json()["AccountId"], "111122223333");
    let handed = server.logged(|line| line.contains(" handed-out ") && line.contains("by=container"));
    assert!(handed.contains("session=session access-key-id=ASIA"), "{handed}");
    assert!(handed.contains(&format!("user={}", users_number())), "{handed}");

    for (status, method, path, token) in [
        (401, "GET", "/v1/credentials/session", String::new()),
        (401, "GET", "/v1/credentials/session", token.clone() + "x"),
        (401, "GET", "/v1/credentials/session", format!("Bearer {token}")),
        (401, "GET", "/v1/credentials/other", String::new()),
        (404, "GET", "/v1/credentials/other", token.clone()),
        (404, "GET", "/v1/credentials/session/", token.clone()),
        (405, "PUT", "/v1/credentials/session", token.clone()),
    ] {
        assert_eq!(server.ask(method, path, &[("authorization", &token)]).status, status, "{path} {token}");
    }
    // The token's file is the owner's alone, and has no line feed, which SDKs refuse.
    let file = server.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(file).unwrap().permissions());
    assert_eq!((mode & 0o777, token.len()), (0o600, 43));
    let health = server.ask("GET", "/healthz", &[]);
    assert_eq!((health.status, health.json()["sessions"][0]["name"].as_str()), (200, Some("session")));
    assert!(!health.body.contains("ASIA"));
    assert_eq!(server.end(), Some(0));
}

fn users_number() -> u32 {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap())
}

/// Keep-alive: one connection, many requests; and nothing behind one that was refused.
#[test]
fn a_connection_is_kept_until_a_request_is_refused() {
    let stage = Stage::set();
    let server = Server::start(&stage);
    let token = server.token("session");
    let host = &server.address;
    let good =
        format!("GET /v1/credentials/session HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\n\r\n");
    let last = good.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    assert_eq!(server.send(&format!("{good}{good}{last}")).matches("\"Code\":\"Success\"").count(), 3);
    let bad = good.replace(&token, "wrong");
    let answer = server.send(&format!("{bad}{good}"));
    assert_eq!(
        (answer.matches("HTTP/1.1 401").count(), answer.matches("Success").count()),
        (1, 0),
        "{answer}"
    );
    assert_eq!(server.end(), Some(0));
}
