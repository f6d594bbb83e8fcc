//! The world of a simulator, from a TOML file: trust anchors, profiles, roles, and settings.
//!
//! Unknown keys are errors. Paths in the file are relative to the file's folder. The page of the manual on the simulator
//! shows every key.

mod error;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

pub use self::error::{ResourceFault, WorldError};

use super::attributes::AttributeMapping;
use super::fault::{Fault, duration};
use super::policy::{Profile, Role, SubjectSource, SubjectType, TipConfiguration};
use super::settings::SimulatorSettings;
use super::trust_policy::TrustPolicy;
use crate::pem;
use crate::revocation::RevocationList;
use crate::text::shown;
use crate::verifier::arn::Arn;
use crate::verifier::{Strictness, TrustAnchor, Unavailable};

/// Most bytes of the file, and of each file that it names.
pub const FILE_LIMIT: u64 = 1024 * 1024;

/// The one version of the format.
const VERSION: u32 = 1;

/// Most characters of an alias (the service's model).
const ALIAS_LIMIT: usize = 256;

/// Shortest and longest duration of a profile, in seconds (the service's model).
const PROFILE_DURATION_SECONDS: (u64, u64) = (900, 43_200);

/// Shortest and longest maximum of a role, in seconds (IAM).
const ROLE_DURATION_SECONDS: (u64, u64) = (3_600, 43_200);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    region: String,
    #[serde(default)]
    service_like: bool,
    rate_limit: Option<u32>,
    skew: Option<String>,
    clock: Option<String>,
    transitive_tags: Option<bool>,
    #[serde(default)]
    faults: Vec<String>,
    #[serde(default)]
    trust_anchor: Vec<AnchorTable>,
    #[serde(default)]
    profile: Vec<ProfileTable>,
    #[serde(default)]
    role: Vec<RoleTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnchorTable {
    arn: String,
    name: Option<String>,
    enabled: Option<bool>,
    certificates: Vec<PathBuf>,
    #[serde(default)]
    revocation_lists: Vec<PathBuf>,
    alias: Option<String>,
    #[serde(default)]
    crl_distribution_points: bool,
    #[serde(default)]
    crl_files: BTreeMap<String, PathBuf>,
    #[serde(default)]
    crl_unavailable: UnavailableWord,
}

/// What follows where the list of a distribution point cannot be had.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum UnavailableWord {
    Admit,
    #[default]
    Refuse,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileTable {
    arn: String,
    name: Option<String>,
    enabled: Option<bool>,
    roles: Vec<String>,
    duration: Option<String>,
    #[serde(default)]
    accept_role_session_name: bool,
    attribute_mapping: Option<Vec<MappingTable>>,
    alias: Option<String>,
    tip: Option<TipTable>,
}

/// `tipConfiguration`, with the values that the service takes.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct TipTable {
    status: TipStatus,
    subject_type: Option<TipSubjectType>,
    subject_source: Option<TipSubjectSource>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum TipStatus {
    Enabled,
    Disabled,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TipSubjectType {
    User,
    Workload,
}

#[derive(Clone, Copy, Deserialize)]
enum TipSubjectSource {
    #[serde(rename = "x509Subject/CN")]
    CommonName,
    #[serde(rename = "x509SAN/URI")]
    Uri,
}

impl TipTable {
    /// Returns the settings, `None` where they are disabled.
    fn load(self) -> Option<TipConfiguration> {
        let subject_type = self.subject_type.map(|kind| match kind {
            TipSubjectType::User => SubjectType::User,
            TipSubjectType::Workload => SubjectType::Workload,
        });
        let subject_source = match self.subject_source {
            None | Some(TipSubjectSource::CommonName) => SubjectSource::CommonName,
            Some(TipSubjectSource::Uri) => SubjectSource::Uri,
        };
        match self.status {
            TipStatus::Enabled => Some(TipConfiguration { subject_type, subject_source }),
            TipStatus::Disabled => None,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MappingTable {
    field: String,
    specifiers: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleTable {
    arn: String,
    max_session_duration: Option<String>,
    trust_policy: Option<String>,
    trust_policy_file: Option<PathBuf>,
}

impl SimulatorSettings {
    /// Reads the settings from a TOML file.
    ///
    /// # Errors
    ///
    /// Fails if the file, or one that it names, cannot be read or is too large, if it is not TOML or has an unknown
    /// key, or if a trust anchor, a profile or a role is invalid.
    pub fn from_file(path: &Path) -> Result<Self, WorldError> {
        let text = String::from_utf8(read(path)?)
            .map_err(|_| WorldError::Syntax { line: None, reason: "it is not UTF-8".to_owned() })?;
        Self::from_toml(&text, path.parent().unwrap_or(Path::new("")))
    }

    /// Reads the settings from TOML whose paths are relative to `folder`.
    ///
    /// # Errors
    ///
    /// As [`Self::from_file`].
    pub fn from_toml(text: &str, folder: &Path) -> Result<Self, WorldError> {
        let document: Document = toml::from_str(text).map_err(|error| WorldError::Syntax {
            line: error.span().map(|span| line_of(text, span.start)),
            reason: shown(error.message()),
        })?;
        if document.version != VERSION {
            return Err(WorldError::Version { found: document.version });
        }
        let anchor_files = document
            .trust_anchor
            .iter()
            .map(|table| table.certificates.iter().map(|path| folder.join(path)).collect())
            .collect();
        let crl_files = document
            .trust_anchor
            .iter()
            .flat_map(|table| table.crl_files.iter().map(|(url, path)| (url.clone(), folder.join(path))))
            .collect();
        let anchors: Vec<TrustAnchor> =
            document.trust_anchor.into_iter().map(|table| table.load(folder)).collect::<Result<_, _>>()?;
        let profiles: Vec<Profile> =
            document.profile.into_iter().map(ProfileTable::load).collect::<Result<_, _>>()?;
        let roles: Vec<Role> =
            document.role.into_iter().map(|table| table.load(folder)).collect::<Result<_, _>>()?;
        check_regions(&document.region, &anchors, &profiles)?;
        distinct(anchors.iter().map(TrustAnchor::arn))?;
        distinct(profiles.iter().map(|profile| &profile.arn))?;
        distinct(roles.iter().map(|role| &role.arn))?;
        let aliases: Vec<Arn> = anchors
            .iter()
            .filter_map(TrustAnchor::alias_arn)
            .chain(profiles.iter().filter_map(Profile::alias_arn))
            .collect();
        distinct(aliases.iter())?;
        let mut settings = Self::new(&document.region, anchors, profiles, roles);
        settings.trust_anchor_files = anchor_files;
        settings.crl_files = crl_files;
        settings.rate_limit = document.rate_limit;
        if document.service_like {
            settings.strictness = Strictness::AsTheService;
        }
        if let Some(skew) = document.skew {
            settings.skew = duration(&skew).ok_or(WorldError::Value { key: "skew", expected: DURATION })?;
        }
        settings.transitive_tags = document.transitive_tags.unwrap_or(settings.transitive_tags);
        let clock = document.clock.map(|offset| format!("clock={offset}"));
        settings.faults = document
            .faults
            .into_iter()
            .chain(clock)
            .map(|text| text.parse().map_err(|reason| WorldError::Fault { text: shown(&text), reason }))
            .collect::<Result<Vec<Fault>, _>>()?;
        Ok(settings)
    }
}

/// The expected form of a duration.
const DURATION: &str = "a duration such as 90s, 15m or 1h";

impl AnchorTable {
    fn load(self, folder: &Path) -> Result<TrustAnchor, WorldError> {
        let of = |reason: ResourceFault| WorldError::Resource { arn: shown(&self.arn), reason };
        let mut certificates = Vec::new();
        for path in &self.certificates {
            certificates.extend(read_certificates(&folder.join(path))?);
        }
        let mut anchor = TrustAnchor::new(&self.arn, &certificates).map_err(|error| of(error.into()))?;
        for path in &self.revocation_lists {
            let path = folder.join(path);
            let list = RevocationList::parse(&read(&path)?)
                .map_err(|reason| WorldError::RevocationList { path: shown(path.display()), reason })?;
            anchor = anchor.with_revocation_list(list.der()).map_err(|error| of(error.into()))?;
        }
        if let Some(alias) = alias(self.alias.as_deref(), self.name.as_deref()).map_err(of)? {
            anchor = anchor.with_alias(&alias);
        }
        if self.crl_distribution_points {
            anchor = anchor.with_distribution_points(match self.crl_unavailable {
                UnavailableWord::Admit => Unavailable::Admit,
                UnavailableWord::Refuse => Unavailable::Refuse,
            });
        }
        Ok(if self.enabled.unwrap_or(true) { anchor } else { anchor.disabled() })
    }
}

impl ProfileTable {
    fn load(self) -> Result<Profile, WorldError> {
        let of = |reason: ResourceFault| WorldError::Resource { arn: shown(&self.arn), reason };
        let roles: Vec<&str> = self.roles.iter().map(String::as_str).collect();
        let mut profile = Profile::new(&self.arn, &roles).map_err(|error| of(error.into()))?;
        check_kind(&profile.arn, "rolesanywhere", "profile/").map_err(of)?;
        for role in &profile.role_arns {
            check_kind(role, "iam", "role/").map_err(of)?;
        }
        profile.alias = alias(self.alias.as_deref(), self.name.as_deref()).map_err(of)?;
        profile.tip = self.tip.and_then(TipTable::load);
        profile.enabled = self.enabled.unwrap_or(true);
        profile.accept_role_session_name = self.accept_role_session_name;
        if let Some(text) = &self.duration {
            profile.duration = bounded(text, PROFILE_DURATION_SECONDS).map_err(of)?;
        }
        if let Some(tables) = &self.attribute_mapping {
            let mappings = tables
                .iter()
                .map(|table| AttributeMapping::new(&table.field, &table.specifiers))
                .collect::<Result<_, _>>()
                .map_err(|error| of(error.into()))?;
            profile = profile.with_attribute_mappings(mappings);
        }
        Ok(profile)
    }
}

impl RoleTable {
    fn load(self, folder: &Path) -> Result<Role, WorldError> {
        let of = |reason: ResourceFault| WorldError::Resource { arn: shown(&self.arn), reason };
        let mut role = Role::new(&self.arn).map_err(|error| of(error.into()))?;
        check_kind(&role.arn, "iam", "role/").map_err(of)?;
        if let Some(text) = &self.max_session_duration {
            role.max_session_duration = bounded(text, ROLE_DURATION_SECONDS).map_err(of)?;
        }
        let json = match (&self.trust_policy, &self.trust_policy_file) {
            (Some(_), Some(_)) => return Err(of(ResourceFault::TrustPolicyTwice)),
            (Some(json), None) => Some(json.clone()),
            (None, Some(path)) => {
                let bytes = read(&folder.join(path))?;
                Some(String::from_utf8_lossy(&bytes).into_owned())
            }
            (None, None) => None,
        };
        if let Some(json) = json {
            role.trust_policy = TrustPolicy::parse(&json).map_err(|error| of(error.into()))?;
        }
        Ok(role)
    }
}

/// Returns the alias of a trust anchor or profile, once it is checked. Without one, the name serves as it always has.
fn alias(alias: Option<&str>, name: Option<&str>) -> Result<Option<String>, ResourceFault> {
    match alias {
        Some(alias) if !is_alias(alias) => Err(ResourceFault::Alias { found: shown(alias) }),
        Some(alias) => Ok(Some(alias.to_owned())),
        None => Ok(name.map(str::to_owned)),
    }
}

/// Tells whether the service takes an alias: 1 to 256 letters, digits, `_`, `-` and `/`, a letter first, each `/` between
/// two others, and not `aws/…` (the service's model, `AliasName`).
fn is_alias(text: &str) -> bool {
    (1..=ALIAS_LIMIT).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && !text.ends_with('/')
        && !text.contains("//")
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-/".contains(&byte))
        && !text.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case("aws/"))
}

fn check_kind(arn: &Arn, service: &'static str, resource: &'static str) -> Result<(), ResourceFault> {
    if arn.service() == service && arn.resource().starts_with(resource) {
        return Ok(());
    }
    Err(ResourceFault::Kind { found: shown(arn), service, resource })
}

/// Checks that a profile is in the region of a trust anchor, or in the world's own: elsewhere nobody could use it,
/// because a request names both.
fn check_regions(own: &str, anchors: &[TrustAnchor], profiles: &[Profile]) -> Result<(), WorldError> {
    let mut regions: Vec<&str> = anchors.iter().map(|anchor| anchor.arn().region()).collect();
    if !regions.contains(&own) {
        regions.push(own);
    }
    match profiles.iter().find(|profile| !regions.contains(&profile.arn.region())) {
        None => Ok(()),
        Some(profile) => Err(WorldError::Resource {
            arn: shown(&profile.arn),
            reason: ResourceFault::Region {
                found: shown(profile.arn.region()),
                known: shown(regions.join(", ")),
            },
        }),
    }
}

fn bounded(text: &str, (minimum, maximum): (u64, u64)) -> Result<Duration, ResourceFault> {
    duration(text)
        .filter(|duration| (minimum..=maximum).contains(&duration.as_secs()) && duration.subsec_nanos() == 0)
        .ok_or(ResourceFault::Duration { minimum, maximum })
}

fn distinct<'a>(arns: impl Iterator<Item = &'a Arn>) -> Result<(), WorldError> {
    let mut arns: Vec<&Arn> = arns.collect();
    arns.sort();
    match arns.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(WorldError::Resource { arn: shown(pair[0]), reason: ResourceFault::Twice }),
        None => Ok(()),
    }
}

/// Returns the line of a byte's position, from 1.
fn line_of(text: &str, position: usize) -> usize {
    text.bytes().take(position).filter(|byte| *byte == b'\n').count().saturating_add(1)
}

/// Reads a file whole.
fn read(path: &Path) -> Result<Vec<u8>, WorldError> {
    let unreadable = |source| WorldError::Unreadable { path: shown(path.display()), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(FILE_LIMIT.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_LIMIT {
        return Err(WorldError::TooLarge { path: shown(path.display()) });
    }
    Ok(bytes)
}

/// Reads the certificates of a PEM file; a file that is not text is one certificate in DER.
fn read_certificates(path: &Path) -> Result<Vec<Vec<u8>>, WorldError> {
    let bytes = read(path)?;
    let Ok(text) = str::from_utf8(&bytes) else { return Ok(vec![bytes]) };
    let certificates: Vec<Vec<u8>> = pem::parse(text)
        .map_err(|reason| WorldError::Pem { path: shown(path.display()), reason })?
        .into_iter()
        .filter(|block| block.label == "CERTIFICATE")
        .map(|block| block.der.to_vec())
        .collect();
    if certificates.is_empty() {
        return Err(WorldError::NoCertificate { path: shown(path.display()) });
    }
    Ok(certificates)
}
