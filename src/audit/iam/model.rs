//! What IAM's read-only commands print, as far as it is looked at (the service's model of IAM).

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A page of get-account-authorization-details, or all of them as the AWS CLI joins them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Details {
    #[serde(deserialize_with = "list")]
    pub(super) user_detail_list: Vec<UserDetail>,
    #[serde(deserialize_with = "list")]
    pub(super) group_detail_list: Vec<GroupDetail>,
    #[serde(deserialize_with = "list")]
    pub(super) role_detail_list: Vec<RoleDetail>,
    #[serde(deserialize_with = "list")]
    pub(super) policies: Vec<ManagedPolicy>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UserDetail {
    pub(super) user_name: String,
    #[serde(default, deserialize_with = "list")]
    pub(super) user_policy_list: Vec<InlinePolicy>,
    #[serde(default, deserialize_with = "list")]
    pub(super) group_list: Vec<String>,
    #[serde(default, deserialize_with = "list")]
    pub(super) attached_managed_policies: Vec<Attached>,
    pub(super) permissions_boundary: Option<Boundary>,
    #[serde(default, deserialize_with = "list")]
    pub(super) tags: Vec<Tag>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GroupDetail {
    pub(super) group_name: String,
    #[serde(default, deserialize_with = "list")]
    pub(super) group_policy_list: Vec<InlinePolicy>,
    #[serde(default, deserialize_with = "list")]
    pub(super) attached_managed_policies: Vec<Attached>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RoleDetail {
    pub(super) role_name: String,
    pub(super) arn: String,
    #[serde(default)]
    pub(super) path: String,
    #[serde(default)]
    pub(super) create_date: Value,
    #[serde(default, deserialize_with = "list")]
    pub(super) role_policy_list: Vec<InlinePolicy>,
    #[serde(default, deserialize_with = "list")]
    pub(super) attached_managed_policies: Vec<Attached>,
    pub(super) permissions_boundary: Option<Boundary>,
    #[serde(default, deserialize_with = "list")]
    pub(super) tags: Vec<Tag>,
    /// Missing, or empty for a role that was not used within 400 days.
    pub(super) role_last_used: Option<LastUsed>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InlinePolicy {
    pub(super) policy_name: String,
    #[serde(default)]
    pub(super) policy_document: Value,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Attached {
    pub(super) policy_arn: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Boundary {
    pub(super) permissions_boundary_arn: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ManagedPolicy {
    pub(super) arn: String,
    pub(super) default_version_id: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub(super) policy_version_list: Vec<PolicyVersion>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PolicyVersion {
    pub(super) version_id: Option<String>,
    #[serde(default)]
    pub(super) is_default_version: bool,
    #[serde(default)]
    pub(super) document: Value,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: String,
}

/// `AccessKeyLastUsed`, and `RoleLastUsed`, which has no service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct LastUsed {
    pub(super) last_used_date: Value,
    pub(super) region: Option<String>,
    pub(super) service_name: Option<String>,
}

/// One of `AccessKeyMetadata` of list-access-keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedKey {
    pub(super) user_name: Option<String>,
    pub(super) access_key_id: String,
    pub(super) status: Option<String>,
    #[serde(default)]
    pub(super) create_date: Value,
}

/// One of `ServicesLastAccessed` of get-service-last-accessed-details.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Service {
    pub(super) service_namespace: String,
    #[serde(default)]
    pub(super) last_authenticated: Value,
    pub(super) last_authenticated_entity: Option<String>,
}

/// A list that may be missing or null.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
