//! The shape of the source: who imports whom, how long a file is, who may see a secret.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at once")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every module with its floor; a module imports lower floors only. `src/lib.rs` explains the picture.
const FLOORS: &[(&str, u8)] = &[
    ("arn", 0),
    ("clock", 0),
    ("diagnostic", 0),
    ("env", 0),
    ("manual", 0),
    ("private_file", 0),
    ("process", 0),
    ("secret", 0),
    ("text", 0),
    ("credentials", 1),
    ("prompt", 1),
    ("x509", 1),
    ("cache", 2),
    ("config", 2),
    ("signer", 2),
    ("identity", 3),
    ("signing", 4),
    ("http", 5),
    ("session", 6),
    ("sts", 6),
    ("explain", 7),
    ("provider", 7),
    ("credential_process", 8),
    ("inspect", 8),
    ("pki", 8),
    ("cli", 9),
];

/// Ground-floor modules that other ground-floor modules may use.
const FOUNDATION: &[&str] = &["diagnostic", "env", "secret", "text"];

/// The files that may look into a `Secret`.
const EXPOSERS: &[&str] = &[
    "src/credential_process.rs",
    "src/http/proxy.rs",
    "src/pki.rs",
    "src/secret.rs",
    "src/signer/file.rs",
    "src/signing/sigv4.rs",
    "src/sts.rs",
    "src/x509/private_key/encrypted.rs",
];
