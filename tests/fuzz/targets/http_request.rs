//! Requests to the local endpoints, over one connection. `@CONTAINER@` and `@METADATA@` in the input become tokens that are right:
//! without one, no answer holds a secret.
#![no_main]

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use anyrole::cache::CacheEntry;
use anyrole::clock::{FixedClock, Timestamp};
use anyrole::credentials::{CredentialSet, SessionCredentials};
use anyrole::secret::Secret;
use anyrole::server::{Allowed, Caller, LastDocument, MetadataService, Offer, Peer, Refresher, Server, Site, Sockets, Source, Token};
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// 2026-11-23T16:00:00Z
const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_449_600);
const SECRET: &[u8] = b"secret/canary";
const CALLER: Caller = Caller::User(Peer { user: 1000, socket: None, process: None });

/// A source that is never asked: the session is fresh.
struct Fresh;

impl Source for Fresh {
    fn session(&self) -> Result<CacheEntry, String> {
        Err(String::from("the first session lasts"))
    }
}

fn entry() -> CacheEntry {
    let arn = |rest: &str| format!("arn:aws:rolesanywhere:eu-central-1:111122223333:{rest}/a1b2c3d4-0000-4000-8000-000000000001");
    let expiration = NOW.plus(Duration::from_secs(3600));
    CacheEntry {
        credential_set: CredentialSet {
            role_arn: "arn:aws:iam::111122223333:role/build".parse().expect("an ARN"),
            assumed_role_arn: None,
            source_identity: None,
            subject_arn: None,
            credentials: SessionCredentials {
                access_key_id: String::from("ASIAEXAMPLEEXAMPLE00"),
                secret_access_key: Secret::new(String::from_utf8_lossy(SECRET).into_owned()),
                session_token: Secret::new(String::from_utf8_lossy(SECRET).into_owned()),
                expiration,
            },
        },
        created_at: NOW,
        usable_until: expiration,
        certificate_sha256: [7; 32],
        subject_name: String::from("CN=build-17"),
        issuer_name: String::from("CN=TEST issuing"),
        trust_anchor_arn: arn("trust-anchor").parse().expect("an ARN"),
        profile_arn: arn("profile").parse().expect("an ARN"),
        endpoint: String::from("https://rolesanywhere.eu-central-1.amazonaws.com"),
        scope: None,
    }
}

struct World {
    runtime: tokio::runtime::Runtime,
    server: Arc<Server>,
    local: SocketAddr,
    container: String,
    metadata: String,
}

impl World {
    fn new() -> Self {
        let token = Arc::new(Token::random().expect("random numbers"));
        let container = token.expose().to_owned();
        let offer = Offer {
            name: String::from("build"),
            role_arn: "arn:aws:iam::111122223333:role/build".parse().expect("an ARN"),
            region: String::from("eu-central-1"),
            refresher: Arc::new(Refresher::new(Box::new(Fresh), Some(Arc::new(entry())), Arc::new(FixedClock(NOW)))),
            token,
            allowed: Allowed::anybody(),
            last_document: LastDocument::default(),
        };
        let site = Site { offers: vec![offer], metadata_service: Some(MetadataService::new().expect("random numbers")) };
        let server = Server::new(site, Sockets::Unsupported, Box::new(|_| {}));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        let local = SocketAddr::from(([127, 0, 0, 1], 8080));
        let mut world = Self { runtime, server, local, container, metadata: String::new() };
        let asked = "PUT /latest/api/token HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\
                     X-aws-ec2-metadata-token-ttl-seconds: 21600\r\n\r\n";
        let answer = String::from_utf8(world.ask(asked.as_bytes())).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        world.metadata = answer.rsplit("\r\n\r\n").next().expect("a token").to_owned();
        world
    }

    /// Sends octets over a connection of its own, and returns what comes until the server closes it: the clock goes on by itself.
    fn ask(&self, octets: &[u8]) -> Vec<u8> {
        self.runtime.block_on(async {
            let (mut client, stream) = tokio::io::duplex(256 * 1024);
            let talk = async {
                // It may be closed before all of it is read.
                let _ = client.write_all(octets).await;
                let mut answer = Vec::new();
                let _ = client.read_to_end(&mut answer).await;
                answer
            };
            tokio::join!(self.server.converse(stream, CALLER, self.local), talk).1
        })
    }
}

static WORLD: LazyLock<World> = LazyLock::new(World::new);

fn has(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fuzz_target!(|input: &[u8]| {
    let mut request = input.to_vec();
    let mut has_token = false;
    for (name, token) in [("@CONTAINER@", &WORLD.container), ("@METADATA@", &WORLD.metadata)] {
        while let Some(at) = request.windows(name.len()).position(|window| window == name.as_bytes()) {
            request.splice(at..at + name.len(), token.bytes());
            has_token = true;
        }
    }
    let answer = WORLD.ask(&request);
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{}", String::from_utf8_lossy(&answer));
    assert!(has_token || !has(&answer, SECRET), "{}", String::from_utf8_lossy(&answer));
});
