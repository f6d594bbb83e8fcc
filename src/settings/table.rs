//! The one table of settings: flags, variables, config keys, help texts and the reference all come from here.

use crate::config::{Key, Place, Shape};

/// What a setting's text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A boolean.
    Boolean,
    /// A whole number.
    Integer,
    /// A text that is not shown, though the config file may hold it.
    Discreet(&'static str),
    /// A length of time: seconds, or a number with `s`, `m`, `h`.
    Duration,
    /// Texts, one for each time the flag is given; of a setting, joined by commas.
    List(&'static str),
    /// A text without further rules here; its user parses it.
    Text(&'static str),
    /// A text that must not be shown.
    Secret,
    /// One of a few words, which are joined by `|` here.
    Word(&'static str),
}

/// The part of the help under which a setting stands, which is also what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// Which session to ask for.
    Session,
    /// Which role is assumed with it.
    SecondHop,
    /// How it is narrowed.
    Scope,
    /// Certificate, key, and what opens them: one layer supplies all of it.
    Identity,
    /// How AWS is reached.
    Network,
    /// Where sessions are cached.
    Cache,
    /// Where the program's own files are, and what it tells.
    Program,
    /// Who may have the session from a server.
    Server,
}

impl Group {
    /// Every group of a session, in the order of the help.
    pub(crate) const ALL: &[Self] = &[
        Self::Session,
        Self::SecondHop,
        Self::Scope,
        Self::Identity,
        Self::Network,
        Self::Cache,
        Self::Program,
    ];

    /// Those and who may have it, for the command that serves it.
    pub(crate) const SERVED: &[Self] = &[
        Self::Session,
        Self::SecondHop,
        Self::Scope,
        Self::Identity,
        Self::Network,
        Self::Cache,
        Self::Program,
        Self::Server,
    ];

    /// Returns the heading in a help text.
    pub(crate) const fn heading(self) -> &'static str {
        match self {
            Self::Session => "Session",
            Self::SecondHop => "Second hop",
            Self::Scope => "Narrower session",
            Self::Identity => "Certificate and key",
            Self::Network => "Network",
            Self::Cache => "Cache",
            Self::Program => "Program",
            Self::Server => "Who may ask",
        }
    }
}

/// The possible sources of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sources {
    /// Flag, variable, named session, `[defaults]`.
    Everywhere,
    /// Flag and named session: it must be meant for this one session (no leaked variable, no default).
    FlagAndSession,
    /// Flag, variable, named session; but where a session is named on the command line, that session decides and no
    /// variable does (no leaked variable turns it into another account).
    FlagVariableAndSession,
    /// Flag and variable: a secret, which has no place in a file that others may read.
    FlagAndVariable,
    /// Flag only: an action or a format, or what the official helper had as a flag and nothing needs elsewhere.
    Flag,
    /// Config file only, in a named session.
    Session,
}

/// One setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// The flag without its dashes: `trust-anchor-arn`.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) group: Group,
    pub(crate) sources: Sources,
    /// The variable of the SDKs that is honoured below everything of our own.
    pub(crate) aws_variable: Option<&'static str>,
    /// Whether the official helper has this flag, with this meaning.
    pub(crate) drop_in: bool,
    /// One line for the help.
    pub(crate) help: &'static str,
}

impl Setting {
    const fn new(group: Group, name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { name, kind, group, sources: Sources::Everywhere, aws_variable: None, drop_in: false, help }
    }

    /// A flag of one command: an action, a format, or what only that command knows.
    pub(crate) const fn flag(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { sources: Sources::Flag, ..Self::new(Group::Program, name, kind, help) }
    }

    const fn drop_in(self) -> Self {
        Self { drop_in: true, ..self }
    }

    const fn from(self, sources: Sources) -> Self {
        Self { sources, ..self }
    }

    const fn of_one_session(self) -> Self {
        self.from(Sources::FlagVariableAndSession)
    }

    const fn aws(self, variable: &'static str) -> Self {
        Self { aws_variable: Some(variable), ..self }
    }

    /// Returns the variable: `ANYROLE_TRUST_ANCHOR_ARN`; `None` if there is none.
    pub(crate) fn variable(&self) -> Option<String> {
        self.has_variable()
            .then(|| format!("{VARIABLES}{}", self.name.to_ascii_uppercase().replace('-', "_")))
    }

    /// Returns whether the variable [`VARIABLES`] followed by `rest` is that of this setting.
    pub(crate) fn is_variable(&self, rest: &str) -> bool {
        let octet = |octet: u8| if octet == b'-' { b'_' } else { octet.to_ascii_uppercase() };
        self.has_variable() && rest.bytes().eq(self.name.bytes().map(octet))
    }

    const fn has_variable(&self) -> bool {
        match self.sources {
            Sources::Everywhere | Sources::FlagAndVariable | Sources::FlagVariableAndSession => true,
            Sources::Flag | Sources::FlagAndSession | Sources::Session => false,
        }
    }

    /// Returns the key of the config file: `trust_anchor_arn`.
    pub(crate) fn key(&self) -> String {
        self.name.replace('-', "_")
    }

    /// Returns whether this setting has a flag.
    pub(crate) const fn has_flag(&self) -> bool {
        !matches!(self.sources, Sources::Session)
    }
}

/// The prefix of our settings' variables.
pub(crate) const VARIABLES: &str = "ANYROLE_";

/// Every setting of a session, in the order of the help.
#[rustfmt::skip] // one line each: it is read as a table
pub(crate) const SETTINGS: &[Setting] = {
    use Group::{Cache, Identity, Network, Program, Scope, SecondHop, Server, Session};
    use Kind::{Boolean, Discreet, Duration, List, Secret, Text, Word};
    &[
        Setting::new(Session, "trust-anchor-arn", Text("ARN"), "trust anchor or its alias; its region is where AWS is called").drop_in(),
        Setting::new(Session, "profile-arn", Text("ARN"), "Roles Anywhere profile or its alias").drop_in(),
        Setting::new(Session, "role-arn", Text("ARN"), "IAM role to assume").drop_in(),
        Setting::new(Session, "region", Text("REGION"), "region to call and sign for [default: the trust anchor's]").drop_in(),
        Setting::new(Session, "session-duration", Duration, "15m to 12h, or 'profile' for the profile's own [default: 1h]").drop_in(),
        Setting::new(Session, "role-session-name", Text("NAME"), "name shown in CloudTrail, if the profile accepts one").drop_in(),
        Setting::new(SecondHop, "from", Text("NAME"), "the named session that this one starts from").from(Sources::Session),
        Setting::new(SecondHop, "assume-role-arn", Text("ARN"), "role to assume with the session, also in another account").of_one_session(),
        Setting::new(SecondHop, "external-id", Discreet("ID"), "external id that the second role's trust policy asks for").of_one_session(),
        Setting::new(SecondHop, "assume-role-session-name", Text("NAME"), "name in CloudTrail [default: the first session's]").of_one_session(),
        Setting::new(SecondHop, "assume-role-duration", Duration, "15m to 1h [default: 1h, the most that AWS grants]").of_one_session(),
        Setting::new(SecondHop, "assume-role-tag", List("KEY=VALUE"), "a session tag; for several, repeat it or put commas").of_one_session(),
        Setting::new(Scope, "scope-policy", Text("FILE"), "IAM policy that limits it further: a JSON file, or env:NAME").of_one_session(),
        Setting::new(Scope, "scope-duration", Duration, "1s to 36h [default: until the session before it ends]").of_one_session(),
        Setting::new(Scope, "scope-description", Text("TEXT"), "what it is for, as CloudTrail shows").of_one_session(),
        Setting::new(Identity, "certificate", Text("INPUT"), "PEM, DER, PKCS#12, a folder, pkcs11:URI; '-', env:NAME, fd:N").drop_in(),
        Setting::new(Identity, "private-key", Text("INPUT"), "private key, also pkcs11:URI [default: where the certificate is]").drop_in(),
        Setting::new(Identity, "intermediates", Text("INPUT"), "CA certificates between it and the trust anchor").drop_in(),
        Setting::new(Identity, "pkcs8-password-file", Text("INPUT"), "file with the password of an encrypted key or PKCS#12 store"),
        Setting::new(Identity, "pkcs8-password", Secret, "that password itself, which other users can see in ps").from(Sources::FlagAndVariable).drop_in(),
        Setting::new(Identity, "allow-insecure-key-file", Boolean, "use a private key that other users can read"),
        Setting::new(Identity, "cert-selector", Text("SELECTOR"), "which of several certificates: Key=x509Subject,Value=CN=a").drop_in(),
        Setting::new(Identity, "use-latest-expiring-certificate", Boolean, "of several, the one that lasts longest").drop_in(),
        Setting::new(Identity, "system-store-name", Text("NAME"), "certificate store of Windows, which is refused").drop_in(),
        Setting::new(Identity, "pkcs11-lib", Text("PATH"), "PKCS#11 module [default: p11-kit's, then well-known ones]").drop_in(),
        Setting::new(Identity, "pkcs11-pin-file", Text("INPUT"), "file with the token's PIN; env:NAME, fd:N [default: ask]"),
        Setting::new(Identity, "reuse-pin", Boolean, "give the token's PIN again where a key asks for one").drop_in(),
        Setting::new(Identity, "tpm-key-password-file", Text("INPUT"), "file with the password of a key in a TPM"),
        Setting::new(Identity, "tpm-key-password", Secret, "that password itself, which other users can see in ps").from(Sources::FlagAndVariable).drop_in(),
        Setting::new(Identity, "no-tpm-key-password", Boolean, "the TPM key has no password: nobody is asked").drop_in(),
        Setting::new(Identity, "tpm-parent-password-file", Text("INPUT"), "file with the password of its parent or hierarchy"),
        Setting::new(Identity, "tpm-device", Text("TPM"), "a device, or swtpm:path=… [default: /dev/tpmrm0]").aws("TPM_DEVICE"),
        Setting::new(Network, "endpoint", Text("URL"), "call this address instead of the region's").drop_in().aws("AWS_ENDPOINT_URL_ROLESANYWHERE"),
        Setting::new(Network, "sts-endpoint", Text("URL"), "call STS at this address instead of the region's").aws("AWS_ENDPOINT_URL_STS"),
        Setting::new(Network, "use-fips-endpoint", Boolean, "call the FIPS endpoints").aws("AWS_USE_FIPS_ENDPOINT"),
        Setting::new(Network, "use-dualstack-endpoint", Boolean, "call the endpoints that also have IPv6").aws("AWS_USE_DUALSTACK_ENDPOINT"),
        Setting::new(Network, "ca-bundle", Text("PATH"), "trust these CAs for TLS instead of the system's").aws("AWS_CA_BUNDLE"),
        Setting::new(Network, "extra-ca", Text("PATH"), "trust these CAs for TLS as well"),
        Setting::new(Network, "proxy", Text("URL"), "proxy [default: HTTPS_PROXY and NO_PROXY]"),
        Setting::new(Network, "with-proxy", Boolean, "accepted; the proxy variables are always read").from(Sources::Flag).drop_in(),
        Setting::new(Network, "no-verify-ssl", Boolean, "do not check whom TLS talks to; never needed").from(Sources::FlagAndSession).drop_in(),
        Setting::new(Network, "connect-timeout", Duration, "for a connection [default: 5s]"),
        Setting::new(Network, "attempt-timeout", Duration, "for one attempt [default: 15s]"),
        Setting::new(Network, "timeout", Duration, "for everything together [default: 45s]"),
        Setting::new(Cache, "cache", Word("auto|keyring|file|none"), "where sessions are kept between runs [default: auto]"),
        Setting::new(Cache, "no-cache", Boolean, "ask AWS now, and keep nothing").from(Sources::Flag),
        Setting::new(Program, "config", Text("PATH"), "read this config file and no other").from(Sources::FlagAndVariable),
        Setting::new(Program, "pkcs11-helper", Text("PATH"), "program that loads PKCS#11 modules [default: as installed]"),
        Setting::new(Program, "log-file", Text("PATH"), "add a line for each failure to it; 'journal' is systemd's"),
        Setting::new(Server, "allow-user", List("USER"), "another user who may have it: a name or a number").from(Sources::FlagAndSession),
        Setting::new(Server, "allow-group", List("GROUP"), "a group whose members may have it").from(Sources::FlagAndSession),
        Setting::new(Server, "allow-any-user", Boolean, "every user of this host may have it").from(Sources::FlagAndSession),
        Setting::new(Program, "debug", Boolean, "show every setting, step, cause and fact").from(Sources::Flag).drop_in(),
    ]
};

/// Pairs that cannot be used together, as in the official helper; but a selector, which selects from a store alone there, selects from
/// any source here.
pub(crate) const EXCLUSIVE: &[(&str, &str)] = &[
    ("certificate", "system-store-name"),
    ("private-key", "system-store-name"),
    ("system-store-name", "reuse-pin"),
    ("tpm-key-password", "reuse-pin"),
    ("no-tpm-key-password", "tpm-key-password"),
    ("pkcs8-password", "tpm-key-password"),
    ("tpm-key-password", "tpm-key-password-file"),
    ("no-tpm-key-password", "tpm-key-password-file"),
    ("pkcs8-password", "pkcs8-password-file"),
];

/// Returns the setting of that name.
///
/// # Panics
///
/// Panics if the table has no such setting; names are written in this crate only, and a test asks for each.
pub(crate) fn setting(name: &str) -> &'static Setting {
    SETTINGS.iter().find(|setting| setting.name == name).expect("the table lists every setting")
}

/// Returns the keys that the config file may use.
pub(crate) fn config_keys() -> Vec<Key> {
    let place = |setting: &Setting| match setting.sources {
        Sources::Everywhere => Some(Place::Anywhere),
        Sources::FlagAndSession | Sources::FlagVariableAndSession | Sources::Session => Some(Place::Session),
        Sources::Flag | Sources::FlagAndVariable => None,
    };
    let shape = |setting: &Setting| match setting.kind {
        Kind::Boolean => Shape::Boolean,
        Kind::Duration | Kind::Integer => Shape::Duration,
        Kind::List(_) => Shape::List,
        Kind::Discreet(_) | Kind::Text(_) | Kind::Secret | Kind::Word(_) => Shape::Text,
    };
    SETTINGS
        .iter()
        .filter_map(|setting| {
            place(setting).map(|place| Key { name: setting.name, shape: shape(setting), place })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_pairs_are_settings() {
        for (index, one) in SETTINGS.iter().enumerate() {
            assert!(SETTINGS[index + 1..].iter().all(|other| other.name != one.name), "{}", one.name);
            assert!(one.help.len() <= 64, "{}: {}", one.name, one.help.len());
        }
        for (one, other) in EXCLUSIVE {
            assert_eq!(setting(one).group, Group::Identity);
            assert_eq!(setting(other).group, Group::Identity);
        }
    }

    #[test]
    fn a_setting_knows_its_variable_and_its_key() {
        for setting in SETTINGS {
            let variable = setting.variable();
            let rest = setting.name.to_uppercase().replace('-', "_");
            assert_eq!(setting.is_variable(&rest), variable.is_some(), "{}", setting.name);
            assert!(variable.is_none_or(|name| name == format!("ANYROLE_{rest}")));
            assert!(!setting.is_variable(&rest.to_lowercase()) && !setting.is_variable(setting.name));
        }
        let written: Vec<String> = config_keys().iter().map(Key::written).collect();
        let keys: Vec<String> = config_keys().iter().map(|key| setting(key.name).key()).collect();
        assert_eq!(written, keys);
    }

    #[test]
    fn tls_verification_is_switched_off_by_flag_or_session_only() {
        assert_eq!(setting("no-verify-ssl").variable(), None);
        let key = config_keys().into_iter().find(|key| key.name == "no-verify-ssl").expect("a key");
        assert_eq!(key.place, Place::Session);
    }

    #[test]
    fn a_secret_has_no_place_in_the_config_file() {
        let keys = config_keys();
        for secret in SETTINGS.iter().filter(|setting| setting.kind == Kind::Secret) {
            assert!(keys.iter().all(|key| key.name != secret.name), "{}", secret.name);
        }
    }
}
