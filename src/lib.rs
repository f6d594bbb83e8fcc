//! `anyrole` turns an X.509 certificate and its private key into temporary AWS credentials, through IAM Roles Anywhere.
//!
//! This page is the map of the source. The program is this library and a `main.rs` that calls it. A second program, `anyrole-pkcs11`
//! (`src/bin`), is the one process that loads a PKCS#11 module; it uses [`signer::pkcs11::wire`] and little else of this library.
//!
//! # Floors
//!
//! Modules stand on floors, and a module imports lower floors only; `tests/floors.rs` holds the code to it. Top floor first:
//!
//! | floor | modules | what they know |
//! |---|---|---|
//! | 9 | [`cli`] | arguments, settings and streams; one file a command |
//! | 8 | [`advise`], [`audit`], [`credential_process`], [`credentials_file`], [`doctor`], [`mod@exec`], [`inspect`], [`migrate`], `pki`, [`server`], [`setup`], [`shell_env`], [`via`] | the libraries of the commands; they do not know each other |
//! | 7 | [`configure`], [`iam`], [`provider`], [`explain`] | profiles of AWS's files that start this program; what ends an access key; one session for a thousand calls; why AWS refused, as far as this host can see |
//! | 6 | [`session`], [`sts`] | CreateSession, GetCallerIdentity, AssumeRole and GetScopedCredentials: what is asked, and what an answer must hold |
//! | 5 | [`http`] | sending; takes signed requests and nothing else |
//! | 4 | [`signing`] | AWS4-X509, and SigV4 through the crate `aws-sigv4` |
//! | 3 | [`identity`] | certificate chain and private key, proven to match |
//! | 2 | [`signer`], [`cache`], [`config`] | a key that signs, wherever it lives; where sessions wait between two runs; the configuration file |
//! | 1 | [`aws_file`], [`credentials`], [`policy`], [`prompt`], [`x509`] | types, AWS's files, trust policies, the terminal, parsed certificates and keys |
//! | 0 | [`arn`], [`clock`], [`command_line`], [`diagnostic`], [`mod@env`], [`ini`], [`manual`], [`private_file`], [`process`], [`secret`], [`systemd`], [`text`], [`trace`] | the ground |
//!
//! On the ground floor `diagnostic`, `env`, `secret` and `text` may be used by their neighbours: an error type needs the first, and every text
//! from outside passes through the last before it is shown.
//!
//! # What holds everywhere
//!
//! - `Identity::new` joins chain and key, and refuses a pair that does not match. There is no unchecked twin.
//! - `SignedRequest` has a private field and is made in `signing` alone; the transport takes nothing else. `http::probe`, of `doctor`, asks
//!   the endpoint a `GET` that carries nothing of the caller.
//! - A [`secret::Secret`] is wiped on drop and cannot be printed, copied, compared or serialised. `tests/floors.rs` lists who may look inside.
//! - Every error implements [`diagnostic::Diagnostic`]: a stable id with a page for `anyrole explain`, facts, one hint. One file writes standard
//!   error (`cli/report.rs`), one writes standard output (`cli/output.rs`), and only `main` ends the process.
//! - Success writes nothing to standard error, unless a person asks with `--debug` or is shown secrets at a terminal: the C++ SDK merges it into what it parses. Failure leaves standard output empty, but for a finding that is the answer and the changes that `configure` was not allowed to make. A command that
//!   runs until it is stopped tells what it does, a line each, with the time.
//! - Time, environment and private files are reached through [`clock`], [`mod@env`] and [`private_file`]; clippy refuses the standard calls elsewhere.
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

pub mod advise;
pub mod arn;
pub mod audit;
pub mod aws_file;
pub mod cache;
pub mod cli;
pub mod clock;
pub mod command_line;
pub mod config;
pub mod configure;
pub mod credential_process;
pub mod credentials;
pub mod credentials_file;
pub mod diagnostic;
pub mod doctor;
pub mod env;
pub mod exec;
pub mod explain;
pub mod http;
pub mod iam;
pub mod identity;
pub mod ini;
pub mod inspect;
pub mod manual;
pub mod migrate;
#[cfg(feature = "pki")]
pub mod pki;
pub mod policy;
pub mod private_file;
pub mod process;
pub mod prompt;
pub mod provider;
pub mod secret;
pub mod server;
pub mod session;
pub mod setup;
pub mod shell_env;
pub mod signer;
pub mod signing;
pub mod sts;
pub mod systemd;
pub mod text;
pub mod trace;
pub mod via;
pub mod x509;
