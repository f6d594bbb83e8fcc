//! Hints that no case carries out, and why; and the calls of hints that only show something.

/// A reason, and words of the hints, or of the names of the cases.
type Hints = (&'static str, &'static [&'static str]);

const NOT_CARRIED_OUT: &[Hints] = &[
    (
        "a fault is played whatever the next call is; `situations` carries out what can be the cause at AWS",
        &["faults/"],
    ),
    (
        "another certificate, of another CA: it is another identity, as those that the cases `good` use",
        &[
            "have it issued again",
            "have it issued by the CA that is the trust anchor",
            "issue a certificate with a subject",
            "ask the CA for the right certificates",
            "use a CA further down the chain as the trust anchor",
            "renew the certificate, or correct this machine's clock",
            "have it renewed by its CA",
            "give the end entity's own certificate with --certificate",
            "pki/install-mismatch",
        ],
    ),
    (
        "there is no token; `tests/tokens.rs` has some, and pastes back what is listed",
        &[
            "install the package anyrole-pkcs11 of the same version",
            "write 'pkcs11:token=LABEL;object=LABEL'",
        ],
    ),
    (
        "a file of something else, which holds no policy whatever is done to it",
        &["give JSON as the AWS CLI prints it"],
    ),
    ("the clock is the machine's", &["wait, or correct this machine's clock"]),
    (
        "the case has not the certificate that is missing; `situations/missing-intermediate` and `wrong-anchor` have it",
        &[
            "give the renewed certificate of this CA with --intermediates",
            "add its certificate with --intermediates",
            "situations/intermediates-of-others-insufficient",
        ],
    ),
    (
        "the CA of the simulator's HTTPS is its own; `tests/transport.rs` gives it with both flags",
        &["add its CA with --extra-ca FILE", "install the package ca-certificates, or give --ca-bundle FILE"],
    ),
    (
        "there is no network in a test",
        &["open the way to the endpoint", "a proxy or a sign-in page stands between"],
    ),
    (
        "the trust policy is at AWS; `tests/chaining.rs` changes it",
        &["the second role's trust policy must allow"],
    ),
    (
        "it would serve until somebody ends it; `pki-test` and `tests/readme.rs` start it",
        &[
            "give the list that anyrole pki crl wrote",
            "give one or two CA certificates with --trust-anchor",
            "set it in the file",
            "give a whole number, not negative; a port is at most 65535",
        ],
    ),
    (
        "a user without an account reads no key of the case; `tests/update/users.rs` names the file",
        &["set HOME, or name the file with AWS_SHARED_CREDENTIALS_FILE"],
    ),
    ("the store cannot be exported again from a damaged one", &["export it again; what openssl says of it"]),
    (
        "it is carried out for update, whose files are judged by the same code",
        &["or name another file with AWS_CONFIG_FILE"],
    ),
    ("the program is installed where it is", &["install the program, and keep its config file"]),
    ("nobody is at a terminal; `tests/configure.rs` gives --yes", &["run it on a terminal and answer y"]),
    (
        "where the program stands, and a password's file, are the user's; `tests/identity/passwords.rs` reads such files",
        &["run it in the folder that is meant", "put the password into a file of mode 0600"],
    ),
    (
        "no case has a TPM; `tests/tpm.rs` makes such keys, names such devices and gives such passwords",
        &[
            "check --tpm-device (TPM_DEVICE)",
            "give /dev/tpmrm0, or what swtpm listens on",
            "copy the file again from where it was made",
            "make a key that signs freely",
            "credential-process/tpm-",
        ],
    ),
    ("there is no backup in a test", &["put back the last backup of it"]),
    ("a mount of the whole host", &["mount /proc, where Linux tells it"]),
    ("what AWS printed is not known here", &["put in place of … what AWS printed"]),
    (
        "the certificate is in the store of a Windows host, which no test has",
        &["configure/from-official-store"],
    ),
];

/// What is listed, of hints or of the names of cases.
pub(crate) fn not_carried_out() -> impl Iterator<Item = &'static str> {
    NOT_CARRIED_OUT.iter().flat_map(|(_, hints)| hints.iter().copied())
}

/// Returns the calls of this program that a hint names and that only show something: a help text or a page.
pub(crate) fn information(hint: &str) -> impl Iterator<Item = Vec<String>> + '_ {
    hint.match_indices("anyrole ").filter_map(|(index, _)| {
        let call = hint[index..].split([',', ';', ':', '\'', ')']).next()?;
        let words: Vec<String> = call.split(' ').skip(1).map(str::to_owned).collect();
        let length = match words.as_slice() {
            [explain, id, ..] if explain == "explain" && anyrole::manual::refusal(id).is_some() => 2,
            [help, ..] if help == "help" => 1,
            words => words.iter().position(|word| word == "--help")? + 1,
        };
        Some(words[..length].to_vec())
    })
}
