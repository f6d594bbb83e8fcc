//! From which trust anchor.

use super::super::super::document::{Document, Item, Statement};
use super::super::super::finding::Draft;
use super::super::super::node::HOLE;
use crate::audit::files::Severity;
use crate::text::quoted;

const CHANGE: &str = "\"Condition\": {\"ArnEquals\": {\"aws:SourceArn\": \"arn:aws:rolesanywhere:REGION:ACCOUNT:trust-anchor/UUID\"}}";

pub(super) fn judge(document: &Document, statement: &Statement) -> Vec<Draft> {
    let named = statement.conditions.iter().filter(|condition| {
        condition.is_on("aws:SourceArn") && !condition.is_negated() && condition.operator != "Null"
    });
    let named: Vec<_> = named.collect();
    if named.is_empty() {
        return missing(document, statement).into_iter().collect();
    }
    let values: Vec<&Item> = named.iter().flat_map(|condition| &condition.values).collect();
    let mut drafts: Vec<Draft> = values.iter().filter_map(|item| of_value(item)).collect();
    let mut different: Vec<&str> = values.iter().map(|item| item.text.as_str()).collect();
    different.sort_unstable();
    different.dedup();
    if different.len() > 1
        && let Some(first) = values.first()
    {
        let says = format!(
            "{} trust anchors: a certificate of any of these CAs that meets the conditions is admitted, and a name that one CA checks another may not",
            different.len()
        );
        let change = "one statement for each trust anchor, with the names that its CA may issue";
        drafts.push(Draft::new("trust-several-anchors", Severity::Medium, first.line, says, change));
    }
    drafts.into_iter().map(|draft| draft.of(statement)).collect()
}

fn missing(document: &Document, statement: &Statement) -> Option<Draft> {
    let denied_elsewhere = document.statements.iter().any(|other| {
        other.is_deny()
            && other
                .conditions
                .iter()
                .any(|condition| condition.is_on("aws:SourceArn") && condition.is_negated())
    });
    if denied_elsewhere || statement.has_unknown_condition {
        return None;
    }
    let of_account = statement
        .conditions
        .iter()
        .any(|condition| condition.is_on("aws:SourceAccount") && !condition.is_negated());
    let (severity, account) = if of_account {
        (Severity::Medium, " of the account in aws:SourceAccount")
    } else {
        (Severity::High, " of the account")
    };
    let says = format!(
        "no aws:SourceArn: every trust anchor{account} will do, one too that somebody makes tomorrow with a CA of his own"
    );
    Some(Draft::new("trust-no-source-arn", severity, statement.line, says, CHANGE).of(statement))
}

fn of_value(item: &Item) -> Option<Draft> {
    const RULE: &str = "trust-source-arn";
    let text = item.text.as_str();
    let draft = |severity, says: String| Some(Draft::new(RULE, severity, item.line, says, CHANGE));
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let is_all = !text.is_empty() && text.chars().all(|letter| letter == '*');
    if is_all {
        return draft(Severity::High, String::from("aws:SourceArn is *: every trust anchor will do"));
    }
    let [_, _, service, _, _, resource] = fields.as_slice() else {
        let is_open = text.contains(['*', HOLE]) || text.contains("${");
        return if is_open {
            None
        } else {
            draft(Severity::High, format!("aws:SourceArn {} is no ARN: nothing is admitted", quoted(text)))
        };
    };
    if text.contains(HOLE) && !resource.starts_with("trust-anchor/") {
        return None;
    }
    if resource.starts_with("alias/") {
        return draft(
            Severity::High,
            format!(
                "aws:SourceArn {} is an alias, and a request has the ARN of the trust anchor itself: nothing is admitted",
                quoted(text)
            ),
        );
    }
    if let Some(id) = resource.strip_prefix("trust-anchor/") {
        let is_other = !service.contains('*') && *service != "rolesanywhere";
        return match () {
            () if is_other => draft(
                Severity::High,
                format!("aws:SourceArn {} is of another service: nothing is admitted", quoted(text)),
            ),
            () if id.contains('*') || id.contains('?') => draft(
                Severity::Medium,
                format!(
                    "aws:SourceArn {} is every trust anchor that fits, one too that somebody makes tomorrow with a CA of his own",
                    quoted(text)
                ),
            ),
            () => None,
        };
    }
    if resource.starts_with('*') || resource.contains("trust-anchor") {
        return draft(
            Severity::Medium,
            format!(
                "aws:SourceArn {} is every trust anchor that fits, one too that somebody makes tomorrow with a CA of his own",
                quoted(text)
            ),
        );
    }
    draft(
        Severity::High,
        format!(
            "aws:SourceArn {} is no trust anchor: with Roles Anywhere it is always the trust anchor's ARN, and so nothing is admitted",
            quoted(text)
        ),
    )
}
