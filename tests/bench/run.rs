//! Whole processes against `/bin/true`, interleaved in one run, as ratios.
//!
//! `cargo bench --bench run` measures and holds the limits of `cases.rs`; it wants a quiet machine, and the static build
//! beside the default one (`cargo build --release --target x86_64-unknown-linux-musl`). `-- --smoke` runs everything a few
//! times and holds only what no load of the machine can change: the counted instructions. `-- --rounds N` chooses the number
//! of rounds (default 120), `-- --only TEXT` the cases by name.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints its figures and may stop at once"
)]

#[path = "../support/stage.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod stage;

mod callgrind;
mod cases;

use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use cases::Case;
use stage::Stage;

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
    let cases: Vec<Case> = cases::all().into_iter().filter(|case| wanted(&case.name)).collect();
    let (floor, medians) = measure(&stage, &cases, arguments.rounds);
    println!("{:<64} {:>9} {:>7} {:>8} {:>13}", "", "median ms", "x true", "RSS MiB", "instructions");
    println!("{:<64} {floor:>9.2}", "/bin/true");
    // What a loaded machine changes, and what nothing but a change of the program does.
    let (mut missed, mut changed) = (Vec::new(), Vec::new());
    for (case, median) in cases.iter().zip(medians) {
        let Case { name, limits, .. } = case;
        let command = || (case.command)(&stage);
        let ratio = median / floor;
        let resident = resident_mebibytes(&command());
        let instructions = limits.instructions.and_then(|_| callgrind::instructions(&command()));
        let (shown_resident, shown_instructions) =
            (shown(resident.map(|mebibytes| format!("{mebibytes:.1}"))), shown(instructions));
        println!("{name:<64} {median:>9.2} {ratio:>7.2} {shown_resident:>8} {shown_instructions:>13}");
        if let Some(most) = limits.times_true.filter(|most| ratio > *most) {
            missed.push(format!("{name}: {ratio:.2} times /bin/true, the limit is {most:.2}"));
        }
        if let Some((found, most)) = resident.zip(limits.mebibytes).filter(|(found, most)| found > most) {
            missed.push(format!("{name}: {found:.1} MiB, the limit is {most:.1}"));
        }
        if let Some((found, recorded)) = instructions.zip(limits.instructions)
            && found.abs_diff(recorded) > recorded / 20
        {
            changed
                .push(format!("{name}: {found} instructions, where tests/bench/cases.rs records {recorded}"));
        }
    }
    changed.extend(
        cases
            .iter()
            .filter(|case| !is_position_independent(case, &stage))
            .map(|case| format!("{}: the program is not position-independent", case.name)),
    );
    changed.extend(
        cases
            .iter()
            .filter(|case| program(case, &stage).windows(7).any(|text| text == b"libm.so"))
            .map(|case| format!("{}: libm is loaded at each start; which function needs it?", case.name)),
    );
    if wanted("storm") {
        missed.extend(storm());
    }
    for absent in absent(&cases) {
        println!("{absent}");
        if std::env::var_os("ANYROLE_REQUIRE_COMPONENTS").is_some_and(|required| required == "1") {
            changed.push(absent);
        }
    }
    if arguments.smoke {
        missed.clear();
    }
    missed.extend(changed);
    if missed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("\nmissed:\n{}", missed.join("\n"));
    ExitCode::FAILURE
}

/// Returns the median of `/bin/true`, and that of each case, in milliseconds.
fn measure(stage: &Stage, cases: &[Case], rounds: usize) -> (f64, Vec<f64>) {
    let mut floors = Vec::new();
    let mut times: Vec<Vec<Duration>> = cases.iter().map(|_| Vec::with_capacity(rounds)).collect();
    let took = |name: &str, mut command: Command| {
        let started = Instant::now();
        let status = command.status().expect("the program starts");
        let took = started.elapsed();
        assert!(status.success(), "{name} failed: {status}");
        took
    };
    // One round that does not count fills the page cache. Each case follows a /bin/true, so that none runs while the
    // simulator still clears up after another.
    for round in 0..=rounds {
        for (case, times) in cases.iter().zip(&mut times) {
            let floor = took("/bin/true", stage.bare("/bin/true"));
            let own = took(&case.name, (case.command)(stage));
            if round > 0 {
                floors.push(floor);
                times.push(own);
            }
        }
    }
    let median = |mut times: Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2].as_secs_f64() * 1e3
    };
    (median(floors), times.into_iter().map(median).collect())
}

fn shown(figure: Option<impl std::fmt::Display>) -> String {
    figure.map_or_else(|| String::from("-"), |figure| figure.to_string())
}

/// Tells whether the kernel may load the program of a case at a random address: its ELF type is `ET_DYN`.
fn is_position_independent(case: &Case, stage: &Stage) -> bool {
    let program = program(case, stage);
    program.starts_with(b"\x7fELF") && program[16..18] == 3_u16.to_ne_bytes()
}

fn program(case: &Case, stage: &Stage) -> Vec<u8> {
    std::fs::read((case.command)(stage).get_program()).expect("the program is read")
}

/// What is not measured here, and why.
fn absent(cases: &[Case]) -> Vec<String> {
    let mut absent = Vec::new();
    if cases.iter().all(|case| !case.is_static) {
        absent.push(String::from(
            "the static build is not there: cargo build --release --target x86_64-unknown-linux-musl",
        ));
    }
    for (program, package) in [("valgrind", "valgrind"), ("/usr/bin/time", "time")] {
        let found =
            Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if found.is_err() {
            absent.push(format!("{program} is not there (Debian's package {package})"));
        }
    }
    absent
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
