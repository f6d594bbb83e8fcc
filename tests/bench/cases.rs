//! What is measured, and what it must stay below.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

use tempfile::TempDir;

use crate::stage::Stage;

/// One command to measure.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) command: Box<dyn Fn(&Stage) -> Command>,
    pub(crate) limits: Limits,
    /// Whether it runs the static build.
    pub(crate) is_static: bool,
}

/// What a command must stay below; what is `None` is shown only.
#[derive(Clone, Copy, Default)]
pub(crate) struct Limits {
    /// The most times `/bin/true` that the median may take.
    pub(crate) times_true: Option<f64>,
    /// The largest resident set in MiB, where GNU time is there to tell.
    pub(crate) mebibytes: Option<f64>,
    /// The instructions that were counted when this was written; more or less than 5 % beside it is a change to explain.
    pub(crate) instructions: Option<u64>,
}

/// A build of the program, as it is after its installation: copied. The pages of a file that a linker has just written lie in
/// the system's cache in the pieces in which it wrote them, and take longer to map.
#[derive(Clone)]
struct Build {
    installed: Rc<TempDir>,
    is_static: bool,
}

impl Build {
    fn default() -> Self {
        Self::install(Path::new(env!("CARGO_BIN_EXE_anyrole")), false)
    }

    /// The release artefact for speed: `ANYROLE_BENCH_STATIC`, or where `cargo build --release --target …-musl` puts it.
    fn of_speed() -> Option<Self> {
        let given = std::env::var_os("ANYROLE_BENCH_STATIC").map(PathBuf::from);
        let usual = Path::new(env!("CARGO_BIN_EXE_anyrole"))
            .ancestors()
            .nth(2)
            .map(|target| target.join("x86_64-unknown-linux-musl/release/anyrole"));
        let program = given.or(usual).filter(|program| program.exists())?;
        Some(Self::install(&program, true))
    }

    fn install(program: &Path, is_static: bool) -> Self {
        let folder = program.parent().expect("a program is in a folder");
        let installed = tempfile::tempdir_in(folder).expect("a folder beside the program");
        std::fs::copy(program, installed.path().join("anyrole")).expect("a copy");
        Self { installed: Rc::new(installed), is_static }
    }

    fn case(&self, name: &str, limits: Limits, command: impl Fn(&Stage, &Path) -> Command + 'static) -> Case {
        let Self { installed, is_static } = self.clone();
        let command = Box::new(move |stage: &Stage| command(stage, &installed.path().join("anyrole")));
        let suffix = if is_static { ", static build" } else { "" };
        Case { name: format!("{name}{suffix}"), command, limits, is_static }
    }

    /// The call by NAME and the drop-in one, both of a session that is in the kernel's keyring.
    fn cached(&self, by_name: Limits, by_flags: Limits) -> [Case; 2] {
        [
            self.case("credential-process NAME, cached in the keyring", by_name, |stage, program| {
                stage.named_credential_process_of(program)
            }),
            self.case("credential-process by flags, cached in the keyring", by_flags, |stage, program| {
                stage.credential_process_of(program, stage.http_endpoint(), &["--cache", "keyring"])
            }),
        ]
    }
}

/// The cached calls of every build that is there, the default one first.
fn cached_of(default: &Build, of_speed: Option<&Build>) -> Vec<Case> {
    // Memory is a tenth more than was measured: nearly all of it are pages of the program's file, which its processes share.
    let limits = Limits { times_true: Some(2.0), mebibytes: Some(8.5), instructions: None };
    let mut cases: Vec<Case> = default.cached(limits, limits).into();
    if let Some(build) = of_speed {
        let limits = |instructions| Limits {
            times_true: Some(1.0),
            mebibytes: Some(5.3),
            instructions: Some(instructions),
        };
        cases.extend(build.cached(limits(NAMED_INSTRUCTIONS), limits(FLAGGED_INSTRUCTIONS)));
    }
    cases
}

/// Counted with rustc 1.95 and valgrind 3.19. Each setting is a variable that is looked for, and each table a pointer that is moved at
/// the start: the settings of tokens, TPMs and selectors cost 40,000, the audits and `migrate` 18,000.
const NAMED_INSTRUCTIONS: u64 = 695_800;
const FLAGGED_INSTRUCTIONS: u64 = 619_400;

/// All cases.
pub(crate) fn all() -> Vec<Case> {
    let (build, of_speed) = (Build::default(), Build::of_speed());
    let none = Limits::default();
    let version = |build: &Build, limits| {
        build.case("version", limits, |stage, program| {
            let mut command = stage.bare(program);
            command.arg("version");
            command
        })
    };
    let verified = |build: &Build, limits| {
        build.case("credential-process, verified https, uncached", limits, |stage, program| {
            let more = ["--no-cache", "--extra-ca", stage.server_ca()];
            stage.credential_process_of(program, stage.https_endpoint(), &more)
        })
    };
    let mut cases = vec![
        version(&build, Limits { times_true: Some(1.7), ..none }),
        build.case("read-certificate-data", none, |stage, program| {
            let mut command = stage.bare(program);
            command.args(["read-certificate-data", "--certificate", stage.certificate()]);
            command
        }),
        build.case("credential-process, cached in a file", none, |stage, program| {
            stage.credential_process_of(program, stage.http_endpoint(), &["--cache", "file"])
        }),
        build.case("credential-process, http, uncached", none, |stage, program| {
            stage.credential_process_of(program, stage.http_endpoint(), &["--no-cache"])
        }),
        // AWS's helper: 11.16 ms and 14.8 MiB where /bin/true takes 0.71 ms. 6 ms there are 8.45 times /bin/true.
        verified(&build, Limits { times_true: Some(8.45), mebibytes: Some(11.5), instructions: None }),
    ];
    if let Some(build) = &of_speed {
        cases.push(version(build, none));
        cases.push(verified(build, none));
    }
    cases.extend(cached_of(&build, of_speed.as_ref()));
    cases
}
