//! Ways to more permissions than were given.

use super::super::document::Document;
use super::super::finding::Draft;
use super::super::reach::{Path, allowing, reach};
use crate::audit::files::Severity;

/// How many paths one finding names.
const NAMED: usize = 4;

pub(super) fn judge(document: &Document) -> Vec<Draft> {
    // By the statement that allows the last action of a path: to take that one away closes the path.
    let mut by_statement: Vec<(usize, Vec<&'static Path>)> = Vec::new();
    for path in reach(document).escalations {
        let last = path.actions.last().and_then(|action| allowing(&[document], action));
        let number = last.map_or(0, |statement| statement.number);
        match by_statement.iter_mut().find(|(known, _)| *known == number) {
            Some((_, paths)) => paths.push(path),
            None => by_statement.push((number, vec![path])),
        }
    }
    let drafts = by_statement.into_iter().filter_map(|(number, paths)| {
        let statement = document.statements.iter().find(|statement| statement.number == number)?;
        let told: Vec<String> =
            paths.iter().take(NAMED).map(|path| format!("{} {}", path.name(), path.gives)).collect();
        let more = paths.len().saturating_sub(NAMED);
        let more = if more > 0 { format!("; and {more} more ways") } else { String::new() };
        let first = paths.first()?;
        let action = first.actions.last()?;
        let line = statement.actions.as_ref().map_or(statement.line, |names| names.line);
        let change = match *action {
            "sts:AssumeRole" => {
                String::from("\"Resource\": the roles that are meant, \"arn:aws:iam::ACCOUNT:role/NAME\"")
            }
            action => format!("take {action} out, or name in \"Resource\" what it may be done to"),
        };
        let severity = if paths.iter().all(|path| is_weak(path)) { Severity::Medium } else { Severity::High };
        let draft = Draft::new(
            "policy-escalation",
            severity,
            line,
            format!("it leads to more than it says: {}{more}", told.join("; ")),
            change,
        );
        Some(draft.of(statement))
    });
    drafts.collect()
}

/// Tells whether how far a path goes depends on what else there is in the account.
fn is_weak(path: &Path) -> bool {
    path.actions.first().is_some_and(|action| !action.starts_with("iam:")) && path.actions.len() == 1
}
