//! Variables with our prefix that are not used: a typing mistake, or an assumption.

use super::table::{SETTINGS, Sources, VARIABLES};
use crate::text::printable;

/// The variables that are not settings, without the prefix.
const OTHERS: &[&str] = &["CACHE_NAMESPACE", "SESSION", "STATE_DIR"];

/// Explains for each unused variable why, and what was probably meant; `rests` are the names after [`VARIABLES`].
pub(super) fn unread<'a>(rests: impl Iterator<Item = &'a str>) -> Vec<String> {
    rests.filter(|rest| !is_read(rest)).map(explained).collect()
}

fn is_read(rest: &str) -> bool {
    OTHERS.contains(&rest) || SETTINGS.iter().any(|setting| setting.is_variable(rest))
}

fn explained(rest: &str) -> String {
    let name = format!("{VARIABLES}{}", printable(rest));
    let namesake = SETTINGS.iter().find(|setting| setting.key().eq_ignore_ascii_case(rest));
    let why = match namesake.map(|setting| (setting.name, setting.sources)) {
        Some((flag, Sources::FlagAndSession)) => {
            format!("only the flag --{flag} and a named session set that, since a variable could leak")
        }
        Some((flag, _)) => format!("only the flag --{flag} sets that"),
        None => {
            let known = SETTINGS.iter().filter_map(super::Setting::variable);
            let known: Vec<String> =
                known.chain(OTHERS.iter().map(|rest| format!("{VARIABLES}{rest}"))).collect();
            match crate::text::nearest(rest, known.iter().map(|name| &name[VARIABLES.len()..])) {
                Some(nearest) => format!("the nearest variable is {VARIABLES}{nearest}"),
                None => String::from("there is no such variable"),
            }
        }
    };
    format!("{name} is not read: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nothing_reads_is_named_with_what_was_meant() {
        let told = |rest: &str| unread(std::iter::once(rest)).concat();
        assert_eq!(told("ROLE_ARN"), "");
        assert_eq!(told("STATE_DIR"), "");
        assert_eq!(told("ROLEARN"), "ANYROLE_ROLEARN is not read: the nearest variable is ANYROLE_ROLE_ARN");
        assert_eq!(
            told("STATEDIR"),
            "ANYROLE_STATEDIR is not read: the nearest variable is ANYROLE_STATE_DIR"
        );
        assert_eq!(told("NO_CACHE"), "ANYROLE_NO_CACHE is not read: only the flag --no-cache sets that");
        assert!(told("NO_VERIFY_SSL").ends_with("and a named session set that, since a variable could leak"));
        assert_eq!(told("FROBNICATE_IT"), "ANYROLE_FROBNICATE_IT is not read: there is no such variable");
    }
}
