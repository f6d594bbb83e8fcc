//! Conditions of a trust policy: operators, values with wildcards and variables, and the keys of a request.
//!
//! The rules are those of [IAM's condition operators]. Operators for numbers, dates and binary data are recognised but
//! rejected, since no key here has such a value, and a condition that is silently false helps nobody. Unknown operators
//! and keys are also rejected.
//!
//! [IAM's condition operators]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::address::AddressRange;
use super::error::StatementFault;
use super::vocabulary::{check_key, nearest};
use crate::text::shown;

/// The condition keys of one request with their values. Keys are case-insensitive, as in IAM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestContext {
    values: BTreeMap<String, Vec<String>>,
}

impl RequestContext {
    /// Sets a key to one value.
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.set_all(key, [value.into()]);
    }

    /// Sets a key to several values; with none the key is absent.
    pub fn set_all(&mut self, key: &str, values: impl IntoIterator<Item = String>) {
        let values: Vec<String> = values.into_iter().collect();
        if !values.is_empty() {
            self.values.insert(key.to_ascii_lowercase(), values);
        }
    }

    /// Returns the values of a key; none if it is absent.
    pub fn values(&self, key: &str) -> &[String] {
        self.values.get(&key.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    /// `IpAddress`: a range of addresses.
    Address,
    /// `ArnEquals` and `ArnLike`, which are the same: each of the six parts with wildcards.
    Arn,
    /// `Bool`
    Bool,
    /// `Null`: whether the key is absent.
    Null,
    /// `StringEquals`
    Text,
    /// `StringEqualsIgnoreCase`
    TextIgnoringCase,
    /// `StringLike`
    TextLike,
}

/// What is required of a key with several values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    /// `ForAllValues:`
    All,
    /// `ForAnyValue:`, and no prefix.
    Any,
}

/// The name of a condition operator, understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Operator {
    comparison: Comparison,
    negated: bool,
    if_exists: bool,
    quantifier: Option<Quantifier>,
}

/// The operators that are evaluated: name, comparison, and whether it is negated.
const EVALUATED: [(&str, Comparison, bool); 14] = [
    ("ArnEquals", Comparison::Arn, false),
    ("ArnLike", Comparison::Arn, false),
    ("ArnNotEquals", Comparison::Arn, true),
    ("ArnNotLike", Comparison::Arn, true),
    ("Bool", Comparison::Bool, false),
    ("IpAddress", Comparison::Address, false),
    ("NotIpAddress", Comparison::Address, true),
    ("Null", Comparison::Null, false),
    ("StringEquals", Comparison::Text, false),
    ("StringEqualsIgnoreCase", Comparison::TextIgnoringCase, false),
    ("StringLike", Comparison::TextLike, false),
    ("StringNotEquals", Comparison::Text, true),
    ("StringNotEqualsIgnoreCase", Comparison::TextIgnoringCase, true),
    ("StringNotLike", Comparison::TextLike, true),
];

/// Operators that IAM has, but for which this simulator has no keys.
const NOT_EVALUATED: [&str; 13] = [
    "BinaryEquals",
    "DateEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateNotEquals",
    "NumericEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericNotEquals",
];

/// The prefixes of an operator's name.
const QUANTIFIERS: [&str; 3] = ["", "ForAllValues:", "ForAnyValue:"];

/// The suffix of an operator's name.
const IF_EXISTS: &str = "IfExists";

impl Operator {
    fn parse(name: &str) -> Result<Self, OperatorError> {
        let (quantifier, rest) = match name.split_once(':') {
            Some(("ForAllValues", rest)) => (Some(Quantifier::All), rest),
            Some(("ForAnyValue", rest)) => (Some(Quantifier::Any), rest),
            Some(_) => return Err(OperatorError::Unknown),
            None => (None, name),
        };
        let (if_exists, rest) = match rest.strip_suffix(IF_EXISTS) {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        if NOT_EVALUATED.contains(&rest) {
            return Err(OperatorError::NotEvaluated);
        }
        let (_, comparison, negated) = *EVALUATED
            .iter()
            .find(|(known, comparison, _)| *known == rest && !(if_exists && *comparison == Comparison::Null))
            .ok_or(OperatorError::Unknown)?;
        Ok(Self { comparison, negated, if_exists, quantifier })
    }
}

/// Why an operator's name is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OperatorError {
    /// IAM has it, but this simulator does not evaluate it.
    NotEvaluated,
    /// IAM has no operator of that name.
    Unknown,
}

/// Returns the operator's name nearest to a mistyped one.
fn nearest_operator(name: &str) -> Option<String> {
    let bare = EVALUATED.iter().map(|(known, ..)| *known).chain(NOT_EVALUATED);
    let known: Vec<String> = bare
        .flat_map(|known| [known.to_owned(), format!("{known}{IF_EXISTS}")])
        .filter(|known| known != "NullIfExists")
        .flat_map(|known| QUANTIFIERS.map(|quantifier| format!("{quantifier}{known}")))
        .collect();
    nearest(name, known.iter().map(String::as_str))
}

/// One condition: an operator, a key, and values of which one must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    name: String,
    operator: Operator,
    key: String,
    values: Vec<String>,
    /// The parsed values of an operator for addresses.
    ranges: Vec<AddressRange>,
}

impl Condition {
    /// Parses a condition; `with_variables` is whether the policy's version supports variables.
    pub(super) fn new(
        name: &str,
        key: &str,
        values: Vec<String>,
        with_variables: bool,
    ) -> Result<Self, StatementFault> {
        let operator = Operator::parse(name).map_err(|error| match error {
            OperatorError::NotEvaluated => StatementFault::OperatorNotEvaluated { operator: shown(name) },
            OperatorError::Unknown => {
                StatementFault::OperatorUnknown { operator: shown(name), nearest: nearest_operator(name) }
            }
        })?;
        let known = |key: &str| {
            check_key(key)
                .map_err(|unknown| StatementFault::KeyUnknown { key: shown(key), nearest: unknown.nearest })
        };
        known(key)?;
        let mut ranges = Vec::new();
        if operator.comparison == Comparison::Address {
            // Variables are only for texts and ARNs, as in IAM.
            ranges = values.iter().map(|value| range(value, name, key)).collect::<Result<_, _>>()?;
        } else if with_variables {
            values.iter().flat_map(|value| variables(value)).try_for_each(known)?;
        }
        Ok(Self { name: name.to_owned(), operator, key: key.to_owned(), values, ranges })
    }

    /// Names the condition for display: operator and key.
    pub(super) fn description(&self) -> String {
        format!("{} {}", self.name, self.key)
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Returns whether the condition holds. Variables such as `${aws:PrincipalTag/team}` are replaced if the policy's
    /// version supports them.
    pub(super) fn holds(&self, context: &RequestContext, with_variables: bool) -> bool {
        let found = context.values(&self.key);
        let Operator { comparison, negated, if_exists, quantifier } = self.operator;
        if comparison == Comparison::Null {
            let absent = if found.is_empty() { "true" } else { "false" };
            return self.values.iter().any(|value| value.eq_ignore_ascii_case(absent));
        }
        if found.is_empty() {
            return match quantifier {
                Some(Quantifier::All) => true,
                Some(Quantifier::Any) => if_exists,
                None => if_exists || negated,
            };
        }
        let wildcards = match comparison {
            Comparison::Arn | Comparison::TextLike => true,
            Comparison::Address
            | Comparison::Bool
            | Comparison::Null
            | Comparison::Text
            | Comparison::TextIgnoringCase => false,
        };
        let patterns: Vec<Vec<Token>> = self
            .values
            .iter()
            .filter_map(|value| tokens(value, context, wildcards, with_variables))
            .collect();
        let matches = |value: &String| match comparison {
            Comparison::Address => self.covers(value),
            Comparison::Arn
            | Comparison::Bool
            | Comparison::Null
            | Comparison::Text
            | Comparison::TextIgnoringCase
            | Comparison::TextLike => {
                patterns.iter().any(|pattern| compare(comparison, pattern, value.as_str()))
            }
        };
        match (quantifier, negated) {
            (None | Some(Quantifier::Any), false) => found.iter().any(matches),
            (Some(Quantifier::Any), true) => !found.iter().all(matches),
            (Some(Quantifier::All), false) => found.iter().all(matches),
            (None | Some(Quantifier::All), true) => !found.iter().any(matches),
        }
    }

    /// Returns whether a value is an address in one of the ranges; any other text is in none.
    fn covers(&self, value: &str) -> bool {
        value.parse().is_ok_and(|address: IpAddr| self.ranges.iter().any(|range| range.contains(address)))
    }
}

fn range(value: &str, operator: &str, key: &str) -> Result<AddressRange, StatementFault> {
    AddressRange::parse(value).map_err(|why| StatementFault::Address {
        value: shown(value),
        condition: format!("{} {}", shown(operator), shown(key)),
        why,
    })
}

/// Returns the names of the variables in a value, except `${*}` and the like.
fn variables(value: &str) -> impl Iterator<Item = &str> {
    value
        .split("${")
        .skip(1)
        .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
        // `${KEY, 'else'}` has a default.
        .map(|name| name.split_once(',').map_or(name, |(name, _)| name.trim_end()))
        .filter(|name| !matches!(*name, "*" | "?" | "$"))
}

/// A part of a value: a character, `?`, or `*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Character(char),
    One,
    Several,
}

/// Splits a value into tokens; `None` if a variable in it has no value, so that it matches nothing.
fn tokens(
    value: &str,
    context: &RequestContext,
    wildcards: bool,
    with_variables: bool,
) -> Option<Vec<Token>> {
    let mut tokens = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(character) = rest.chars().next() {
        if with_variables
            && let Some(after) = rest.strip_prefix("${")
            && let Some((name, after)) = after.split_once('}')
        {
            match name {
                "*" | "?" | "$" => tokens.extend(name.chars().map(Token::Character)),
                _ => tokens.extend(replacement(name, context)?.chars().map(Token::Character)),
            }
            rest = after;
            continue;
        }
        tokens.push(match character {
            '*' if wildcards => Token::Several,
            '?' if wildcards => Token::One,
            _ => Token::Character(character),
        });
        rest = &rest[character.len_utf8()..];
    }
    Some(tokens)
}

/// Returns the one value of a variable's key, or the default in `${KEY, 'DEFAULT'}` where the key is absent.
fn replacement<'a>(variable: &'a str, context: &'a RequestContext) -> Option<&'a str> {
    let (key, default) = match variable.split_once(',') {
        Some((key, default)) => (key.trim_end(), Some(default.trim())),
        None => (variable, None),
    };
    match context.values(key) {
        [only] => Some(only),
        [] => default?.strip_prefix('\'')?.strip_suffix('\''),
        [_, ..] => None,
    }
}

fn compare(comparison: Comparison, pattern: &[Token], value: &str) -> bool {
    match comparison {
        Comparison::Arn => arn_like(pattern, value),
        Comparison::Bool | Comparison::TextIgnoringCase => {
            let folded: Vec<Token> = pattern.iter().flat_map(|token| fold(*token)).collect();
            like(&folded, &value.to_lowercase())
        }
        Comparison::Address | Comparison::Null => false,
        Comparison::Text | Comparison::TextLike => like(pattern, value),
    }
}

fn fold(token: Token) -> Vec<Token> {
    match token {
        Token::Character(character) => character.to_lowercase().map(Token::Character).collect(),
        Token::One | Token::Several => vec![token],
    }
}

/// Compares the six parts of an ARN one by one; a wildcard matches colons only in the last part.
fn arn_like(pattern: &[Token], value: &str) -> bool {
    let patterns: Vec<&[Token]> = pattern.splitn(6, |token| *token == Token::Character(':')).collect();
    let values: Vec<&str> = value.splitn(6, ':').collect();
    patterns.len() == 6
        && values.len() == 6
        && patterns.into_iter().zip(values).all(|(pattern, value)| like(pattern, value))
}

/// Returns whether `pattern` matches all of `text`, in at most the product of their lengths.
pub(in crate::simulator) fn like_text(pattern: &str, text: &str) -> bool {
    tokens(pattern, &RequestContext::default(), true, false).is_some_and(|pattern| like(&pattern, text))
}

fn like(pattern: &[Token], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut position) = (0, 0);
    // Where to resume if the last `*` has to match one more character.
    let mut retry: Option<(usize, usize)> = None;
    while position < text.len() {
        let fits = match pattern.get(at) {
            Some(Token::Character(character)) => *character == text[position],
            Some(Token::One) => true,
            Some(Token::Several) => {
                retry = Some((at, position));
                at += 1;
                continue;
            }
            None => false,
        };
        if fits {
            at += 1;
            position += 1;
        } else if let Some((star, taken)) = retry {
            retry = Some((star, taken + 1));
            at = star + 1;
            position = taken + 1;
        } else {
            return false;
        }
    }
    pattern[at.min(pattern.len())..].iter().all(|token| *token == Token::Several)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_in_iam() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbbc", true),
            ("a*b*c", "axxbyyc", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*a", "aab", false),
            ("", "a", false),
            ("a**", "a", true),
            ("é?", "éa", true),
        ] {
            assert_eq!(like_text(pattern, text), expected, "{pattern} {text}");
        }
        assert!(!like_text(&format!("{}b", "a*".repeat(500)), &"a".repeat(5_000)));
    }

    #[test]
    fn operators_are_known_unevaluated_or_unknown() {
        for name in ["Null", "ForAnyValue:StringLikeIfExists", "ArnNotLikeIfExists", "NotIpAddressIfExists"] {
            assert!(Operator::parse(name).is_ok(), "{name}");
        }
        for name in
            ["NumericLessThan", "DateGreaterThanIfExists", "ForAnyValue:NumericEquals", "BinaryEquals"]
        {
            assert_eq!(Operator::parse(name), Err(OperatorError::NotEvaluated), "{name}");
        }
        // The start of a known name is not enough.
        for name in [
            "",
            "StringIs",
            "NullIfExists",
            "Each:StringLike",
            "stringequals",
            "Numeric",
            "DateLater",
            "IpAddresses",
            "BinaryEqual",
        ] {
            assert_eq!(Operator::parse(name), Err(OperatorError::Unknown), "{name}");
        }
    }

    #[test]
    fn mistyped_operators_have_a_nearest_one() {
        for (name, expected) in [
            ("stringequals", Some("StringEquals")),
            ("StringLikes", Some("StringLike")),
            ("ForAllValue:StringLike", Some("ForAllValues:StringLike")),
            ("IpAdress", Some("IpAddress")),
            ("StringEqualIfExists", Some("StringEqualsIfExists")),
            ("Contains", None),
        ] {
            assert_eq!(nearest_operator(name).as_deref(), expected, "{name}");
        }
    }
}
