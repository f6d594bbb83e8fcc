//! `--order`: the linker script that puts the functions of a cached call together.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use crate::callgrind;
use crate::cases::cached;
use crate::stage::Stage;

/// What `packaging/build.rs` gives to the linker.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/cached-path.ld");

const HEADER: &str = "\
/* The functions of a cached call, which the linker puts together: packaging/build.rs says why.
   Written by CARGO_PROFILE_BENCH_STRIP=none cargo bench --bench run -- --order, from what callgrind sees of the default
   build and, where it is there, of the static one with its symbols. A star stands where names differ from build to build. */
SECTIONS {
  .text.cached : {
    /* Of the static build: what is written in assembly, and what is called by another name than its section's. */
    *crt1.o(.text)
    *libc.a:memcpy.lo(.text)
    *libc.a:memmove.lo(.text)
    *libc.a:memset.lo(.text)
    *(.text.static_init_tls)
";

const FOOTER: &str = "\
  }
}
INSERT BEFORE .text;
";

/// Writes the script.
pub(crate) fn write(stage: &Stage) {
    let mut functions = BTreeSet::new();
    for case in cached() {
        assert!(
            (case.command)(stage).status().expect("the program starts").success(),
            "{} failed",
            case.name
        );
        let profile = callgrind::profile(&(case.command)(stage)).expect("valgrind is installed");
        let (rust, others): (Vec<String>, Vec<String>) =
            profile.functions.into_iter().filter(|name| is_symbol(name)).partition(|name| is_rust(name));
        assert!(!rust.is_empty(), "{}: the program has no symbols; see the head of {SCRIPT}", case.name);
        functions.extend(rust.iter().map(|name| pattern(name)));
        // Those of C are the program's own only where no library brings them.
        if case.is_static {
            functions.extend(others.iter().map(|name| pattern(name)));
        }
    }
    let mut script = String::from(HEADER);
    for function in &functions {
        let _ = writeln!(script, "    *(.text.{function})");
    }
    script.push_str(FOOTER);
    fs::write(Path::new(SCRIPT), script).expect("the script is written");
    println!("{SCRIPT}: {} functions", functions.len());
}

fn is_rust(name: &str) -> bool {
    name.starts_with("_R")
}

fn is_symbol(name: &str) -> bool {
    name.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"_.$".contains(&octet))
        && !name.starts_with("0x")
}

/// What differs in Rust's names from build to build (mangling v0, RFC 2603), and in how many digits of base 62: a crate's hash,
/// `CsHASH_`, and a place earlier in the name that is referred back to, `BPLACE_`, which moves with the hashes' lengths.
const MOVING: [(&str, RangeInclusive<usize>); 2] = [("Cs", 8..=12), ("B", 0..=3)];

/// Returns the linker's pattern for a function, with stars for what moves, and for the version in aws-lc's names.
fn pattern(name: &str) -> String {
    if let Some(rest) = name.strip_prefix("aws_lc_") {
        let rest = rest.trim_start_matches(|octet: char| octet.is_ascii_digit() || octet == '_');
        return format!("aws_lc_*_{rest}");
    }
    if !is_rust(name) {
        return name.to_owned();
    }
    let mut pattern = String::new();
    let mut rest = name;
    while !rest.is_empty() {
        let moving = MOVING.iter().find_map(|(mark, counts)| {
            let count = digits(rest.strip_prefix(mark)?)?;
            counts.contains(&count).then_some((*mark, "*", mark.len() + count))
        });
        // Where an identifier has the same letters by chance, a star does no harm.
        let (kept, star, length) = moving.unwrap_or((&rest[..1], "", 1));
        pattern.push_str(kept);
        pattern.push_str(star);
        rest = &rest[length..];
    }
    pattern
}

/// Returns how many digits of base 62 the text begins with, where a low line follows.
fn digits(text: &str) -> Option<usize> {
    let count = text.bytes().take_while(u8::is_ascii_alphanumeric).count();
    text[count..].starts_with('_').then_some(count)
}
