//! The example call that the simulator prints: resources that belong together, and an identity whose files exist.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use pki_test::simulator::SimulatorSettings;
use pki_test::verifier::TrustAnchor;

use crate::clock::Timestamp;
use crate::pki::{Folder, Role};
use crate::private_file::shell_word;

/// What a client needs to name to get a session.
pub(super) struct Example {
    trust_anchor_arn: String,
    profile_arn: String,
    role_arn: String,
    identity: Identity,
}

/// The identity for the call.
#[derive(Clone)]
enum Identity {
    /// An identity issued by the trust anchor's PKI.
    Issued { certificate: PathBuf, private_key: PathBuf },
    /// The PKI has issued no usable one.
    NoneIssued { folder: PathBuf },
    /// The trust anchor does not belong to a PKI of this program.
    Unknown,
}

impl Example {
    /// Finds a trust anchor, a profile and a role that yield a session, preferably with an identity; `None` if none
    /// belong together.
    pub(super) fn of(settings: &SimulatorSettings, now: Timestamp) -> Option<Self> {
        let files = settings.trust_anchor_files.iter().map(Vec::as_slice).chain(std::iter::repeat(&[][..]));
        let mut found: Vec<Self> = settings
            .trust_anchors
            .iter()
            .zip(files)
            .filter_map(|(anchor, files)| Self::with(anchor, files, settings, now))
            .collect();
        // A stable sort: among equals the order is kept.
        found.sort_by_key(|example| match example.identity {
            Identity::Issued { .. } => 0,
            Identity::NoneIssued { .. } => 1,
            Identity::Unknown => 2,
        });
        found.into_iter().next()
    }

    fn with(
        anchor: &TrustAnchor,
        files: &[PathBuf],
        settings: &SimulatorSettings,
        now: Timestamp,
    ) -> Option<Self> {
        let own = anchor.arn();
        let exists = |role: &&pki_test::verifier::Arn| {
            role.account() == own.account() && settings.roles.iter().any(|known| known.arn == **role)
        };
        let (profile, role) = settings
            .profiles
            .iter()
            .filter(|profile| {
                let arn = &profile.arn;
                profile.enabled && arn.region() == own.region() && arn.account() == own.account()
            })
            .find_map(|profile| profile.role_arns.iter().find(exists).map(|role| (&profile.arn, role)))?;
        anchor.is_enabled().then(|| Self {
            trust_anchor_arn: own.to_string(),
            profile_arn: profile.to_string(),
            role_arn: role.to_string(),
            identity: identity(files, now),
        })
    }

    /// Renders the call. Every path is absolute, because the other terminal may be in another folder, and exists.
    pub(super) fn text(&self, endpoint: &str) -> String {
        let Self { trust_anchor_arn, profile_arn, role_arn, identity } = self;
        let (certificate, private_key) = match identity {
            Identity::Issued { certificate, private_key } => {
                (shell_word(certificate), shell_word(private_key))
            }
            Identity::NoneIssued { .. } | Identity::Unknown => ("CERTIFICATE".to_owned(), "KEY".to_owned()),
        };
        let mut text = format!(
            "try it in another terminal:\n  anyrole credential-process --endpoint {endpoint} \\\n    \
             --trust-anchor-arn {trust_anchor_arn} \\\n    --profile-arn {profile_arn} \\\n    \
             --role-arn {role_arn} \\\n    --certificate {certificate} --private-key {private_key}\n"
        );
        // Writing to a String cannot fail.
        let _ = match identity {
            Identity::Issued { .. } => Ok(()),
            Identity::NoneIssued { folder } => writeln!(
                text,
                "CERTIFICATE and KEY are files of an identity, and this PKI has issued none that is valid. Make one:\n  \
                 anyrole pki issue build-17 --folder {}",
                shell_word(folder)
            ),
            Identity::Unknown => {
                writeln!(text, "CERTIFICATE and KEY are your files of an identity below the trust anchor.")
            }
        };
        text
    }
}

/// Finds an identity in the PKI to which one of the files belongs as a CA.
fn identity(files: &[PathBuf], now: Timestamp) -> Identity {
    let folders = files.iter().filter_map(|file| pki_folder(file));
    let mut found = Identity::Unknown;
    for folder in folders {
        // A PKI that cannot be listed contributes nothing; the simulator works without it.
        let listed = folder.list().unwrap_or_default();
        let issued = listed.into_iter().find_map(|listed| {
            let private_key = listed.file.with_extension("key");
            let usable = listed.role == Role::EndEntity
                && listed.revoked.is_none()
                && listed.certificate.not_after() > now
                && private_key.is_file();
            usable.then_some(Identity::Issued { certificate: listed.file, private_key })
        });
        match issued {
            Some(issued) => return issued,
            None => found = Identity::NoneIssued { folder: folder.path().to_owned() },
        }
    }
    found
}

/// Returns the PKI whose trust anchor is the file: `FOLDER/ca/root.pem`.
fn pki_folder(file: &Path) -> Option<Folder> {
    let file = std::path::absolute(file).ok()?;
    let folder = Folder::new(file.parent()?.parent()?.to_owned());
    // What was typed may contain `.` and `..`.
    let same = folder.root_certificate().canonicalize().ok()? == file.canonicalize().ok()?;
    same.then_some(folder)
}
