//! A server that is asked all the time, while sessions end, the service fails and the certificate is renewed.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Server, Stage, command};

/// How long it takes here; `ANYROLE_SOAK_SECONDS` says otherwise, and then sessions last a minute.
const SECONDS: u64 = 20;
/// Those who ask.
const CALLERS: usize = 4;

/// Asks over one connection until it ends, and returns each document.
fn ask_on(address: &str, token: &str, mut each: impl FnMut(&str) -> bool) {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    let request =
        format!("GET /v1/credentials/session HTTP/1.1\r\nHost: {address}\r\nAuthorization: {token}\r\n\r\n");
    loop {
        // A connection lasts a minute at most.
        if stream.write_all(request.as_bytes()).is_err() {
            return;
        }
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if answers.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if let Some(text) = line.strip_prefix("content-length: ") {
                length = text.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        answers.read_exact(&mut body).unwrap();
        let body = String::from_utf8(body).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head} {body}");
        if !each(&body) {
            return;
        }
    }
}

/// Numbers that are the same at each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// No request fails, no record is mixed from two sessions, and there are no more sessions than are needed.
#[test]
fn nobody_who_asks_notices_what_goes_wrong() {
    let asked = std::env::var("ANYROLE_SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let (seconds, length) = asked.map_or((SECONDS, 12), |seconds: u64| (seconds, 60));
    let stage =
        Stage::with(|settings| settings.faults.push(format!("session-length={length}s").parse().unwrap()));
    let server = Server::of(command(&stage, &["--attempt-timeout", "1s"]));
    server.has_sessions(1);
    let token = server.token("session");
    let (ended, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    // Each access key with the secret and the token that it came with.
    let records: Mutex<BTreeMap<String, String>> = Mutex::default();
    let resident = || {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        line.and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0)
    };
    let mut early = 0;
    std::thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    ask_on(&server.address, &token, |body| {
                        answered.fetch_add(1, Ordering::Relaxed);
                        let document: serde_json::Value = serde_json::from_str(body).unwrap();
                        let text = |member: &str| document[member].as_str().unwrap().to_owned();
                        let record = text("SecretAccessKey") + &text("Token") + &text("Expiration");
                        let mut records = records.lock().unwrap();
                        let known = records.entry(text("AccessKeyId")).or_insert_with(|| record.clone());
                        assert_eq!(*known, record);
                        drop(records);
                        std::thread::sleep(Duration::from_millis(1));
                        !ended.load(Ordering::Relaxed)
                    });
                }
            });
        }
        let mut numbers = Numbers(seconds);
        let short = format!("session-length={length}s");
        let faults =
            ["status=503", "status=500", "reset", "hang", "throttle", "html=502", "cut-body", "wrong-json"];
        let began = Instant::now();
        let mut renewed = Instant::now();
        while began.elapsed() < Duration::from_secs(seconds) {
            let fault = faults[usize::try_from(numbers.below(8)).unwrap()];
            stage.play(&[&short, fault]);
            std::thread::sleep(Duration::from_millis(200 + numbers.below(length * 100)));
            stage.play(&[&short]);
            std::thread::sleep(Duration::from_millis(300 + numbers.below(length * 200)));
            if renewed.elapsed() > Duration::from_secs(length / 4) {
                stage.renew();
                renewed = Instant::now();
            }
            if early == 0 && began.elapsed() > Duration::from_secs(seconds / 3) {
                early = resident();
            }
        }
        ended.store(true, Ordering::Relaxed);
    });
    let (answered, sessions) = (answered.into_inner(), records.into_inner().unwrap().len());
    let late = resident();
    eprintln!("{seconds} s: {answered} answers, {sessions} sessions, resident {early} and then {late} kB");
    let most = seconds * 4 / length + 2;
    assert!(u64::try_from(sessions).unwrap() <= most, "{sessions} sessions, {most} at most are needed");
    assert!(sessions > 1);
    assert!(late <= early + 1024, "it grew from {early} to {late} kB");
    assert_eq!(server.end(), Some(0));
}
