//! Everything at once, for as long as is asked for, while everything goes wrong at random: the service fails in every way that the
//! simulator knows, the pair is renewed beneath, processes are killed, the cache is cleared, servers reload.
//!
//! Whatever is handed out is a session that was granted, whole, of the right role and not over; nothing takes longer than a minute,
//! tells a secret, grows, or is left behind. Afterwards everything works.
//!
//! `ANYROLE_SOAK_SECONDS` says for how long, and `ANYROLE_SOAK_SEED` repeats what a run did at random.
#![cfg(all(target_os = "linux", feature = "pki"))] // it looks into /proc

mod grants;
mod programs;

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::stage::Stage;
use grants::Grants;
use pki_test::simulator::{Role, SessionIssuer};
use programs::{Programs, Server, Update};

/// How long it takes here.
const SECONDS: u64 = 3;
/// Who asks, at the same time: programs, and callers of the server.
const ASKERS: usize = 3;
const CALLERS: usize = 2;

const BUILD: &str = crate::support::stage::ROLE;
const AUDIT: &str = "arn:aws:iam::111122223333:role/audit";

/// What the service does; each a while, and what it does rightly in between.
const FAULTS: [&str; 22] = [
    "bad-token=escape",
    "bad-token=newline",
    "bad-token=shell",
    "clock=+10m",
    "cut-body",
    "deny=trust-anchor-not-found",
    "deny=unable-to-assume-role",
    "empty-set",
    "expiration=+1y",
    "expiration=-1m",
    "foreign-role",
    "hang",
    "html=502",
    "html=403",
    "latency=400ms",
    "missing=sessionToken",
    "redirect",
    "reset",
    "status=500",
    "status=503",
    "throttle",
    "wrong-json",
];

/// Numbers that are the same at each run with a seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn pause(&mut self, limit: u64) {
        thread::sleep(Duration::from_millis(self.below(limit)));
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[usize::try_from(self.below(list.len() as u64)).unwrap()]
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// What happened, by name.
#[derive(Default)]
struct Tally(std::sync::Mutex<BTreeMap<&'static str, u64>>);

impl Tally {
    fn count(&self, what: &'static str) {
        *self.0.lock().unwrap().entry(what).or_default() += 1;
    }

    fn of(&self, what: &str) -> u64 {
        self.0.lock().unwrap().get(what).copied().unwrap_or(0)
    }
}

/// Ends all threads when one of them fails, so that the failure is told at once.
struct Alarm<'a>(&'a AtomicBool);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

#[test]
fn nothing_wrong_is_handed_out_whatever_goes_wrong() {
    let asked = number("ANYROLE_SOAK_SECONDS");
    let seconds = asked.unwrap_or(SECONDS);
    // A run of the tests is like the one before it; a longer one is another each time.
    let seed = number("ANYROLE_SOAK_SEED").unwrap_or_else(|| {
        asked.map_or(1, |_| u64::try_from(time::OffsetDateTime::now_utc().unix_timestamp()).unwrap())
    });
    eprintln!("{seconds} s of everything; ANYROLE_SOAK_SEED={seed} repeats it");

    let grants = Arc::new(Grants::default());
    let lengths = AtomicU64::new(seed);
    let issuer = Arc::clone(&grants);
    let stage = Stage::with(|settings| {
        settings.roles.push(Role::new(AUDIT).unwrap());
        settings.profiles[0].role_arns.push(AUDIT.parse().unwrap());
        settings.issuer = Some(SessionIssuer(Arc::new(move |granted| {
            // Some end before a second call, some last for several.
            let number = Numbers(lengths.fetch_add(1, Ordering::Relaxed)).below(4);
            Some(
                issuer.grant(&granted.role_arn.to_string(), [3, 6, 12, 40][usize::try_from(number).unwrap()]),
            )
        })));
    });
    let programs = Programs::new(&stage, &grants, &[("build", BUILD), ("audit", AUDIT)]);
    let (server, update) = (Server::start(&programs), Update::start(&programs));
    let (ended, tally) = (AtomicBool::new(false), Tally::default());
    let (mut early, began) = (None, Instant::now());

    let each = |task: &(dyn Fn(&mut Numbers) + Sync), seed: u64| {
        let (_alarm, mut numbers) = (Alarm(&ended), Numbers(seed));
        while !ended.load(Ordering::Relaxed) {
            task(&mut numbers);
        }
    };
    let ask = |numbers: &mut Numbers| {
        let (name, role) = *numbers.of(&[("build", BUILD), ("audit", AUDIT)]);
        let store = *numbers.of(&[None, Some("file")]);
        tally.count(match numbers.below(12) {
            0 => programs.exec(name, role),
            1 => programs.shows(&["status", name, "--json"]),
            2 => programs.shows(&["cache", "list", "--json"]),
            3 => programs.shows(&["doctor", name, "--offline", "--json"]),
            4..6 => programs.is_killed(name, store, Duration::from_millis(numbers.below(60))),
            _ => programs.credential_process(name, role, store),
        });
    };
    let call = |numbers: &mut Numbers| {
        let (name, role) = *numbers.of(&[("build", BUILD), ("audit", AUDIT)]);
        tally.count(server.ask(&grants, name, role));
        numbers.pause(10);
    };
    let read = |numbers: &mut Numbers| {
        tally.count(update.read(&grants, BUILD));
        numbers.pause(30);
    };
    let renew = |numbers: &mut Numbers| {
        numbers.pause(1500);
        match numbers.below(3) {
            0 => stage.renew(),
            1 => slowly(stage.certificate()),
            _ => slowly(stage.private_key()),
        }
        tally.count("renewals");
    };
    let clear = |numbers: &mut Numbers| {
        numbers.pause(2500);
        tally.count(programs.clears());
        server.reload();
    };
    let (each, ask, call, read, renew, clear) = (&each, &ask, &call, &read, &renew, &clear);

    // Each of them can be played.
    stage.play(&FAULTS);
    stage.play(&[]);

    thread::scope(|scope| {
        let _alarm = Alarm(&ended);
        for asker in 0..ASKERS as u64 {
            scope.spawn(move || each(ask, seed + asker));
        }
        for caller in 0..CALLERS as u64 {
            scope.spawn(move || each(call, seed + 100 + caller));
        }
        scope.spawn(move || each(read, seed + 200));
        scope.spawn(move || each(renew, seed + 300));
        scope.spawn(move || each(clear, seed + 400));

        let mut numbers = Numbers(seed + 500);
        while began.elapsed() < Duration::from_secs(seconds) && !ended.load(Ordering::Relaxed) {
            let fault: &str = numbers.of::<&str>(&FAULTS);
            stage.play(&[fault]);
            numbers.pause(700);
            stage.play(&[]);
            numbers.pause(1200);
            if early.is_none() && began.elapsed() > Duration::from_secs(seconds) / 3 {
                early = Some(server.uses());
            }
        }
        stage.play(&[]);
        ended.store(true, Ordering::Relaxed);
    });

    let late = server.uses();
    let (early, checked) = (early.unwrap_or(late), grants.checked.load(Ordering::Relaxed));
    eprintln!("{checked} answers were right, of {} sessions; {:?}", grants.count(), tally.0.lock().unwrap());
    eprintln!("the server had {early:?} and then {late:?}");
    // A first answer that failed holds a server back for up to a minute, so a short run may see nothing served or written.
    assert!(tally.of("credentials") > 0);
    assert!(tally.of("served") + tally.of("not served") > 0);
    assert!(tally.of("written") + tally.of("not written") > 0);
    assert!(late.descriptors <= early.descriptors + 16, "descriptors: {early:?}, then {late:?}");
    assert!(late.kilobytes <= early.kilobytes + 4096, "memory: {early:?}, then {late:?}");

    // When all is well again everything works: at once where nothing is kept, and where it was held back soon.
    stage.renew();
    assert_eq!(programs.clears(), "cleared");
    for (name, role) in [("build", BUILD), ("audit", AUDIT)] {
        assert_eq!(programs.credential_process(name, role, None), "credentials");
        assert_eq!(programs.exec(name, role), "executed");
        programs::soon(|| server.ask(&grants, name, role) == "served");
    }
    server.end();
    update.end();
    programs.leave_nothing(tally.of("killed"));
}

/// Writes a file as a slow program does: empty, half, whole.
fn slowly(path: &str) {
    use std::io::Write as _;
    let content = fs::read(path).unwrap();
    let mut file = fs::OpenOptions::new().write(true).truncate(true).open(path).unwrap();
    for part in content.chunks(content.len().div_ceil(2)) {
        thread::sleep(Duration::from_millis(3));
        file.write_all(part).unwrap();
    }
}
