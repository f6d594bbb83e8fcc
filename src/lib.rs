//! `anyrole` turns an X.509 certificate and its private key into temporary AWS credentials, through IAM Roles Anywhere.
//!
//! For programs in Rust: `anyrole::sdk::Credentials` gives the credentials to the AWS SDK. It is of the feature `sdk`; with
//! `default-features = false` it is all there is, without the program and its crates.
//!
//! ```toml
//! anyrole = { path = "../anyrole", default-features = false, features = ["sdk"] }
//! ```
//!
//! The features `tpm` (keys in a TPM 2.0) and `secret-service` (the desktop's keyring) can be added to it. Keys on PKCS#11 tokens need no
//! feature but the program `anyrole-pkcs11`, installed as the package does. The feature `cli` is the program; the modules that it makes public are
//! its own, and may change with any version.
//!
//! # The source
//!
//! This page is the map of the source. The program is this library and a `main.rs` that calls it. A second program, `anyrole-pkcs11`
//! (`src/bin`), is the one process that loads a PKCS#11 module; it uses `signer::pkcs11::wire` and little else of this library.
//!
//! # Floors
//!
//! Modules stand on floors, and a module imports lower floors only; `tests/floors.rs` holds the code to it. Top floor first:
//!
//! | floor | modules | what they know |
//! |---|---|---|
//! | 9 | `cli`, `sdk` | arguments and streams, one file a command; a credentials provider for programs in Rust |
//! | 8 | `advise`, `audit`, `credential_process`, `credentials_file`, `doctor`, `exec`, `inspect`, `migrate`, `pki`, `server`, `settings`, `setup`, `shell_env`, `via` | the libraries of the commands; they do not know each other. `settings`: one value for each setting, and the provider that they make |
//! | 7 | `configure`, `iam`, `provider`, `explain` | profiles of AWS's files that start this program; what ends an access key; one session for a thousand calls; why AWS refused, as far as this host can see |
//! | 6 | `session`, `sts` | CreateSession, GetCallerIdentity, AssumeRole and GetScopedCredentials: what is asked, and what an answer must hold |
//! | 5 | `http` | sending; takes signed requests and nothing else |
//! | 4 | `signing` | AWS4-X509, and SigV4 through the crate `aws-sigv4` |
//! | 3 | `identity` | certificate chain and private key, proven to match |
//! | 2 | `signer`, `cache`, `config` | a key that signs, wherever it lives; where sessions wait between two runs; the configuration file |
//! | 1 | `aws_file`, `credentials`, `policy`, `prompt`, `x509` | types, AWS's files, trust policies, the terminal, parsed certificates and keys |
//! | 0 | `arn`, `clock`, `command_line`, `diagnostic`, `env`, `ini`, `manual`, `private_file`, `process`, `secret`, `systemd`, `text`, `trace` | the ground |
//!
//! On the ground floor `diagnostic`, `env`, `secret` and `text` may be used by their neighbours: an error type needs the first, and every text
//! from outside passes through the last before it is shown.
//!
//! # What holds everywhere
//!
//! - `Identity::new` joins chain and key, and refuses a pair that does not match. There is no unchecked twin.
//! - `SignedRequest` has a private field and is made in `signing` alone; the transport takes nothing else. `http::probe`, of `doctor`, asks
//!   the endpoint a `GET` that carries nothing of the caller.
//! - A `secret::Secret` is wiped on drop and cannot be printed, copied, compared or serialised. `tests/floors.rs` lists who may look inside.
//! - Every error implements `diagnostic::Diagnostic`: a stable id with a page for `anyrole explain`, facts, one hint. One file writes standard
//!   error (`cli/report.rs`), one writes standard output (`cli/output.rs`), and only `main` ends the process.
//! - Success writes nothing to standard error, unless a person asks with `--debug` or is shown secrets at a terminal: the C++ SDK merges it into what it parses. Failure leaves standard output empty, but for a finding that is the answer and the changes that `configure` was not allowed to make. A command that
//!   runs until it is stopped tells what it does, a line each, with the time.
//! - Time, environment and private files are reached through `clock`, `env` and `private_file`; clippy refuses the standard calls elsewhere.
//! - `pki-test`, the second crate, holds the test PKI, the judge and the simulator. It never imports this one, and its verifier is written from the
//!   specification, so that an error of our signer is not blessed by the same error in the judge.
//! - A session that is found in a keyring is answered from it: no private key is opened, no certificate parsed, no lock taken, nothing sent and no
//!   runtime started. `tests/cache_path.rs` counts the system calls. `credential-process` succeeds in silence while a session lasts, whatever fails.
//! - Only the clap command that was called is built, and none where the command line is plain (`cli/args/plain.rs`): the whole tree would cost as
//!   much as everything else in a start, and the one command a fifth of a cached call.
//! - A cached call never queries the processor's features (`.cargo/config.toml`).
//! - The async runtime exists where a request is sent, and nowhere else; everything below `http` is synchronous.
//!
//! # Absent on purpose
//!
//! No telemetry, no update check, no reading of `~/.aws/config` for our own settings (a broken `AWS_PROFILE` cannot
//! break us), no following of redirects, no unencrypted endpoint except on loopback, no flag that turns off a check of
//! the answer.

#![cfg_attr(
    not(feature = "cli"),
    expect(
        clippy::enum_variant_names,
        dead_code,
        unreachable_pub,
        unused_imports,
        reason = "the program uses more of these modules than `sdk` does, and has them public"
    )
)]

// The modules of the program are public for its `main.rs`, for `anyrole-pkcs11` and for the tests; nothing is promised of them.
#[cfg(feature = "cli")]
pub mod advise;
#[cfg(feature = "cli")]
pub mod arn;
#[cfg(feature = "cli")]
pub mod audit;
#[cfg(feature = "cli")]
pub mod aws_file;
#[cfg(feature = "cli")]
pub mod cache;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cli")]
pub mod clock;
#[cfg(feature = "cli")]
pub mod command_line;
#[cfg(feature = "cli")]
pub mod config;
#[cfg(feature = "cli")]
pub mod configure;
#[cfg(feature = "cli")]
pub mod credential_process;
#[cfg(feature = "cli")]
pub mod credentials;
#[cfg(feature = "cli")]
pub mod credentials_file;
#[cfg(feature = "cli")]
pub mod diagnostic;
#[cfg(feature = "cli")]
pub mod doctor;
#[cfg(feature = "cli")]
pub mod env;
#[cfg(feature = "cli")]
pub mod exec;
#[cfg(feature = "cli")]
pub mod explain;
#[cfg(feature = "cli")]
pub mod http;
#[cfg(feature = "cli")]
pub mod iam;
#[cfg(feature = "cli")]
pub mod identity;
#[cfg(feature = "cli")]
pub mod ini;
#[cfg(feature = "cli")]
pub mod inspect;
#[cfg(feature = "cli")]
pub mod manual;
#[cfg(feature = "cli")]
pub mod migrate;
#[cfg(feature = "pki")]
pub mod pki;
#[cfg(feature = "cli")]
pub mod policy;
#[cfg(feature = "cli")]
pub mod private_file;
#[cfg(feature = "cli")]
pub mod process;
#[cfg(feature = "cli")]
pub mod prompt;
#[cfg(feature = "cli")]
pub mod provider;
#[cfg(feature = "sdk")]
pub mod sdk;
#[cfg(feature = "cli")]
pub mod secret;
#[cfg(feature = "cli")]
pub mod server;
#[cfg(feature = "cli")]
pub mod session;
mod settings;
#[cfg(feature = "cli")]
pub mod setup;
#[cfg(feature = "cli")]
pub mod shell_env;
#[cfg(feature = "cli")]
pub mod signer;
#[cfg(feature = "cli")]
pub mod signing;
#[cfg(feature = "cli")]
pub mod sts;
#[cfg(feature = "cli")]
pub mod systemd;
#[cfg(feature = "cli")]
pub mod text;
#[cfg(feature = "cli")]
pub mod trace;
#[cfg(feature = "cli")]
pub mod via;
#[cfg(feature = "cli")]
pub mod x509;

// The same without the program: nobody outside uses them, so that `sdk` is all there is of this crate.
#[cfg(not(feature = "cli"))]
mod arn;
#[cfg(not(feature = "cli"))]
mod cache;
#[cfg(not(feature = "cli"))]
mod clock;
#[cfg(not(feature = "cli"))]
mod config;
#[cfg(not(feature = "cli"))]
mod credentials;
#[cfg(not(feature = "cli"))]
mod diagnostic;
#[cfg(not(feature = "cli"))]
mod env;
#[cfg(not(feature = "cli"))]
mod explain;
#[cfg(not(feature = "cli"))]
mod http;
#[cfg(not(feature = "cli"))]
mod identity;
#[cfg(not(feature = "cli"))]
mod manual;
#[cfg(not(feature = "cli"))]
mod private_file;
#[cfg(not(feature = "cli"))]
mod process;
#[cfg(not(feature = "cli"))]
#[path = "prompt/nobody.rs"]
mod prompt;
#[cfg(not(feature = "cli"))]
mod provider;
#[cfg(not(feature = "cli"))]
mod secret;
#[cfg(not(feature = "cli"))]
mod session;
#[cfg(not(feature = "cli"))]
mod signer;
#[cfg(not(feature = "cli"))]
mod signing;
#[cfg(not(feature = "cli"))]
mod sts;
#[cfg(not(feature = "cli"))]
mod text;
#[cfg(not(feature = "cli"))]
mod trace;
#[cfg(not(feature = "cli"))]
mod x509;
