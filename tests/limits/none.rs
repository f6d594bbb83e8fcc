//! The numbers of the source that are no limits to a user, by the reason.

/// A reason, and numbers: the file and the name of each.
type Numbers = (&'static str, &'static [(&'static str, &'static str)]);

pub(crate) const NONE: &[Numbers] = &[
    (
        "the form of what is written or read, which has one length or version",
        &[
            ("src/cache/entry.rs", "TAG_LENGTH"),
            ("src/cache/seal.rs", "SALT_LENGTH"),
            ("src/cache/seal.rs", "TAG_LENGTH"),
            ("src/cache/seal.rs", "HEADER_LENGTH"),
            ("src/cache/state_folder.rs", "SEALING_KEY_LENGTH"),
            ("src/pki/index.rs", "VERSION"),
            ("src/process.rs", "AT_SECURE"),
            ("src/server/imds.rs", "CLAIM"),
            ("src/server/token.rs", "OCTETS"),
            ("src/server/gate.rs", "HTTP_PORT"),
            ("src/server/sockets/tables.rs", "OVERFLOW_USER"),
            ("src/cli/serve.rs", "OFFICIAL_PORT"),
        ],
    ),
    (
        "room for what follows from another limit",
        &[
            ("src/cache/failure.rs", "LONGEST"),
            ("src/cache/seal.rs", "MAX_SEALED"),
            ("src/cache/keyring/kernel.rs", "LARGEST_KEY"),
            ("src/server/sockets/diag.rs", "ANSWER_BYTES"),
        ],
    ),
    (
        "room at first, which grows",
        &[
            ("src/cache/keyring/kernel.rs", "USUAL_KEY"),
            ("src/cache/keyring/kernel.rs", "USUAL_LISTED"),
            ("src/credential_process.rs", "FRAME"),
            ("src/server/answer.rs", "FRAME"),
            ("src/shell_env.rs", "FRAME"),
            ("src/x509/pem.rs", "ROOM"),
        ],
    ),
    (
        "what is usual, by which something is judged or told",
        &[
            ("src/cache/keyring/kernel.rs", "USUAL_SESSION"),
            ("src/cache/keyring/quota.rs", "USUAL_OCTETS"),
            ("src/cache/keyring/quota.rs", "USUAL_KEYS"),
            ("src/explain/causes.rs", "CLOCK_WINDOW"),
            ("src/explain/causes.rs", "LONGEST_CHAIN"),
            ("src/explain/causes.rs", "DEFAULT_ROLE_MAXIMUM"),
            ("src/http/runtime.rs", "DESCRIPTORS"),
            ("src/identity/check.rs", "SOON"),
            ("src/text/key_material.rs", "LONGEST_NAME"),
            ("src/text/key_material.rs", "SHORTEST_DER"),
            ("src/x509/certificate.rs", "USUAL_SERIAL_OCTETS"),
            ("src/cli/serve/offers.rs", "SHORT"),
        ],
    ),
    (
        "a tolerance for clocks, or for seconds that are rounded",
        &[
            ("src/cache/freshness.rs", "CLOCK_TOLERANCE"),
            ("src/http/clock_offset.rs", "TOLERATED"),
            ("src/provider.rs", "SLACK"),
            ("src/server/keeper.rs", "CLOCK_TOLERANCE"),
            ("src/sts.rs", "ROUNDING"),
            ("src/pki.rs", "HEAD_START"),
        ],
    ),
    (
        "a pause or an interval: what it puts off is done after it",
        &[
            ("src/cache/failure.rs", "LONGEST_BELIEVED"),
            ("src/cache/failure.rs", "SHORTEST_WAIT"),
            ("src/cache/freshness.rs", "FIRST_WAIT"),
            ("src/cache/freshness.rs", "LONGEST_REFRESH_WINDOW"),
            ("src/cache/freshness.rs", "LONGEST_WAIT"),
            ("src/cache/freshness.rs", "NETWORK_WAIT"),
            ("src/cache/sweep.rs", "LONGEST_WRITE"),
            ("src/cli/serve.rs", "STATUS_INTERVAL"),
            ("src/cli/simulate/ending.rs", "PARENT_INTERVAL"),
            ("src/http/retry.rs", "LONGEST_PAUSE"),
            ("src/http/retry.rs", "NETWORK_PAUSE"),
            ("src/http/retry.rs", "SERVICE_PAUSE"),
            ("src/provider/attempt.rs", "LONGEST_REFRESH"),
            ("src/server.rs", "ACCEPT_PAUSE"),
            ("src/server.rs", "REFUSALS_TIME"),
            ("src/server/holder.rs", "PAUSE"),
            ("src/server/keeper.rs", "FIRST_PAUSE"),
            ("src/server/keeper.rs", "LONGEST_PAUSE"),
            ("src/server/keeper.rs", "LOOK_INTERVAL"),
            ("src/server/keeper.rs", "SHORTEST_PAUSE"),
            ("src/server/keeper.rs", "SPREAD"),
        ],
    ),
    (
        "how much of a work without end is done at once: the rest is done the next time",
        &[("src/cache/sweep.rs", "LOOKED_AT")],
    ),
    (
        "how often something is tried again that does not fail twice: a random name, a port, a pair that is being replaced",
        &[
            ("src/cli/serve.rs", "PORT_TRIES"),
            ("src/pki/deploy.rs", "TRIES"),
            ("src/private_file/write.rs", "ATTEMPTS"),
        ],
    ),
    (
        "how long this machine may take for what it does at once; another way is tried then",
        &[
            ("src/cache/keyring/desktop.rs", "PATIENCE"),
            ("src/cache/keyring/desktop.rs", "PATIENCE_TO_CONNECT"),
            ("src/server/sockets.rs", "REACH_TIME"),
            ("src/server/sockets/diag.rs", "ANSWER_TIME"),
        ],
    ),
    (
        "of the system: what is larger is kept in parts",
        &[
            ("src/cache/keyring/desktop.rs", "LARGEST_VALUE"),
            ("src/cache/keyring/no_desktop.rs", "LARGEST_VALUE"),
        ],
    ),
    (
        "the way of the kernel: beyond it the file cannot be opened at all",
        &[("src/private_file/denial.rs", "LINKS")],
    ),
    ("the least of a limit that is on the page", &[("src/server/crowd.rs", "FEWEST")]),
    (
        "a default",
        &[
            ("src/cli/demo.rs", "LIFETIME"),
            ("src/cli/pki.rs", "DAY"),
            ("src/cli/pki/crl.rs", "DEFAULT_DAYS"),
            ("src/cli/pki/issue.rs", "DEFAULT_DAYS"),
            ("src/cli/settings/session.rs", "DEFAULT_DURATION"),
            ("src/pki.rs", "DAY"),
            ("src/pki.rs", "INTERMEDIATE_LIFETIME"),
            ("src/pki.rs", "ROOT_LIFETIME"),
        ],
    ),
    (
        "the width of a help text; longer lines are broken",
        &[
            ("src/cli/help.rs", "COLUMN"),
            ("src/cli/help/page.rs", "LONGEST_CHOICE"),
            ("src/cli/help/page.rs", "WIDEST"),
            ("src/cli/wrap.rs", "COLUMNS"),
            ("src/cli/wrap.rs", "PAGE_COLUMNS"),
        ],
    ),
];
