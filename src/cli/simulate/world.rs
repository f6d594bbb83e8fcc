//! The world described by flags, for a simulator without a world file.

use std::path::{Path, PathBuf};

use pki_test::revocation::{MAX_IMPORT_OCTETS, RevocationList};
use pki_test::simulator::{Profile, Role, SimulatorSettings};
use pki_test::verifier::{TrustAnchor, Unavailable};

use super::error::SimulateError;
use super::{ACCOUNT, CRL, CRL_POINTS, REGION, ROLE, TRUST_ANCHOR};
use crate::cli::args::Typed;
use crate::cli::grammar;
use crate::cli::report::Failure;
use crate::private_file::{self, shell_word};
use crate::x509::pem;

/// The largest file of trust anchor certificates, in bytes.
const ANCHOR_LIMIT: u64 = 1 << 20;
const RESOURCE_ID: &str = "a1b2c3d4-0000-4000-8000-000000000001";
const DEFAULT_ANCHOR: &str = "anyrole-pki/ca/root.pem";

/// The small world described by flags: one trust anchor, one profile, some roles, by their ARNs.
pub(in crate::cli) struct World {
    pub(in crate::cli) region: String,
    pub(in crate::cli) trust_anchor_arn: String,
    pub(in crate::cli) profile_arn: String,
    pub(in crate::cli) role_arns: Vec<String>,
}

impl World {
    /// Returns a trust anchor, a profile and roles in one account and region.
    pub(in crate::cli) fn new(region: &str, account: &str, roles: &[&str]) -> Self {
        let resource = |kind| format!("arn:aws:rolesanywhere:{region}:{account}:{kind}/{RESOURCE_ID}");
        Self {
            region: region.to_owned(),
            trust_anchor_arn: resource("trust-anchor"),
            profile_arn: resource("profile"),
            role_arns: roles.iter().map(|role| format!("arn:aws:iam::{account}:role/{role}")).collect(),
        }
    }

    /// Returns the world that the flags describe.
    pub(super) fn of(typed: &Typed) -> Result<Self, SimulateError> {
        let account = typed.flag(ACCOUNT.name).unwrap_or("111122223333");
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(SimulateError::Account { account: account.to_owned() });
        }
        let mut roles: Vec<&str> = typed.texts(ROLE.name).collect();
        if roles.is_empty() {
            roles.push("anyrole-test");
        }
        Ok(Self::new(typed.flag(REGION.name).unwrap_or("eu-central-1"), account, &roles))
    }

    /// Returns the settings of a simulator in which these resources exist, with these CA certificates as trust anchor.
    pub(in crate::cli) fn simulator(&self, anchors: &[Vec<u8>]) -> Result<SimulatorSettings, SimulateError> {
        let anchor = TrustAnchor::new(&self.trust_anchor_arn, anchors)
            .map_err(|error| SimulateError::TrustAnchor { why: error.to_string() })?;
        let arn = |error: pki_test::verifier::arn::ArnError| SimulateError::Arn { why: error.to_string() };
        let role_arns: Vec<&str> = self.role_arns.iter().map(String::as_str).collect();
        let mut profile = Profile::new(&self.profile_arn, &role_arns).map_err(arn)?;
        profile.accept_role_session_name = true;
        let roles =
            role_arns.iter().map(|role| Role::new(role)).collect::<Result<Vec<_>, _>>().map_err(arn)?;
        Ok(SimulatorSettings::new(&self.region, vec![anchor], vec![profile], roles))
    }
}

/// Returns the settings that the flags describe.
pub(super) fn settings(typed: &Typed) -> Result<SimulatorSettings, Failure> {
    let world = World::of(typed)?;
    let mut anchors = Vec::new();
    let mut paths: Vec<&str> = typed.texts(TRUST_ANCHOR.name).collect();
    if paths.is_empty() {
        if !Path::new(DEFAULT_ANCHOR).exists() {
            let why = format!("no --trust-anchor is given, and there is no {DEFAULT_ANCHOR} here");
            return Err(SimulateError::TrustAnchor { why }.into());
        }
        paths.push(DEFAULT_ANCHOR);
    }
    for path in &paths {
        anchors.extend(certificates(Path::new(path))?);
    }
    let mut settings = world.simulator(&anchors)?;
    settings.trust_anchor_files = vec![paths.into_iter().map(PathBuf::from).collect()];
    settings.trust_anchors = import(typed, settings.trust_anchors)?;
    if typed.flag(CRL_POINTS.name).and_then(grammar::boolean).unwrap_or(false) {
        let asking = |anchor: TrustAnchor| anchor.with_distribution_points(Unavailable::default());
        settings.trust_anchors = settings.trust_anchors.into_iter().map(asking).collect();
    }
    Ok(settings)
}

/// Reads the CA certificates of a PEM file, as DER.
pub(in crate::cli) fn certificates(path: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let bytes = private_file::read_bounded(path, ANCHOR_LIMIT)?;
    let unusable = |why: String| SimulateError::TrustAnchor { why: format!("{}: {why}", shell_word(path)) };
    let blocks = pem::read(&bytes).map_err(|error| unusable(error.to_string()))?;
    let found: Vec<Vec<u8>> = blocks
        .into_iter()
        .filter(|block| block.label.is_certificate())
        .map(|block| block.der.to_vec())
        .collect();
    if found.is_empty() { Err(unusable(String::from("it holds no certificate")).into()) } else { Ok(found) }
}

/// Imports the revocation lists into each trust anchor; only PEM, as at AWS.
pub(super) fn import(typed: &Typed, mut anchors: Vec<TrustAnchor>) -> Result<Vec<TrustAnchor>, Failure> {
    for path in typed.texts(CRL.name).map(Path::new) {
        let unusable =
            |why: String| SimulateError::RevocationList { why: format!("{}: {why}", shell_word(path)) };
        let bytes = private_file::read_bounded(path, MAX_IMPORT_OCTETS as u64)?;
        if !bytes.starts_with(b"-----BEGIN X509 CRL-----") {
            return Err(unusable(String::from("it is not PEM, and AWS takes nothing else")).into());
        }
        let list = RevocationList::parse(&bytes).map_err(|error| unusable(error.to_string()))?;
        anchors = anchors
            .into_iter()
            .map(|anchor| anchor.with_revocation_list(list.der()))
            .collect::<Result<_, _>>()
            .map_err(|error| unusable(error.to_string()))?;
    }
    Ok(anchors)
}
