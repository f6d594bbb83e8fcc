//! The limits that a user can meet, and what happens beyond each.

/// What a number counts.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    /// Octets, in KiB or MiB where that is even.
    Octets,
    /// So many of these.
    Of(&'static str),
    /// A number of seconds.
    Seconds,
    /// A `Duration`.
    Time,
}

/// A limit.
pub(crate) struct Limit {
    pub(crate) file: &'static str,
    /// One constant, or the least and the most.
    pub(crate) constants: &'static [&'static str],
    pub(crate) unit: Unit,
    pub(crate) what: &'static str,
    pub(crate) beyond: &'static str,
}

const fn limit(
    file: &'static str,
    constants: &'static [&'static str],
    unit: Unit,
    what: &'static str,
    beyond: &'static str,
) -> Limit {
    Limit { file, constants, unit, what, beyond }
}

use Unit::{Octets, Of, Seconds, Time};

const CHARACTERS: Unit = Of("characters");
const TOO_LARGE: &str = "`[file-unreadable]`: check the path";

pub(crate) const SECTIONS: &[(&str, &[Limit])] = &[
    ("Files that are read", FILES),
    ("Settings", SETTINGS),
    ("Certificates and keys", CERTIFICATES),
    ("Answers, and the way to AWS", ANSWERS),
    ("The cache", CACHE),
    ("`exec`, `serve` and `--via`", SERVE),
    ("`pki` and `simulate`", PKI),
    ("For display", DISPLAY),
];

const FILES: &[Limit] = &[
    limit(
        "src/private_file/read.rs",
        &["KEY_FILE_LIMIT"],
        Octets,
        "the private key, from anywhere; certificates from the standard input",
        "`[private-key-unreadable]`, `[certificate-unreadable]`: check the path",
    ),
    limit(
        "src/identity/reader.rs",
        &["CERTIFICATES_LIMIT"],
        Octets,
        "certificates or intermediates, a file",
        "`[certificate-unreadable]`: check the path",
    ),
    limit(
        "src/x509/pem.rs",
        &["BLOCK_LIMIT"],
        Of("blocks"),
        "PEM blocks of one file",
        "`[certificate-not-pem]`: give the chain alone, and roots with `--ca-bundle`",
    ),
    limit(
        "src/x509/pkcs12.rs",
        &["ITERATION_LIMIT"],
        Of("iterations"),
        "the password protection of a PKCS#12 store, in all",
        "`[pkcs12-unsupported]`: convert it with openssl",
    ),
    limit(
        "src/x509/pkcs12.rs",
        &["PART_LIMIT"],
        Of("parts"),
        "encrypted parts of a PKCS#12 store",
        "`[pkcs12-unsupported]`: convert it with openssl",
    ),
    limit(
        "src/x509/pkcs12.rs",
        &["BAG_LIMIT"],
        Of("keys and certificates"),
        "what a PKCS#12 store holds",
        "`[pkcs12-unsupported]`: convert it with openssl",
    ),
    limit(
        "src/x509/ber.rs",
        &["DEPTH_LIMIT"],
        Of("levels"),
        "nesting of a PKCS#12 store in BER",
        "`[pkcs12-damaged]`: export it again",
    ),
    limit(
        "src/server/tls.rs",
        &["CERTIFICATES_BYTES"],
        Octets,
        "the certificate of `serve` for other hosts",
        TOO_LARGE,
    ),
    limit(
        "src/aws_file.rs",
        &["LIMIT"],
        Octets,
        "a file of AWS's programs that is changed",
        "`[file-unreadable]`: keep less in it",
    ),
    limit(
        "src/identity/password.rs",
        &["PASSWORD_LIMIT"],
        Octets,
        "the password of a key",
        "`[password-unreadable]`: check the path",
    ),
    limit("src/cli/passphrase.rs", &["LIMIT"], Octets, "the passphrase of a CA", TOO_LARGE),
    limit(
        "src/http/roots.rs",
        &["MAX_BUNDLE"],
        Octets,
        "a CA bundle",
        "`[ca-bundle-unusable]`: give a file of PEM certificates",
    ),
    limit(
        "src/config.rs",
        &["MAX_BYTES"],
        Octets,
        "one config file",
        "`[file-unreadable]`: put sessions into files of their own in `conf.d`",
    ),
    limit(
        "src/config.rs",
        &["MAX_FILES"],
        Of("files"),
        "files in `conf.d`",
        "`[config-too-many-files]`: put several sessions into one file",
    ),
    limit(
        "src/cli/settings/scope.rs",
        &["POLICY_BYTES"],
        Octets,
        "the file of `--scope-policy`, with its blanks",
        TOO_LARGE,
    ),
    limit(
        "src/exec/shadow.rs",
        &["FILE_BYTES"],
        Octets,
        "an AWS config or credentials file that `exec` searches for what SDKs would prefer",
        "a warning that it was not searched",
    ),
    limit(
        "src/private_file/read.rs",
        &["PATIENCE"],
        Time,
        "silence of a pipe that is read",
        "`[file-unreadable]`: nothing was written to it",
    ),
    limit(
        "src/private_file/way.rs",
        &["MAX_LINKS"],
        Of("links"),
        "links on the way to a file of `pki`, one after the other",
        "`[file-unreadable]`: its links lead nowhere",
    ),
];

const SETTINGS: &[Limit] = &[
    limit(
        "src/session/request.rs",
        &["SHORTEST", "LONGEST"],
        Seconds,
        "`--session-duration`",
        "`[session-duration-out-of-range]`; longer than the role or profile allows: AWS refuses, or grants less and `status` says so",
    ),
    limit(
        "src/sts/request.rs",
        &["SHORTEST", "LONGEST"],
        Seconds,
        "`--assume-role-duration`",
        "`[assume-role-duration-out-of-range]`",
    ),
    limit(
        "src/sts/request.rs",
        &["MOST_TAGS"],
        Of("tags"),
        "`--assume-role-tag`",
        "`[assume-role-tag-malformed]`",
    ),
    limit("src/sts/scope.rs", &["LONGEST"], Seconds, "`--scope-duration`", "`[scope-duration-out-of-range]`"),
    limit(
        "src/sts/scope.rs",
        &["LONGEST_POLICY"],
        CHARACTERS,
        "`--scope-policy`, without blanks",
        "`[scope-policy-too-long]`: narrow twice, from one session to the next",
    ),
    limit(
        "src/sts/scope.rs",
        &["MOST"],
        Of("times"),
        "narrowing, one session from the other",
        "`[scope-too-often]`: join two policies",
    ),
    limit(
        "src/provider.rs",
        &["DEADLINE"],
        Time,
        "a whole call, without `--timeout`",
        "`[deadline]`, with what was waited for: give `--timeout`",
    ),
    limit("src/arn.rs", &["MAX_LENGTH"], CHARACTERS, "an ARN", "`[setting-arn]`"),
    limit(
        "src/signing/endpoint.rs",
        &["MAX_LENGTH"],
        CHARACTERS,
        "`--endpoint` and other URLs",
        "`[endpoint-malformed]`",
    ),
    limit("src/session/endpoint.rs", &["LONGEST_REGION"], CHARACTERS, "`--region`", "`[region-malformed]`"),
    limit(
        "src/cache/key.rs",
        &["LONGEST_NAMESPACE"],
        CHARACTERS,
        "`ANYROLE_CACHE_NAMESPACE`",
        "`[cache-namespace]`",
    ),
];

const CERTIFICATES: &[Limit] = &[
    limit(
        "src/signer/pkcs11/uri.rs",
        &["LONGEST"],
        Octets,
        "a PKCS#11 URI",
        "`[source-malformed]`: say less; a serial number or an id is enough",
    ),
    limit(
        "src/signer/pkcs11/wire.rs",
        &["OBJECTS_LIMIT"],
        Of("objects"),
        "of one class on a token, which are looked at",
        "those after them are not seen: name the object in the URI",
    ),
    limit(
        "src/signer/pkcs11/wire.rs",
        &["FRAME_LIMIT"],
        Octets,
        "all of them together",
        "those after them are not seen: name the object in the URI",
    ),
    limit(
        "src/signer/pkcs11/wire.rs",
        &["ATTRIBUTE_LIMIT"],
        Octets,
        "a certificate on a token, or another attribute",
        "it is passed over",
    ),
    limit(
        "src/identity/source.rs",
        &["PATIENCE"],
        Time,
        "to open a token, and for each signature, unless `--timeout` says otherwise",
        "`[pkcs11-module-crashed]`: give more with `--timeout`",
    ),
    limit(
        "src/signer/pkcs11/program.rs",
        &["GREETING"],
        Time,
        "for `anyrole-pkcs11` to start",
        "`[pkcs11-helper]`: see whether it is the right program",
    ),
    limit(
        "src/identity/pin_command.rs",
        &["PATIENCE"],
        Time,
        "for a program that is a `pin-source`",
        "`[pkcs11-pin-missing]`: keep the PIN in a file",
    ),
    limit(
        "src/identity/pin_command.rs",
        &["LONGEST_PIN"],
        Octets,
        "a PIN that such a program prints",
        "`[pkcs11-pin-missing]`",
    ),
    limit(
        "src/x509/chain.rs",
        &["DEPTH_LIMIT"],
        Of("certificates"),
        "intermediates that are sent",
        "`[chain-too-deep]`: use a CA further down as the trust anchor",
    ),
    limit(
        "src/x509/certificate.rs",
        &["SERIAL_LIMIT"],
        Octets,
        "a serial number; more than 20 octets are a remark of `inspect`",
        "`[certificate-malformed]`: have it issued again",
    ),
    limit(
        "src/explain/unmappable.rs",
        &["LONGEST_TAG"],
        CHARACTERS,
        "a field of the certificate that becomes a session tag",
        "`inspect` and `pki issue` say that AWS cannot map it",
    ),
    limit(
        "src/explain/unmappable.rs",
        &["LONGEST_SOURCE_IDENTITY"],
        CHARACTERS,
        "a common name that is the source identity",
        "the serial number is it instead, as at AWS",
    ),
    limit(
        "src/x509/private_key/encrypted.rs",
        &["ITERATION_LIMIT"],
        Of("iterations"),
        "PBKDF2 of an encrypted key",
        "`[private-key-unsupported]`: encrypt it again with fewer",
    ),
    limit(
        "src/x509/private_key/encrypted.rs",
        &["SCRYPT_MEMORY_LIMIT"],
        Octets,
        "memory of scrypt for an encrypted key",
        "`[private-key-unsupported]`: encrypt it again with less",
    ),
    limit(
        "src/x509/private_key/encrypted.rs",
        &["SCRYPT_ROUND_LIMIT"],
        Of("rounds"),
        "scrypt of an encrypted key",
        "`[private-key-unsupported]`: encrypt it again with fewer",
    ),
];

const ANSWERS: &[Limit] = &[
    limit(
        "src/http.rs",
        &["MAX_BODY"],
        Octets,
        "an answer of AWS",
        "`[answer-too-large]`: check `--endpoint` and the proxy",
    ),
    limit(
        "src/credentials.rs",
        &["LONGEST_SECRET"],
        Octets,
        "a secret access key or session token",
        "`[answer-malformed]`, which names the member",
    ),
    limit(
        "src/credentials.rs",
        &["LATEST_EXPIRATION"],
        Time,
        "how far away the expiration of a session is",
        "`[answer-expiration]`: check the clock",
    ),
    limit(
        "src/http/clock_offset.rs",
        &["LARGEST"],
        Time,
        "an error of this clock that is corrected when AWS tells its time",
        "`[aws-invalid-signature]`: set the clock",
    ),
    limit(
        "src/http/proxy_answer.rs",
        &["LONGEST_HEAD"],
        Octets,
        "the head of a proxy's refusal that is read for its reason",
        "what comes after it is not looked at; the status is told",
    ),
];

const CACHE: &[Limit] = &[
    limit(
        "src/cache/encoding.rs",
        &["MAX_LENGTH"],
        Octets,
        "one session, in any store",
        "`[cache-too-large]`, told by `--debug`: each call makes a session of its own",
    ),
    limit(
        "src/cache/keyring/quota.rs",
        &["SHARE"],
        Of("% of the user's quota"),
        "the kernel's keyring, used by whomever",
        "the session is kept in a sealed file, which `cache list` says",
    ),
    limit(
        "src/cache/sweep.rs",
        &["MOST_FAILURES"],
        Of("failures"),
        "failures that are kept",
        "some are forgotten early: the next call of such a key asks AWS at once",
    ),
    limit("src/cache/sweep.rs", &["FAILURE_SHOWN"], Time, "how long a failure is shown", "it is forgotten"),
    limit(
        "src/cache/failure.rs",
        &["LONGEST_TEXT"],
        Octets,
        "each text that is kept of a failure",
        "it ends with `…` where it is told again",
    ),
    limit(
        "src/cache/failure.rs",
        &["MOST_FACTS"],
        Of("facts"),
        "facts that are kept of a failure",
        "the others are told by the call that met it, and with `--no-cache`",
    ),
    limit(
        "src/cache/lock.rs",
        &["MOST_REOPENINGS"],
        Of("times"),
        "a lock file that somebody removes while it is waited for",
        "the call goes on without the cache, which `--debug` says",
    ),
];

const SERVE: &[Limit] = &[
    limit(
        "src/server.rs",
        &["REQUEST_BYTES"],
        Octets,
        "a request, line and headers",
        "400 or 431, and the connection is closed",
    ),
    limit(
        "src/server.rs",
        &["REQUEST_HEADERS"],
        Of("headers"),
        "headers of a request",
        "431, and the connection is closed",
    ),
    limit(
        "src/server.rs",
        &["HEADERS_TIME"],
        Time,
        "until the headers are there, and between two requests",
        "the connection is closed",
    ),
    limit("src/server.rs", &["CONNECTION_TIME"], Time, "a connection", "it is closed; SDKs open another"),
    limit(
        "src/server.rs",
        &["FINISH_TIME"],
        Time,
        "for those who wait for an answer when it ends",
        "their connections are closed",
    ),
    limit(
        "src/server/crowd.rs",
        &["MOST"],
        Of("connections"),
        "connections at once; fewer where `RLIMIT_NOFILE` is small",
        "the idle one that is the oldest, of the user with the most, is closed",
    ),
    limit(
        "src/server/imds.rs",
        &["LONGEST"],
        Seconds,
        "the time to live of an IMDSv2 token, as at AWS",
        "400",
    ),
    limit(
        "src/server/listeners.rs",
        &["MOST_PASSED"],
        Of("sockets"),
        "sockets that systemd hands over",
        "`[sockets-not-usable]`",
    ),
    limit(
        "src/server/site.rs",
        &["NAMES_TIME"],
        Time,
        "for the name service to tell a user's groups",
        "they are judged without the name service",
    ),
    limit(
        "src/server/sockets/tables.rs",
        &["TABLE_BYTES"],
        Octets,
        "`/proc/net/tcp`, where the kernel has no sock_diag",
        "the caller is not known, and refused",
    ),
    limit(
        "src/server/holder.rs",
        &["MOST"],
        Of("processes"),
        "processes among which a caller's name is looked for",
        "the log line has no `pid` and `program`",
    ),
    limit(
        "src/server.rs",
        &["REFUSALS"],
        Of("lines"),
        "refusals in the log, in ten seconds",
        "the others are counted, in one line",
    ),
    limit("src/via.rs", &["ANSWER_BYTES"], Octets, "an answer of the server", "`[via-answer]`"),
    limit(
        "src/cli/log.rs",
        &["LONGEST_FILE"],
        Octets,
        "`--log-file`",
        "it becomes `NAME.1`, in place of the one before",
    ),
];

const PKI: &[Limit] = &[
    limit("src/cli/pki.rs", &["MOST_DAYS"], Of("days"), "`--days`", "`[flag-value]`"),
    limit(
        "src/cli/pki.rs",
        &["PASSPHRASE_TRIES"],
        Of("tries"),
        "tries to type the passphrase",
        "`[pki-ca-unusable]`",
    ),
    limit("src/pki.rs", &["FILE_LIMIT"], Octets, "a file of the PKI that is read back", TOO_LARGE),
    limit(
        "src/pki/index.rs",
        &["LIMIT"],
        Octets,
        "the register, some 40,000 certificates",
        "`[pki-register]`: begin another PKI",
    ),
    limit(
        "pki-test/src/certificate_request.rs",
        &["MAX_REQUEST_OCTETS"],
        Octets,
        "a certificate request, `--csr`",
        TOO_LARGE,
    ),
    limit(
        "pki-test/src/certificate_request.rs",
        &["MAX_SHOWN_NAMES"],
        Of("names"),
        "names shown of those that a request asks for",
        "for display: `…`",
    ),
    limit(
        "pki-test/src/distinguished_name.rs",
        &["MAX_ATTRIBUTES"],
        Of("attributes"),
        "attributes of `--subject`",
        "`[pki-subject]`",
    ),
    limit(
        "pki-test/src/revocation.rs",
        &["MAX_IMPORT_OCTETS"],
        Octets,
        "a revocation list, as AWS takes it",
        "`[pki-revocation-list]`, with how many certificates fit",
    ),
    limit(
        "src/pki/index.rs",
        &["KEPT_DAYS"],
        Of("days"),
        "a certificate on the lists past its expiration",
        "it leaves them, as RFC 5280 has it",
    ),
    limit("src/cli/simulate/world.rs", &["ANCHOR_LIMIT"], Octets, "`--trust-anchor`", TOO_LARGE),
    limit(
        "pki-test/src/simulator/world.rs",
        &["FILE_LIMIT"],
        Octets,
        "a world file, and each file that it names",
        "`[simulator-world]`",
    ),
    limit(
        "pki-test/src/simulator/control.rs",
        &["FAULTS_LIMIT"],
        Of("faults"),
        "faults at once",
        "the control path answers 400",
    ),
    limit(
        "pki-test/src/simulator/journal.rs",
        &["ENTRIES_LIMIT"],
        Of("entries"),
        "the journal on the control path",
        "the oldest leave it; `--journal FILE` has all",
    ),
    limit(
        "pki-test/src/simulator/credentials.rs",
        &["SESSIONS_LIMIT"],
        Of("sessions"),
        "sessions that the simulated STS knows",
        "it does not know the oldest any more",
    ),
];

const DISPLAY: &[Limit] = &[
    limit(
        "src/signer/pkcs11/error.rs",
        &["MOST_LISTED"],
        Of("lines"),
        "of each kind under an error about a token",
        "the number of the others is told",
    ),
    limit(
        "src/text.rs",
        &["SHOWN"],
        CHARACTERS,
        "what is in quotes: a path, a name, what was typed",
        "for display: `…`",
    ),
    limit("src/text.rs", &["LINE"], CHARACTERS, "a line of an error, a fact, a hint", "for display: `…`"),
    limit(
        "src/session/refusal.rs",
        &["LONGEST_MESSAGE"],
        CHARACTERS,
        "AWS's message when it refuses",
        "for display: `…`",
    ),
    limit(
        "src/sts/refusal.rs",
        &["LONGEST_TEXT"],
        CHARACTERS,
        "STS's message when it refuses",
        "for display: `…`",
    ),
    limit(
        "src/http/no_answer.rs",
        &["LONGEST_SERVER"],
        CHARACTERS,
        "how a proxy calls itself",
        "for display: `…`",
    ),
    limit(
        "src/cli/report.rs",
        &["FEW_LINES"],
        Of("lines"),
        "an error of `credential-process`",
        "for display: the last facts are left out; `--debug` has all",
    ),
    limit(
        "src/cli/settings/error.rs",
        &["LISTED"],
        Of("names"),
        "the sessions in an error",
        "for display: how many more there are",
    ),
    limit(
        "src/explain.rs",
        &["SHOWN_NOT_USED"],
        Of("certificates"),
        "certificates in an error that no chain uses",
        "for display: how many more there are; `inspect` has all",
    ),
    limit("src/sts/scope.rs", &["SHOWN_DIGITS"], Of("digits"), "the SHA-256 of a policy", "for display"),
];
