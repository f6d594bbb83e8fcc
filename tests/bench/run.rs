//! Whole processes against `/bin/true`, interleaved in one run, as ratios.
//!
//! `cargo bench --bench run` measures and holds the limits below; it wants a quiet machine. `-- --smoke` runs everything a few times and holds no
//! limit, so that the benchmark stays runnable. `-- --rounds N` chooses the number of rounds (default 120), `-- --only TEXT` the cases by name.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints its figures and may stop at once"
)]

#[path = "../support/stage.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod stage;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use stage::Stage;

/// One command to measure, and what it must stay below.
struct Case {
    name: &'static str,
    /// The most times `/bin/true` that the median may take.
    most_times_true: Option<f64>,
    /// The largest resident set in MiB, where GNU time is there to tell.
    most_mebibytes: Option<f64>,
    command: Box<dyn Fn(&Stage) -> Command>,
}

fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case {
            name: "version",
            most_times_true: Some(1.7),
            most_mebibytes: None,
            command: Box::new(|stage| stage.anyrole(&["version"])),
        },
        Case {
            name: "read-certificate-data, EC",
            most_times_true: None,
            most_mebibytes: None,
            command: Box::new(|stage| {
                stage.anyrole(&["read-certificate-data", "--certificate", stage.certificate()])
            }),
        },
        Case {
            name: "credential-process, EC, cached in the kernel keyring",
            most_times_true: Some(1.9),
            most_mebibytes: Some(4.5),
            command: Box::new(|stage| {
                stage.credential_process(stage.http_endpoint(), &["--cache", "keyring"])
            }),
        },
        Case {
            name: "credential-process NAME, EC, cached in the kernel keyring",
            most_times_true: Some(1.9),
            most_mebibytes: Some(4.5),
            command: Box::new(Stage::named_credential_process),
        },
        Case {
            name: "credential-process, EC, cached in a file",
            most_times_true: None,
            most_mebibytes: None,
            command: Box::new(|stage| stage.credential_process(stage.http_endpoint(), &["--cache", "file"])),
        },
        Case {
            name: "credential-process, http, EC, uncached",
            most_times_true: None,
            most_mebibytes: None,
            command: Box::new(|stage| stage.credential_process(stage.http_endpoint(), &["--no-cache"])),
        },
        Case {
            // AWS's helper: 11.16 ms and 14.8 MiB where /bin/true takes 0.71 ms. 6 ms there are 8.45 times /bin/true.
            name: "credential-process, verified https, all platform roots, EC, uncached",
            most_times_true: Some(8.45),
            most_mebibytes: Some(8.0),
            command: Box::new(|stage| {
                stage.credential_process(
                    stage.https_endpoint(),
                    &["--no-cache", "--extra-ca", stage.server_ca()],
                )
            }),
        },
    ];
    // The release artefact for speed; where its target is not installed, the line is missing and says nothing.
    if let Some(program) = static_build() {
        let program = Rc::new(program);
        let (version, cached) = (Rc::clone(&program), program);
        cases.push(Case {
            name: "version, static build",
            most_times_true: None,
            most_mebibytes: None,
            command: Box::new(move |stage| {
                let mut command = stage.bare(version.as_path());
                command.arg("version");
                command
            }),
        });
        cases.push(Case {
            name: "credential-process, EC, cached in the kernel keyring, static build",
            most_times_true: Some(0.7),
            most_mebibytes: Some(2.5),
            command: Box::new(move |stage| {
                stage.credential_process_of(&cached, stage.http_endpoint(), &["--cache", "keyring"])
            }),
        });
    }
    cases
}

/// The static build: `ANYROLE_BENCH_STATIC`, or where `cargo build --release --target …-musl` puts it.
fn static_build() -> Option<PathBuf> {
    let given = std::env::var_os("ANYROLE_BENCH_STATIC").map(PathBuf::from);
    let usual = Path::new(env!("CARGO_BIN_EXE_anyrole"))
        .ancestors()
        .nth(2)
        .map(|target| target.join("x86_64-unknown-linux-musl/release/anyrole"));
    given.or(usual).filter(|program| program.exists())
}

struct Arguments {
    rounds: usize,
    smoke: bool,
    only: Option<String>,
}

fn arguments() -> Arguments {
    let mut parsed = Arguments { rounds: 120, smoke: false, only: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--smoke" => (parsed.smoke, parsed.rounds) = (true, 3),
            "--rounds" => {
                parsed.rounds = words.next().expect("--rounds N").parse().expect("a number of rounds")
            }
            "--only" => parsed.only = words.next(),
            // cargo bench adds --bench.
            _ => {}
        }
    }
    parsed
}

fn main() -> ExitCode {
    let arguments = arguments();
    let stage = Stage::set();
    let wanted = |name: &str| arguments.only.as_deref().is_none_or(|text| name.contains(text));
    let cases: Vec<Case> = cases().into_iter().filter(|case| wanted(case.name)).collect();
    let mut floors = Vec::new();
    let mut times: Vec<Vec<Duration>> = cases.iter().map(|_| Vec::with_capacity(arguments.rounds)).collect();
    let took = |name: &str, mut command: Command| {
        let started = Instant::now();
        let status = command.status().expect("the program starts");
        let took = started.elapsed();
        assert!(status.success(), "{name} failed: {status}");
        took
    };
    // One round that does not count fills the page cache. Each case follows a /bin/true, so that none runs while the
    // simulator still clears up after another.
    for round in 0..=arguments.rounds {
        for (case, times) in cases.iter().zip(&mut times) {
            let floor = took("/bin/true", stage.bare("/bin/true"));
            let own = took(case.name, (case.command)(&stage));
            if round > 0 {
                floors.push(floor);
                times.push(own);
            }
        }
    }
    for times in times.iter_mut().chain([&mut floors]) {
        times.sort_unstable();
    }
    let median = |times: &[Duration]| times[times.len() / 2].as_secs_f64() * 1e3;
    let floor = median(&floors);
    println!("{:<72} {:>9} {:>9} {:>8} {:>9}", "", "median ms", "p95 ms", "x true", "RSS MiB");
    println!("{:<72} {floor:>9.2}", "/bin/true");
    let mut missed = Vec::new();
    for (case, times) in cases.iter().zip(&times) {
        let ratio = median(times) / floor;
        let p95 = times[times.len() * 95 / 100].as_secs_f64() * 1e3;
        let resident = resident_mebibytes(&(case.command)(&stage));
        let shown = resident.map_or_else(|| String::from("-"), |mebibytes| format!("{mebibytes:.1}"));
        println!("{:<72} {:>9.2} {p95:>9.2} {ratio:>8.2} {shown:>9}", case.name, median(times));
        if case.most_times_true.is_some_and(|most| ratio > most) {
            missed.push(format!(
                "{}: {ratio:.2} times /bin/true, the limit is {:.2}",
                case.name,
                case.most_times_true.unwrap()
            ));
        }
        if let (Some(resident), Some(most)) = (resident, case.most_mebibytes)
            && resident > most
        {
            missed.push(format!("{}: {resident:.1} MiB, the limit is {most:.1}", case.name));
        }
    }
    if wanted("storm") {
        missed.extend(storm());
    }
    if arguments.smoke || missed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("\nmissed:\n{}", missed.join("\n"));
    ExitCode::FAILURE
}

/// Two hundred runs at once on an empty cache, with a service that takes 200 ms: they may take three uncached calls and
/// two hundred cached ones, measured in the same run.
fn storm() -> Option<String> {
    const RUNS: u32 = 200;
    let stage = Stage::with(|settings| settings.faults.push("latency=200ms".parse().expect("a fault")));
    let run = |more: &[&str]| stage.credential_process(stage.http_endpoint(), more);
    let took = |more: &[&str]| {
        let started = Instant::now();
        assert!(run(more).status().expect("the program starts").success());
        started.elapsed()
    };
    let started = Instant::now();
    let children: Vec<_> =
        (0..RUNS).map(|_| run(&["--cache", "keyring"]).spawn().expect("the program starts")).collect();
    for mut child in children {
        assert!(child.wait().expect("a child").success());
    }
    let storm = started.elapsed();
    let sessions = stage.journal().len();
    let cached = (0..20).map(|_| took(&["--cache", "keyring"])).min().expect("twenty");
    let limit = took(&["--no-cache"]) * 3 + cached * RUNS;
    println!(
        "storm: {RUNS} runs at once, service latency 200 ms: {} ms, {sessions} CreateSession; three uncached and {RUNS} \
         cached calls: {} ms",
        storm.as_millis(),
        limit.as_millis()
    );
    (sessions != 1 || storm > limit)
        .then(|| String::from("storm: more than one session, or more time than that"))
}

/// The median of the largest resident set over nine runs, as GNU time tells it; `None` where it is not installed.
fn resident_mebibytes(command: &Command) -> Option<f64> {
    let timer = Path::new("/usr/bin/time");
    if !timer.exists() {
        return None;
    }
    let mut sizes: Vec<u64> = (0..9)
        .map(|_| {
            let mut timed = Command::new(timer);
            timed.args(["-f", "%M"]).arg(command.get_program()).args(command.get_args()).env_clear();
            timed.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
            let output = timed.stdin(Stdio::null()).output().expect("GNU time starts");
            let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            text.lines().last().and_then(|line| line.parse().ok()).expect("GNU time prints kilobytes")
        })
        .collect();
    sizes.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "kilobytes of a process")]
    Some(sizes[4] as f64 / 1024.0)
}
