//! The rules. Each one has a page in `src/manual/rules`.

mod admit;
mod allowed;
mod conditions;
mod escalation;
mod form;
mod keys;
mod trust;

use super::document::Document;
use super::finding::Draft;

pub(super) use admit::admission;
pub(super) use allowed::static_keys;
pub(super) use trust::{Surroundings, judge as judge_trust};

/// The id of every rule, in their order.
pub const RULES: &[&str] = &[
    "policy-absent-key",
    "policy-action-wildcard",
    "policy-admin",
    "policy-any-resource",
    "policy-escalation",
    "policy-key-unknown",
    "policy-literal-wildcard",
    "policy-malformed",
    "policy-no-source-ip",
    "policy-not-action",
    "policy-not-resource",
    "policy-old-version",
    "policy-operator-unknown",
    "policy-pass-role",
    "policy-service-wildcard",
    "policy-value-never",
    "trust-admin-role",
    "trust-any-principal",
    "trust-missing-action",
    "trust-no-source-arn",
    "trust-no-subject",
    "trust-not-mapped",
    "trust-several-anchors",
    "trust-shared",
    "trust-source-arn",
    "trust-taggable",
    "trust-value-unfit",
    "trust-wildcard",
];

/// Judges what a principal may do.
pub(super) fn judge_identity(document: &Document) -> Vec<Draft> {
    let mut drafts = judge_form(document);
    drafts.extend(form::identity(document));
    drafts.extend(allowed::judge(document));
    drafts.extend(escalation::judge(document));
    drafts
}

/// Judges what every policy has: its form, its operators and keys.
pub(super) fn judge_form(document: &Document) -> Vec<Draft> {
    let mut drafts = form::judge(document);
    drafts.extend(conditions::judge(document));
    drafts
}
