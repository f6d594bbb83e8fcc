//! How the program is linked on Linux.
//!
//! **With glibc the unwinder of GCC is part of the program**, where it would be a shared library of its own. Rust asks for
//! `libgcc_s.so` there. Loading it is a tenth of a millisecond of each start, more than reading the cache, and
//! images without it cannot run the program. A linker script of that name, found first, names the static one, which is a part
//! of every GCC.
//!
//! **With musl on x86_64 the relocations are packed** (`DT_RELR`): a position-independent program has ten thousand pointers to move at
//! each start, and the list of them takes 3 KB instead of 240, which is 0.3 MiB less to read and to keep. glibc knows this form
//! from 2.36 on only, so the default build does without.

#![expect(
    clippy::disallowed_methods,
    reason = "a build script speaks through variables and writes to its own folder"
)]

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=packaging/build.rs");
    // GNU's linker knows it for this processor only.
    if is("CARGO_CFG_TARGET_ENV", "musl") && is("CARGO_CFG_TARGET_ARCH", "x86_64") {
        // One that does not know it says so and goes on.
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    let is_static =
        env::var("CARGO_CFG_TARGET_FEATURE").is_ok_and(|features| features.contains("crt-static"));
    // The compiler's own choice is `cc` of this machine. A linker that was chosen may be for an older glibc, which lacks what this
    // machine's unwinder calls.
    let is_native = env::var("HOST").ok() == env::var("TARGET").ok() && env::var_os("RUSTC_LINKER").is_none();
    if is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && is_native
        && !is_static
        && has_static_unwinder()
    {
        link_unwinder_statically();
    }
}

fn is(name: &str, value: &str) -> bool {
    env::var(name).is_ok_and(|found| found == value)
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
