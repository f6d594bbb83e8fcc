//! Values of conditions: `*` and `?`, and variables such as `${aws:PrincipalTag/team, 'none'}`.

use super::context::{Context, Found};

/// A value taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Part>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Letter(char),
    /// `?`
    Any,
    /// `*`
    Many,
}

/// Why a value has no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unresolved {
    /// A variable in it has no value: it matches nothing.
    Absent,
    /// Only AWS knows what a variable in it stands for.
    Unknown,
}

/// What a value may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Syntax {
    /// Whether `*` and `?` stand for other characters.
    pub(super) wildcards: bool,
    /// Whether `${…}` is replaced, as from version 2012-10-17 on.
    pub(super) variables: bool,
}

impl Pattern {
    /// Takes a text with wildcards and without variables.
    pub(crate) fn plain(text: &str) -> Self {
        Self(text.chars().map(|letter| Self::part(letter, true)).collect())
    }

    /// Takes a value of a condition, its variables replaced.
    pub(super) fn of(value: &str, syntax: Syntax, context: &Context) -> Result<Self, Unresolved> {
        let mut parts = Vec::new();
        let mut rest = value;
        while !rest.is_empty() {
            let variable = syntax.variables.then(|| rest.strip_prefix("${")?.split_once('}')).flatten();
            match variable {
                // A value that a variable brings in has no wildcards.
                Some((variable, after)) => {
                    parts.extend(resolve(variable, context)?.chars().map(Part::Letter));
                    rest = after;
                }
                None => {
                    let letter = rest.chars().next().unwrap_or_default();
                    parts.push(Self::part(letter, syntax.wildcards));
                    rest = &rest[letter.len_utf8()..];
                }
            }
        }
        Ok(Self(parts))
    }

    fn part(letter: char, wildcards: bool) -> Part {
        match letter {
            '?' if wildcards => Part::Any,
            '*' if wildcards => Part::Many,
            letter => Part::Letter(letter),
        }
    }

    /// Returns the same in lower case.
    pub(super) fn folded(self) -> Self {
        let fold = |part| match part {
            Part::Letter(letter) => letter.to_lowercase().map(Part::Letter).collect(),
            Part::Any | Part::Many => vec![part],
        };
        Self(self.0.into_iter().flat_map(fold).collect())
    }

    /// Tells whether all of a text fits, in time and room of the product of both lengths at most.
    pub(crate) fn matches(&self, text: &str) -> bool {
        fits(&self.0, text)
    }

    /// Tells whether an ARN fits: each of its six parts by itself, so that a wildcard ends at a colon but in the last.
    pub(super) fn matches_arn(&self, arn: &str) -> bool {
        let patterns: Vec<&[Part]> = self.0.splitn(6, |part| *part == Part::Letter(':')).collect();
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        patterns.len() == 6
            && parts.len() == 6
            && patterns.iter().zip(parts).all(|(pattern, part)| fits(pattern, part))
    }
}

/// Walks the text once, and remembers after which parts the text so far may end.
fn fits(parts: &[Part], text: &str) -> bool {
    // reached[n]: the first n parts describe the text so far.
    let mut reached = vec![false; parts.len() + 1];
    reached[0] = true;
    skip_many(parts, &mut reached);
    for letter in text.chars() {
        let mut next = vec![false; parts.len() + 1];
        for (index, part) in parts.iter().enumerate().filter(|(index, _)| reached[*index]) {
            match part {
                Part::Letter(own) if *own == letter => next[index + 1] = true,
                Part::Letter(_) => {}
                Part::Any => next[index + 1] = true,
                Part::Many => next[index] = true,
            }
        }
        skip_many(parts, &mut next);
        reached = next;
    }
    reached[parts.len()]
}

/// `*` may stand for nothing.
fn skip_many(parts: &[Part], reached: &mut [bool]) {
    for (index, part) in parts.iter().enumerate() {
        if *part == Part::Many && reached[index] {
            reached[index + 1] = true;
        }
    }
}

/// Returns what a variable stands for: `${*}`, `${?}` and `${$}` for themselves, a key for its one value, or for what is named
/// as its default.
fn resolve(variable: &str, context: &Context) -> Result<String, Unresolved> {
    if matches!(variable, "*" | "?" | "$") {
        return Ok(variable.to_owned());
    }
    let (key, default) = match variable.split_once(',') {
        Some((key, default)) => {
            let default = default.trim();
            (key.trim(), default.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')))
        }
        None => (variable, None),
    };
    match (context.find(key), default) {
        (Found::Values([only]), _) => Ok(only.clone()),
        (Found::Absent, Some(default)) => Ok(default.to_owned()),
        // A key with several values cannot be a variable.
        (Found::Absent, None) | (Found::Values(_), _) => Err(Unresolved::Absent),
        (Found::Unknown, _) => Err(Unresolved::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_any_text() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbbc", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a", "aab", false),
            ("", "a", false),
            ("a**", "a", true),
            ("é?*", "éa", true),
        ] {
            assert_eq!(Pattern::plain(pattern).matches(text), expected, "{pattern} {text}");
        }
        assert!(!Pattern::plain(&format!("{}b", "a*".repeat(300))).matches(&"a".repeat(3000)));
        for (pattern, expected) in [
            ("arn:aws:iam::*:role/*", true),
            ("arn:aws:iam::1?:role/team/build", true),
            ("arn:*:role/*", false),
            ("*", false),
            ("arn:aws:iam::11:role", false),
        ] {
            assert_eq!(
                Pattern::plain(pattern).matches_arn("arn:aws:iam::11:role/team/build"),
                expected,
                "{pattern}"
            );
        }
    }

    #[test]
    fn variables_bring_text_and_no_wildcards() {
        let mut context = Context::open();
        context.know_all("aws:PrincipalTag/");
        context.set("aws:PrincipalTag/team", "a*");
        context.set_all("aws:TagKeys", ["a".to_owned(), "b".to_owned()]);
        let syntax = Syntax { wildcards: true, variables: true };
        let of = |value: &str| Pattern::of(value, syntax, &context);
        assert!(of("${aws:principaltag/TEAM}-*").unwrap().matches("a*-x"));
        assert!(!of("${aws:PrincipalTag/team}").unwrap().matches("ab"));
        assert!(of("${*}${$}").unwrap().matches("*$"));
        assert!(of("${aws:PrincipalTag/none, 'else'}").unwrap().matches("else"));
        assert_eq!(of("${aws:PrincipalTag/none}"), Err(Unresolved::Absent));
        assert_eq!(of("${aws:TagKeys}"), Err(Unresolved::Absent));
        assert_eq!(of("${aws:SourceIp}"), Err(Unresolved::Unknown));
        let old = Syntax { wildcards: true, variables: false };
        assert!(Pattern::of("${a}", old, &context).unwrap().matches("${a}"));
    }
}
