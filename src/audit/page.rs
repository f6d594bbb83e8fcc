//! Reports as one page: nothing is loaded from elsewhere, and a policy in the page forbids it.
//!
//! Every row is in the page as text; the script only hides rows. So it can be read, searched and printed without it. A row
//! of the table `findings` has what the filters look at in its `data-` attributes: one value, or several in lines.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::files::Severity;

const STYLE: &str = include_str!("page/page.css");
const SCRIPT: &str = include_str!("page/page.js");

/// Begins a page.
pub(super) fn open(heading: &str, command: &str) -> String {
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{heading}: {command}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>{heading}</h1>\n"
    )
}

/// Ends a page.
pub(super) fn close(html: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(html, "<script>{SCRIPT}</script>\n</body>\n</html>\n");
}

fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text.as_bytes()))
}

/// Writes text so that it is nothing but text, also between quotes.
pub(super) fn text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // What turns the direction of a text would show another path than there is.
            _ if crate::text::misleads(character) => safe.extend(character.escape_unicode()),
            _ => safe.push(character),
        }
    }
    safe
}

/// Begins the summary: how many findings there are of each severity. [`count`] adds to it.
pub(super) fn summary(html: &mut String, severities: impl Iterator<Item = Severity>) {
    let severities: Vec<Severity> = severities.collect();
    html.push_str("<ul class=\"summary\">\n");
    for severity in Severity::ALL {
        let word = severity.as_str();
        let count = severities.iter().filter(|found| **found == severity).count();
        let _ = writeln!(html, "<li class=\"{word}\"><b>{count}</b> {word}</li>");
    }
}

/// Adds a number to the summary.
pub(super) fn count(html: &mut String, number: impl std::fmt::Display, what: &str) {
    let _ = writeln!(html, "<li><b>{number}</b> {what}</li>");
}

/// Begins the filters with the severities. The form is shown by the script alone.
pub(super) fn filters(html: &mut String) {
    html.push_str("</ul>\n<form id=\"filters\" hidden>\n");
    for severity in Severity::ALL {
        let word = severity.as_str();
        let _ = writeln!(
            html,
            "<label><input type=\"checkbox\" name=\"severity\" value=\"{word}\" checked> {word}</label>"
        );
    }
}

/// Adds a choice by the attribute `data-NAME`.
pub(super) fn choice(html: &mut String, name: &str, values: BTreeSet<&str>) {
    let _ = write!(html, "<label>{name} <select name=\"{name}\"><option value=\"\">all</option>");
    for value in values {
        let _ = write!(html, "<option>{}</option>", text(value));
    }
    html.push_str("</select></label>\n");
}

/// Ends the filters with a search for any text.
pub(super) fn search(html: &mut String, placeholder: &str) {
    let _ = write!(
        html,
        "<label>find <input type=\"search\" name=\"find\" placeholder=\"{placeholder}\"></label>\n\
         <output id=\"shown\"></output>\n</form>\n",
    );
}
