//! Independent judges of what the test PKI makes and reads: the openssl program, GnuTLS's certtool, rustls-webpki, and
//! PyPI's `cryptography`, whose own OpenSSL knows ML-DSA.
//!
//! Needs `openssl` and `certtool` on the path, and a Python with `cryptography` 49 or later: the one that
//! `ANYROLE_PYTHON` names, or `python3`. What is missing is skipped with a line on stderr; with
//! `ANYROLE_REQUIRE_COMPONENTS=1` that is a failure.

#![expect(
    clippy::disallowed_methods,
    reason = "tests write certificates into a private folder and read their settings"
)]
#![expect(clippy::print_stderr, reason = "a judge that is missing is skipped loudly")]

mod judges {
    mod certificates;
    mod certtool;
    mod chain;
    mod component;
    mod cryptography;
    mod defects;
    mod key_forms;
    mod keys;
    mod openssl;
    mod requests;
    mod revocation;
    mod web_pki;
}
