//! The pages about refusals, one for each stable id, as `anyrole explain` prints them.

macro_rules! pages {
    ($($id:literal)*) => {
        /// Every page: the id and the text, in the order of the ids.
        pub const REFUSALS: &[(&str, &str)] =
            &[$(($id, include_str!(concat!("manual/refusals/", $id, ".md")))),*];
    };
}

pages! {
    "argument-missing"
    "argument-not-utf8"
    "arns-differ"
    "config-defined-twice"
    "config-missing"
    "config-session-name"
    "config-session-only"
    "config-syntax"
    "config-too-large"
    "config-unknown-key"
    "config-unreadable"
    "config-value"
    "config-version"
    "flag-unknown"
    "flag-value"
    "flag-value-missing"
    "not-in-this-version"
    "output"
    "setting-arn"
    "setting-missing"
    "setting-value"
    "settings-exclusive"
    "started-with-privileges"
    "stray-argument"
    "unknown-command"
    "unknown-refusal"
    "unknown-session"
    "variable-not-utf8"
}

/// Returns the page of an id.
pub fn refusal(id: &str) -> Option<&'static str> {
    REFUSALS.iter().find(|(known, _)| *known == id).map(|(_, page)| *page)
}
