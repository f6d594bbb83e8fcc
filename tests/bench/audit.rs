//! `audit files` beside ripgrep, which looks for one literal, over one generated tree, interleaved in one run.
//!
//! `cargo bench --bench audit` makes 100,000 files of 2 GB (`-- --files N` for fewer, `-- --folder PATH` to keep and use again),
//! runs both eleven times, and holds the limits: at least 0.8 of ripgrep's speed, and less than 64 MiB. It wants a quiet machine,
//! ripgrep and GNU time (`tests/components`).
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints its figures and may stop at once"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// Of ripgrep's speed, at least.
const LEAST_SPEED: f64 = 0.8;
/// In KiB.
const MOST_MEMORY: u64 = 64 * 1024;
const ROUNDS: usize = 11;
const USUAL_FILES: usize = 100_000;
const FILES_PER_FOLDER: usize = 40;

/// A stream of numbers from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("it is below")
    }
}

const WORDS: &[&str] = &[
    "return",
    "self",
    "const",
    "import",
    "function",
    "AWS_REGION",
    "access",
    "key",
    "if (x == 0) {",
    "}",
    "\n",
    "\n    ",
    "AKI",
    "ASI",
    "\"name\": \"value\",",
    "https://example.com/a/b",
    "0x1f",
    "error:",
    "2026-11-30T00:00:00Z",
    "[section]",
    "<tag>",
    "id = ",
];
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Text like source, or base64, or octets of any value; most files are small, some are large: 20 KB on average.
fn content(random: &mut Random) -> Vec<u8> {
    let length = match random.below(100) {
        0..60 => random.below(8 << 10),
        60..95 => random.below(64 << 10),
        _ => random.below(256 << 10),
    };
    let mut octets = Vec::with_capacity(length + 32);
    let kind = random.below(10);
    while octets.len() < length {
        match kind {
            0 => octets.push(BASE64[random.below(64)]),
            1 => octets.extend(random.next().to_le_bytes()),
            _ => {
                octets.extend(WORDS[random.below(WORDS.len())].bytes());
                octets.push(b' ');
            }
        }
    }
    octets
}

fn make(folder: &Path, files: usize) {
    let mut random = Random(2026);
    for number in 0..files {
        let place = folder.join(format!(
            "{:02}/{:03}",
            number / FILES_PER_FOLDER % 50,
            number / FILES_PER_FOLDER / 50
        ));
        if number % FILES_PER_FOLDER == 0 {
            fs::create_dir_all(&place).expect("a folder");
        }
        fs::write(place.join(format!("{number}.txt")), content(&mut random)).expect("a file");
    }
}

/// Runs a command under GNU time; returns its seconds and its memory in KiB.
fn measured(command: &[&str]) -> (f64, u64) {
    let begun = Instant::now();
    let output = Command::new("/usr/bin/time")
        .args(["-f", "%M"])
        .args(command)
        .stdout(Stdio::null())
        .output()
        .expect("GNU time");
    let seconds = begun.elapsed().as_secs_f64();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let memory = told
        .lines()
        .last()
        .and_then(|line| line.parse().ok())
        .unwrap_or_else(|| panic!("{command:?}: {told}"));
    (seconds, memory)
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let value =
        |flag: &str| words.iter().position(|word| word == flag).and_then(|at| words.get(at + 1)).cloned();
    let files = value("--files").and_then(|files| files.parse().ok()).unwrap_or(USUAL_FILES);
    let own = tempfile::tempdir().expect("a folder");
    let folder = value("--folder").map_or_else(|| own.path().join("tree"), PathBuf::from);
    if !folder.exists() {
        make(&folder, files);
    }
    let folder = folder.to_str().expect("a path of UTF-8");
    let anyrole = [env!("CARGO_BIN_EXE_anyrole"), "audit", "files", folder];
    let ripgrep = ["rg", "-uuu", "--no-messages", "-F", "-l", "AKIAQNZGKIQY56JQ7WML", folder];
    let (mut ours, mut theirs, mut memory) = (Vec::new(), Vec::new(), 0);
    // Once each for the cache of the system.
    measured(&ripgrep);
    measured(&anyrole);
    for _ in 0..ROUNDS {
        let (seconds, peak) = measured(&anyrole);
        ours.push(seconds);
        memory = memory.max(peak);
        theirs.push(measured(&ripgrep).0);
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let speed = theirs / ours;
    println!("anyrole audit files  {ours:.3} s, {} MiB at most", memory / 1024);
    println!("rg -uuu -F LITERAL   {theirs:.3} s");
    println!("speed                {speed:.2} of ripgrep's (at least {LEAST_SPEED})");
    if speed >= LEAST_SPEED && memory < MOST_MEMORY { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
