//! Why a key on a PKCS#11 token cannot be used.

use std::time::Duration;

use crate::diagnostic::{Diagnostic, Fact, Fault};
use crate::text::quoted;

/// The ids of this module's errors.
pub const IDS: &[&str] = &[
    "pkcs11-ambiguous",
    "pkcs11-helper",
    "pkcs11-key-unsupported",
    "pkcs11-module",
    "pkcs11-module-crashed",
    "pkcs11-module-failed",
    "pkcs11-not-found",
    "pkcs11-pin-locked",
    "pkcs11-pin-missing",
    "pkcs11-pin-wrong",
];

/// The package that has the helper.
const PACKAGE: &str = "anyrole-pkcs11";

/// Why a key on a token cannot be used. Modules are named by their paths, tokens by their labels, objects by URIs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Pkcs11Error {
    /// Several things are meant.
    #[error("{uri} means {} {what}", candidates.len())]
    Ambiguous {
        /// Tokens or private keys.
        what: &'static str,
        /// What was written.
        uri: String,
        /// The URI of each.
        candidates: Vec<String>,
    },
    /// The helper is not there.
    #[error("keys on PKCS#11 tokens need the program {PACKAGE}, and it is not installed")]
    HelperMissing {
        /// Where it was looked for.
        searched: Vec<String>,
    },
    /// The helper is there, and of no use.
    #[error("cannot use the program {program}: {why}")]
    HelperUnusable {
        /// Its path.
        program: String,
        /// What is wrong with it.
        why: String,
    },
    /// The key is of a kind that cannot sign here.
    #[error("cannot use the private key {uri}: {why}")]
    KeyUnsupported {
        /// The key.
        uri: String,
        /// What is not supported.
        why: String,
    },
    /// No module could be loaded, or none has what is meant.
    #[error("no PKCS#11 module could be loaded")]
    NoModule {
        /// Each module that was tried, and what was said of it.
        tried: Vec<(String, String)>,
    },
    /// The module that was named could not be loaded.
    #[error("cannot load the PKCS#11 module {module}: {why}")]
    ModuleNotLoaded {
        /// Its path.
        module: String,
        /// What the loader said.
        why: String,
    },
    /// The module ended the process that it was loaded into.
    #[error("the PKCS#11 module {module} crashed while it {doing} ({how})")]
    ModuleCrashed {
        /// Its path.
        module: String,
        /// What it was asked: `was signing`.
        doing: &'static str,
        /// How the process ended.
        how: String,
    },
    /// The module did not answer in time, and its process was ended.
    #[error("the PKCS#11 module {module} did not answer within {} while it {doing}", seconds(*after))]
    ModuleHung {
        /// Its path.
        module: String,
        /// What it was asked.
        doing: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// The module refused.
    #[error("the PKCS#11 module {module} failed while it {doing}: {why}")]
    ModuleFailed {
        /// Its path.
        module: String,
        /// What it was asked.
        doing: &'static str,
        /// The function and its answer.
        why: String,
    },
    /// There is no such token, certificate or key.
    #[error("there is no {what} that matches {uri}")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// What was written.
        uri: String,
        /// The URI of each that is there.
        there: Vec<String>,
        /// Each module that was tried, and what was said of it.
        tried: Vec<(String, String)>,
    },
    /// The PIN is locked, or the next wrong one would lock it and nobody is there to decide.
    #[error("the PIN of the PKCS#11 token {token} {}", if *locked { "is locked" } else { "was not tried: a wrong one would lock it" })]
    PinLocked {
        /// The token's label.
        token: String,
        /// Locked, or protected from that.
        locked: bool,
        /// What the token says of its tries.
        tries: Tries,
    },
    /// There is no PIN.
    #[error("the PKCS#11 token {token} needs a PIN{}, and {why}", if *of_key { " for each signature of this key" } else { "" })]
    PinMissing {
        /// The token's label.
        token: String,
        /// Why there is none.
        why: String,
        /// The key's own PIN is missing, not the token's.
        of_key: bool,
        /// What to do, where that is known.
        cure: Option<String>,
    },
    /// The token refused the PIN.
    #[error("the PKCS#11 token {token} refused the PIN{}", if *before { " before, and it is not tried again" } else { "" })]
    PinWrong {
        /// The token's label.
        token: String,
        /// The module's answer.
        why: String,
        /// It was refused earlier in this run.
        before: bool,
        /// What the token says of its tries.
        tries: Tries,
    },
    /// A signature that was made does not verify.
    #[error("the signature that the PKCS#11 module {module} made does not belong to the key")]
    WrongSignature {
        /// Its path.
        module: String,
    },
}

/// What a token tells of the tries that its PIN has left; PKCS#11 has no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tries {
    /// None: it is locked.
    Locked,
    /// One.
    Last,
    /// Fewer than there were.
    Fewer,
    /// The token says nothing.
    Untold,
}

impl Tries {
    fn fact(self) -> Option<Fact> {
        let value = match self {
            Self::Locked => "none: the PIN is locked",
            Self::Last => "one: the next wrong PIN locks it",
            Self::Fewer => "fewer than the token had: a wrong PIN was entered since the last right one",
            Self::Untold => return None,
        };
        Some(Fact::new("tries left", value))
    }
}

fn seconds(time: Duration) -> String {
    let seconds = ((time.as_millis() + 500) / 1000).max(1);
    if seconds == 1 { String::from("1 second") } else { format!("{seconds} seconds") }
}

/// The most objects or modules that an error lists.
const MOST_LISTED: usize = 20;

fn list(name: &'static str, texts: &[String]) -> Vec<Fact> {
    let mut facts: Vec<Fact> =
        texts.iter().take(MOST_LISTED).map(|text| Fact::new(name, text.clone())).collect();
    if texts.len() > MOST_LISTED {
        facts.push(Fact::new(name, format!("… and {} more", texts.len() - MOST_LISTED)));
    }
    facts
}

fn list_tried(tried: &[(String, String)]) -> Vec<Fact> {
    let texts: Vec<String> = tried.iter().map(|(module, why)| format!("{module}: {why}")).collect();
    list("tried", &texts)
}

impl Diagnostic for Pkcs11Error {
    fn id(&self) -> &'static str {
        match self {
            Self::Ambiguous { .. } => "pkcs11-ambiguous",
            Self::HelperMissing { .. } | Self::HelperUnusable { .. } => "pkcs11-helper",
            Self::KeyUnsupported { .. } => "pkcs11-key-unsupported",
            Self::ModuleNotLoaded { .. } | Self::NoModule { .. } => "pkcs11-module",
            Self::ModuleCrashed { .. } | Self::ModuleHung { .. } => "pkcs11-module-crashed",
            Self::ModuleFailed { .. } | Self::WrongSignature { .. } => "pkcs11-module-failed",
            Self::NotFound { .. } => "pkcs11-not-found",
            Self::PinLocked { .. } => "pkcs11-pin-locked",
            Self::PinMissing { .. } => "pkcs11-pin-missing",
            Self::PinWrong { .. } => "pkcs11-pin-wrong",
        }
    }

    fn fault(&self) -> Fault {
        Fault::Identity
    }

    fn facts(&self) -> Vec<Fact> {
        match self {
            Self::Ambiguous { candidates, .. } => list("candidate", candidates),
            Self::HelperMissing { searched } => list("looked for", searched),
            Self::NoModule { tried } => list_tried(tried),
            Self::NotFound { there, tried, .. } => [list("there is", there), list_tried(tried)].concat(),
            Self::PinLocked { tries, .. } => tries.fact().into_iter().collect(),
            Self::PinWrong { why, tries, .. } => {
                std::iter::once(Fact::new("module", why.clone())).chain(tries.fact()).collect()
            }
            Self::HelperUnusable { .. }
            | Self::KeyUnsupported { .. }
            | Self::ModuleCrashed { .. }
            | Self::ModuleFailed { .. }
            | Self::ModuleHung { .. }
            | Self::ModuleNotLoaded { .. }
            | Self::PinMissing { .. }
            | Self::WrongSignature { .. } => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Ambiguous { .. } => "give one of them instead, in quotes",
            Self::HelperMissing { .. } => {
                return Some(format!(
                    "install the package {PACKAGE}, or name the program with --pkcs11-helper"
                ));
            }
            Self::HelperUnusable { .. } => {
                return Some(format!("install the package {PACKAGE} of the same version as anyrole"));
            }
            Self::KeyUnsupported { .. } => {
                "use an RSA key of 2048 bits or more, or an EC key on P-256, P-384 or P-521"
            }
            Self::ModuleNotLoaded { .. } | Self::NoModule { .. } => {
                "name the module of your token's maker with --pkcs11-lib"
            }
            Self::ModuleCrashed { module, .. } | Self::ModuleFailed { module, .. } => {
                return Some(format!("try the module without anyrole: pkcs11-tool --module {module} -O"));
            }
            Self::ModuleHung { .. } => {
                "if the token waits to be touched, touch it; else unplug it and try again, or give more time with --timeout"
            }
            Self::NotFound { there, .. } if there.is_empty() => {
                "plug the token in, or name its module with --pkcs11-lib"
            }
            Self::NotFound { .. } => "give one of those instead, in quotes",
            Self::PinLocked { locked: true, .. } => {
                "unlock it with the security officer's PIN or the PUK, with the tool of your token's maker"
            }
            Self::PinLocked { locked: false, .. } => {
                "check the PIN, then log in once by hand, which restores the tries: pkcs11-tool --login -O"
            }
            Self::PinMissing { cure: Some(cure), .. } => return Some(cure.clone()),
            Self::PinMissing { of_key: true, .. } => "if it is the token's PIN, add --reuse-pin",
            Self::PinMissing { .. } => "give the PIN with --pkcs11-pin-file",
            Self::PinWrong { .. } => "check the PIN: pkcs11-tool --login -O; each wrong one counts",
            Self::WrongSignature { .. } => {
                "the certificate and the key have the same id, and are not a pair; write them to the token again"
            }
        };
        Some(String::from(hint))
    }
}

/// Names a module or a program as errors show it.
pub(super) fn named(path: &std::path::Path) -> String {
    quoted(&path.to_string_lossy())
}
