//! Trusted identity propagation: the identity of the certificate in `aws:OriginIdentity/…`, which callers cannot set.
//!
//! See [the guide] and [TipConfiguration]. The subject is taken from what the attribute mappings make of the field, as
//! they "must include a rule" for it: a value that no session tag can carry counts as none, which is our reading, and
//! so is that CreateSession refuses where the rule is missing. `aws:OriginIdentity/Issuer` is not set here, since no
//! document at hand says what it is for a certificate.
//!
//! [the guide]: https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trusted-identity-propagation.html
//! [TipConfiguration]: https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_TipConfiguration.html

use std::collections::BTreeMap;

use super::PolicyRefusal;
use crate::simulator::attributes::{AttributeMapping, MappedAttributes};

/// The settings of a profile that has trusted identity propagation on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TipConfiguration {
    /// What `aws:OriginIdentity/SubjectType` is; `None` leaves the key out.
    pub subject_type: Option<SubjectType>,
    /// The field that becomes `aws:OriginIdentity/Subject`.
    pub subject_source: SubjectSource,
}

/// Whom the certificates of a profile identify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectType {
    /// `user`: people.
    User,
    /// `workload`
    Workload,
}

impl SubjectType {
    /// Returns the value as the service has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Workload => "workload",
        }
    }
}

/// The field of the certificate that names its subject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SubjectSource {
    /// `x509Subject/CN`, the common name.
    #[default]
    CommonName,
    /// `x509SAN/URI`, the first URI of the alternative names.
    Uri,
}

impl SubjectSource {
    /// Returns the value as the service has it, which is the key of the field's session tag too.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CommonName => "x509Subject/CN",
            Self::Uri => "x509SAN/URI",
        }
    }
}

impl TipConfiguration {
    /// Returns the condition keys that STS sets, with their values.
    pub(super) fn origin_identity(
        self,
        mappings: &[AttributeMapping],
        mapped: &MappedAttributes,
    ) -> Result<BTreeMap<String, String>, PolicyRefusal> {
        let field = self.subject_source.name();
        if !mappings.iter().any(|mapping| mapping.covers(field)) {
            return Err(PolicyRefusal::OriginIdentityNotMapped { field });
        }
        let subject = mapped.tags.get(field).ok_or_else(|| PolicyRefusal::OriginIdentityMissing {
            field,
            unmapped: mapped.unmapped.clone(),
        })?;
        let mut keys = BTreeMap::from([("aws:OriginIdentity/Subject".to_owned(), subject.clone())]);
        if let Some(kind) = self.subject_type {
            keys.insert("aws:OriginIdentity/SubjectType".to_owned(), kind.name().to_owned());
        }
        Ok(keys)
    }
}
