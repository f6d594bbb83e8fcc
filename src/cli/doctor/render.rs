//! The checks for people: a line each, and the cause last.

use super::super::style::{Paint, Style};
use crate::doctor::{Check, Verdict, cause};
use crate::text::printable_line;

/// Renders the checks, each with its hint below it, and last what the eye should find.
pub(super) fn render(checks: &[Check], style: Style) -> String {
    let mut text = String::new();
    for check in checks {
        text.push_str(&line(check, style));
        if let Some(hint) = check.hint.as_ref() {
            text.push_str(&format!(
                "              {} {}\n",
                style.paint(Paint::Hint, "hint:"),
                printable_line(hint)
            ));
        }
    }
    text.push('\n');
    text.push_str(&end(checks, style));
    text
}

fn line(check: &Check, style: Style) -> String {
    let (symbol, word, paint) = match check.verdict {
        Verdict::Good => ("✔", "good", Paint::Good),
        Verdict::Doubtful => ("?", "doubtful", Paint::Doubtful),
        Verdict::Bad => ("✘", "bad", Paint::Bad),
        Verdict::NotChecked => ("·", "not checked", Paint::Faint),
    };
    let word = if style.is_on() { format!("{symbol} {word}") } else { word.to_owned() };
    format!("{} {}: {}\n", style.paint(paint, &format!("{word:<13}")), check.id, printable_line(&check.text))
}

/// Names the cause; where nothing is bad, what is doubtful first.
fn end(checks: &[Check], style: Style) -> String {
    let told = |title: String, check: &Check| {
        let hint = check.hint.as_ref();
        let hint =
            hint.map(|hint| format!("{} {}\n", style.paint(Paint::Hint, "hint:"), printable_line(hint)));
        format!("{title} {}: {}\n{}", check.id, printable_line(&check.text), hint.unwrap_or_default())
    };
    if let Some(cause) = cause(checks) {
        return told(style.paint(Paint::Bad, "cause:"), cause);
    }
    let mut doubtful = checks.iter().filter(|check| check.verdict == Verdict::Doubtful);
    match (doubtful.next(), doubtful.count()) {
        (None, _) => format!("{}\n", style.paint(Paint::Good, "nothing is bad")),
        (Some(first), 0) => told(String::from("nothing is bad; doubtful:"), first),
        (Some(first), more) => told(format!("nothing is bad; {} are doubtful, first", more + 1), first),
    }
}
