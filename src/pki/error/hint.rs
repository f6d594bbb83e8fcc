//! The way out of each refusal: a command with the identity and the folder that the user named.

use super::PkiError;

/// What the user named, for commands that repeat it.
#[derive(Clone, Debug)]
pub struct Call {
    /// The name of the identity, as a word of a shell.
    pub name: String,
    /// The PKI's folder as a flag, ` --folder PATH`; empty for the default.
    pub folder: String,
}

impl Default for Call {
    fn default() -> Self {
        Self { name: String::from("NAME"), folder: String::new() }
    }
}

impl Call {
    /// Returns name and folder as they follow a command.
    pub(in crate::pki) fn words(&self) -> String {
        format!("{}{}", self.name, self.folder)
    }
}

impl PkiError {
    /// Returns the way out, with the name and the folder of a command.
    pub fn hint_for(&self, call: &Call) -> Option<String> {
        let Call { name, folder } = call;
        let words = call.words();
        let hint = match self {
            Self::AlternativeName { .. } => String::from("correct it, or leave it out"),
            Self::Deploy { obstacle, arguments, .. } => return obstacle.hint(call, arguments),
            Self::Exists { .. } => {
                format!("issue from it with anyrole pki issue NAME{folder}, or choose another --folder")
            }
            Self::KeyElsewhere { .. } => format!(
                "it stays where its request was made: anyrole pki renew {words} --reuse-key certifies the same key again, \
                 anyrole pki issue {words} --csr FILE --replace another one"
            ),
            Self::KeyTaken { .. } => format!(
                "ask for another certificate of that key with anyrole pki request {words} --reuse-key, or choose another name"
            ),
            Self::Name { .. } => {
                String::from("use letters, digits, '.', '_' and '-', a letter or digit first, and not 'ca'")
            }
            Self::NameTaken { .. } => format!(
                "choose another name, or make a new key and certificate with anyrole pki issue {words} --replace"
            ),
            Self::NoKey { .. } => format!(
                "make a key and a request for its CA: anyrole pki request {words}; one that is elsewhere goes there, with mode 0600 \
                 in a folder with mode 0700"
            ),
            Self::NoPki { .. } => format!("make one with anyrole pki init{folder}, or name its --folder"),
            Self::NotOurs { .. } => format!(
                "have it renewed by its CA, and put it in place with anyrole pki install {words} --certificate FILE"
            ),
            Self::Outlives { .. } => String::from("ask for fewer --days"),
            Self::PairMismatch { .. } => format!("replace both: anyrole pki issue {words} --replace"),
            Self::PassphraseMissing => String::from("run it on a terminal, or pass --passphrase-file FILE"),
            Self::RegisterFull { .. } => String::from(
                "begin another PKI with anyrole pki init and --folder, and keep this one for its lists",
            ),
            Self::Register { .. } => String::from(
                "put back the last backup of it: without it every revocation would be taken back",
            ),
            Self::Request { .. } => format!("make another one on its host: anyrole pki request {name}"),
            Self::RevocationList(_) => {
                String::from("shorten the lifetimes: what expired leaves the list 30 days later")
            }
            Self::Revoked { .. } => {
                format!("to trust it again with a new key, run anyrole pki issue {words} --replace")
            }
            Self::Subject { .. } => {
                String::from("write a name like 'CN=build-17,OU=Build,O=Example' (RFC 4514)")
            }
            Self::UnknownCertificate { .. } | Self::UnknownIdentity { .. } => {
                format!("see what there is: anyrole pki list{folder}")
            }
            Self::Authority(_)
            | Self::Certificate { .. }
            | Self::Identity(_)
            | Self::Issue(_)
            | Self::Key(_)
            | Self::Lock { .. }
            | Self::NewKey(_)
            | Self::NotText { .. }
            | Self::OldKey { .. }
            | Self::Read(_)
            | Self::Signing(_)
            | Self::Write(_) => return self.passed_on().and_then(|error| error.hint()),
        };
        Some(hint)
    }
}
