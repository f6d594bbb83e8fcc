//! How the program is linked on Linux: so that a start touches few pages and loads few libraries.
//!
//! **The functions of a cached call stand together.** A run that finds its session in the keyring needs a fiftieth of the
//! program's code, and would find it scattered over all of it: each page that is touched costs microseconds and counts as
//! memory. `cached-path.ld` names those functions; `cargo bench --bench run -- --order` writes it. A name that is not there, as
//! after a change, is passed over: the file may be old, and never wrong.
//!
//! **The unwinder of GCC is part of the program**, where it would be a shared library of its own. Rust asks for
//! `libgcc_s.so` on Linux with glibc. Loading it is a tenth of a millisecond of each start, more than reading the cache, and
//! images without it cannot run the program. A linker script of that name, found first, names the static one, which is a part
//! of every GCC.

#![expect(
    clippy::disallowed_methods,
    reason = "a build script speaks through variables and writes to its own folder"
)]

use std::env;
use std::path::Path;
use std::process::Command;

const CACHED_PATH: &str = "packaging/cached-path.ld";

fn main() {
    println!("cargo:rerun-if-changed=packaging/build.rs");
    println!("cargo:rerun-if-changed={CACHED_PATH}");
    if !is("CARGO_CFG_TARGET_OS", "linux") {
        return;
    }
    if !is("OPT_LEVEL", "0") && linker_knows_scripts() {
        // The program only: a test or a benchmark has no cached path.
        let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo:rustc-link-arg-bins=-T{folder}/{CACHED_PATH}");
    }
    let is_static =
        env::var("CARGO_CFG_TARGET_FEATURE").is_ok_and(|features| features.contains("crt-static"));
    let is_native = env::var("HOST").ok() == env::var("TARGET").ok();
    if is("CARGO_CFG_TARGET_ENV", "gnu") && is_native && !is_static && has_static_unwinder() {
        link_unwinder_statically();
    }
}

fn is(name: &str, value: &str) -> bool {
    env::var(name).is_ok_and(|found| found == value)
}

/// Tells whether the linker adds a script's sections to its own: those of GNU and LLVM do, some that a user may choose do not.
fn linker_knows_scripts() -> bool {
    ["CARGO_ENCODED_RUSTFLAGS", "RUSTC_LINKER"]
        .into_iter()
        .filter_map(|name| env::var(name).ok())
        .all(|chosen| ["gold", "mold", "wild"].iter().all(|other| !chosen.contains(other)))
}

/// Tells whether the linker's GCC has `libgcc_eh.a`: it then answers with a path, else with the bare name.
fn has_static_unwinder() -> bool {
    let answer = Command::new("cc").arg("-print-file-name=libgcc_eh.a").output();
    answer.is_ok_and(|answer| answer.stdout.starts_with(b"/"))
}

fn link_unwinder_statically() {
    let Some(folder) = env::var_os("OUT_DIR") else { return };
    let script = Path::new(&folder).join("libgcc_s.so");
    // Without the script the program is linked as usual.
    if std::fs::write(script, "GROUP ( -lgcc_eh -lgcc )\n").is_ok() {
        println!("cargo:rustc-link-search=native={}", Path::new(&folder).display());
    }
}
