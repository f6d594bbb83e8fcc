//! What the five commands print, as far as it is looked at (the service's models of Roles Anywhere and IAM).

use serde::Deserialize;
use serde_json::Value;

/// `trustAnchor` of get-trust-anchor.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TrustAnchor {
    pub(super) trust_anchor_arn: String,
    pub(super) alias_arn: Option<String>,
    pub(super) name: Option<String>,
    pub(super) enabled: Option<bool>,
    pub(super) crl_dp_revocation_enabled: Option<bool>,
    pub(super) source: Option<Source>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Source {
    pub(super) source_type: Option<String>,
    pub(super) source_data: Option<SourceData>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SourceData {
    pub(super) x509_certificate_data: Option<String>,
    pub(super) acm_pca_arn: Option<String>,
}

/// `profile` of get-profile.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Profile {
    pub(super) profile_arn: String,
    pub(super) alias_arn: Option<String>,
    pub(super) name: Option<String>,
    pub(super) enabled: Option<bool>,
    #[serde(default)]
    pub(super) role_arns: Vec<String>,
    pub(super) duration_seconds: Option<u64>,
    pub(super) accept_role_session_name: Option<bool>,
    /// `None` in an answer from before attribute mappings: the defaults.
    pub(super) attribute_mappings: Option<Vec<AttributeMapping>>,
    pub(super) tip_configuration: Option<TipConfiguration>,
    pub(super) session_policy: Option<String>,
    #[serde(default)]
    pub(super) managed_policy_arns: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AttributeMapping {
    pub(super) certificate_field: String,
    #[serde(default)]
    pub(super) mapping_rules: Vec<MappingRule>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct MappingRule {
    pub(super) specifier: String,
}

/// Trusted identity propagation.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TipConfiguration {
    pub(super) status: String,
    pub(super) subject_type: Option<String>,
    pub(super) subject_source: Option<String>,
}

/// `Role` of iam get-role.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) max_session_duration: Option<u64>,
    pub(super) assume_role_policy_document: Option<Value>,
}

/// One of `crls` of list-crls.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Crl {
    pub(super) crl_arn: Option<String>,
    pub(super) name: Option<String>,
    pub(super) enabled: Option<bool>,
    /// Base64 of the PEM that was imported.
    pub(super) crl_data: Option<String>,
    pub(super) trust_anchor_arn: Option<String>,
}

/// `subject` of get-subject.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Subject {
    pub(super) subject_id: Option<String>,
    pub(super) enabled: Option<bool>,
    pub(super) x509_subject: Option<String>,
    pub(super) last_seen_at: Option<String>,
    #[serde(default)]
    pub(super) credentials: Vec<Credential>,
}

/// A certificate that a subject has presented.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Credential {
    pub(super) serial_number: Option<String>,
    pub(super) seen_at: Option<String>,
    pub(super) enabled: Option<bool>,
    pub(super) failed: Option<bool>,
    pub(super) x509_certificate_data: Option<String>,
}
