//! Conditions: whether one holds of a request, and what is to be told of it.

use std::net::IpAddr;

use super::context::{Context, Found};
use super::operator::{Comparison, Operator, Quantifier};
use super::pattern::{Pattern, Syntax, Unresolved};
use super::truth::Truth;
use crate::clock::Timestamp;
use crate::text::quoted;

/// One condition of a statement: an operator, a key, and the values of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    name: String,
    /// `None` where IAM has no such operator.
    operator: Option<Operator>,
    key: String,
    values: Vec<String>,
    /// Whether the policy's version has variables.
    with_variables: bool,
}

/// A condition and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged<'a> {
    /// The condition.
    pub condition: &'a Condition,
    /// Whether it holds.
    pub truth: Truth,
    /// What the request has; `None` where only AWS knows.
    pub found: Option<Vec<String>>,
}

impl Condition {
    pub(super) fn new(name: &str, key: &str, values: Vec<String>, with_variables: bool) -> Self {
        Self {
            operator: Operator::parse(name),
            name: name.to_owned(),
            key: key.to_owned(),
            values,
            with_variables,
        }
    }

    /// Returns the operator's name as it is written.
    pub fn operator(&self) -> &str {
        &self.name
    }

    /// Returns the key as it is written.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the values of the policy.
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// Judges the condition by what is known of a request.
    pub fn judge(&self, context: &Context) -> Judged<'_> {
        let found = match context.find(&self.key) {
            Found::Absent => Some(Vec::new()),
            Found::Unknown => None,
            Found::Values(values) => Some(values.to_vec()),
        };
        let truth = match (self.operator, &found) {
            (None, _) | (_, None) => Truth::Unknown,
            (Some(operator), Some(found)) => self.holds(operator, found, context),
        };
        Judged { condition: self, truth, found }
    }

    fn holds(&self, operator: Operator, found: &[String], context: &Context) -> Truth {
        let Operator { comparison, negated, if_exists, quantifier } = operator;
        if comparison == Comparison::Null {
            let is_absent = if found.is_empty() { "true" } else { "false" };
            return Truth::of(self.values.iter().any(|value| value.eq_ignore_ascii_case(is_absent)));
        }
        if found.is_empty() {
            // A key that is not there meets every negated operator, each value of none, and IfExists.
            return Truth::of(match quantifier {
                Quantifier::All => true,
                Quantifier::Any => if_exists,
                Quantifier::Single => if_exists || negated,
            });
        }
        // Of a value of the request: whether one of the policy's matches it, or with a negated operator none does.
        let met = |value: &String| {
            let matched = self.values.iter().fold(Truth::No, |found, expected| {
                found.or(self.compare(comparison, expected, value, context))
            });
            if negated { matched.negated() } else { matched }
        };
        match quantifier {
            Quantifier::All => found.iter().fold(Truth::Yes, |all, value| all.and(met(value))),
            Quantifier::Any => found.iter().fold(Truth::No, |any, value| any.or(met(value))),
            // Several values without a quantifier: one of them is enough to match, and so none may for a negated one.
            Quantifier::Single if negated => found.iter().fold(Truth::Yes, |all, value| all.and(met(value))),
            Quantifier::Single => found.iter().fold(Truth::No, |any, value| any.or(met(value))),
        }
    }

    fn compare(&self, comparison: Comparison, expected: &str, value: &str, context: &Context) -> Truth {
        let pattern =
            |wildcards| Pattern::of(expected, Syntax { wildcards, variables: self.with_variables }, context);
        let text = |wildcards, fits: fn(Pattern, &str) -> bool| match pattern(wildcards) {
            Ok(pattern) => Truth::of(fits(pattern, value)),
            Err(Unresolved::Absent) => Truth::No,
            Err(Unresolved::Unknown) => Truth::Unknown,
        };
        match comparison {
            Comparison::Arn => text(true, |pattern, value| pattern.matches_arn(value)),
            Comparison::Text => text(false, |pattern, value| pattern.matches(value)),
            Comparison::TextLike => text(true, |pattern, value| pattern.matches(value)),
            Comparison::TextAnyCase | Comparison::Bool => {
                text(false, |pattern, value| pattern.folded().matches(&value.to_lowercase()))
            }
            // Variables are for texts and ARNs.
            Comparison::Binary => Truth::of(expected == value),
            Comparison::IpAddress => Truth::of(is_in(expected, value)),
            Comparison::Date(order) => {
                Truth::of(time(value).zip(time(expected)).is_some_and(|(found, at)| order.holds(found, at)))
            }
            Comparison::Numeric(order) => Truth::of(
                number(value).zip(number(expected)).is_some_and(|(found, at)| order.holds(found, at)),
            ),
            Comparison::Null => Truth::No,
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// Reads a date as ISO 8601 or in seconds since 1970.
fn time(text: &str) -> Option<i64> {
    let seconds = || text.parse().ok();
    Timestamp::parse_rfc3339(text).map(Timestamp::unix_seconds).or_else(seconds)
}

/// Tells whether an address is in a range of its family: `203.0.113.0/24`, or one address.
fn is_in(range: &str, address: &str) -> bool {
    let (base, length) = match range.split_once('/') {
        Some((base, length)) => (base, Some(length)),
        None => (range, None),
    };
    let (Ok(base), Ok(address)) = (base.parse::<IpAddr>(), address.parse::<IpAddr>()) else { return false };
    let bits = if base.is_ipv4() { 32 } else { 128 };
    let length = match length.map(str::parse::<u32>) {
        None => bits,
        Some(Ok(length)) if length <= bits => length,
        Some(_) => return false,
    };
    // Both to 128 bits, the address in the highest ones.
    let widened = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    };
    let differing = widened(base) ^ widened(address);
    base.is_ipv4() == address.is_ipv4() && (length == 0 || differing >> (128 - length) == 0)
}

impl Judged<'_> {
    /// Says what was asked for and what was found, in one line.
    pub fn told(&self) -> String {
        let Condition { name, operator, key, values, .. } = self.condition;
        if operator.is_none() {
            return format!("{name} is no condition operator of IAM");
        }
        let expected: Vec<String> = values.iter().map(|value| quoted(value)).collect();
        let found = match &self.found {
            None => String::from("only AWS knows the value"),
            Some(found) if found.is_empty() => String::from("the request does not have it"),
            Some(found) => {
                let found: Vec<String> = found.iter().map(|value| quoted(value)).collect();
                format!("it is {}", found.join(", "))
            }
        };
        format!("{name} {key} {}: {found}", expected.join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(operator: &str, key: &str, values: &[&str]) -> Truth {
        let mut context = Context::open();
        context.know_all("aws:PrincipalTag/");
        context.set("aws:PrincipalTag/x509Subject/CN", "build-17");
        context.set("aws:SourceIp", "203.0.113.7");
        context.set("aws:CurrentTime", "2026-11-30T06:30:00Z");
        context.set("aws:PrincipalIsAWSService", "true");
        context.set("sts:DurationSeconds", "3600");
        context.set_all("aws:TagKeys", ["a".to_owned(), "b".to_owned()]);
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Condition::new(operator, key, values, true).judge(&context).truth
    }

    #[test]
    fn operators_decide_as_iam_documents_them() {
        const CN: &str = "aws:PrincipalTag/x509Subject/CN";
        const NONE: &str = "aws:PrincipalTag/team";
        use Truth::{No, Unknown, Yes};
        for (operator, key, values, expected) in [
            ("StringEquals", CN, &["build-17"][..], Yes),
            ("StringEquals", CN, &["x", "build-17"], Yes),
            ("StringEquals", CN, &["Build-17"], No),
            ("StringEqualsIgnoreCase", CN, &["Build-17"], Yes),
            ("StringEquals", CN, &["build-*"], No),
            ("StringLike", CN, &["build-*"], Yes),
            ("StringNotEquals", CN, &["x"], Yes),
            ("StringNotLike", CN, &["x", "build-*"], No),
            ("StringEquals", NONE, &["x"], No),
            ("StringNotEquals", NONE, &["x"], Yes),
            ("StringEqualsIfExists", NONE, &["x"], Yes),
            ("Null", NONE, &["true"], Yes),
            ("Null", CN, &["true"], No),
            ("ForAllValues:StringEquals", NONE, &["x"], Yes),
            ("ForAnyValue:StringEquals", NONE, &["x"], No),
            ("ForAllValues:StringEquals", "aws:TagKeys", &["a", "b", "c"], Yes),
            ("ForAllValues:StringEquals", "aws:TagKeys", &["a"], No),
            ("ForAnyValue:StringEquals", "aws:TagKeys", &["b"], Yes),
            ("ForAnyValue:StringNotEquals", "aws:TagKeys", &["b"], Yes),
            ("IpAddress", "aws:SourceIp", &["203.0.113.0/24"], Yes),
            ("IpAddress", "aws:SourceIp", &["0.0.0.0/0"], Yes),
            ("IpAddress", "aws:SourceIp", &["::/0"], No),
            ("IpAddress", "aws:SourceIp", &["203.0.113.0/33"], No),
            ("NotIpAddress", "aws:SourceIp", &["203.0.113.7"], No),
            ("Bool", "aws:PrincipalIsAWSService", &["TRUE"], Yes),
            ("DateLessThan", "aws:CurrentTime", &["2027-01-01T00:00:00Z"], Yes),
            ("DateGreaterThan", "aws:CurrentTime", &["1900000000"], No),
            ("NumericLessThanEquals", "sts:DurationSeconds", &["3600"], Yes),
            ("NumericGreaterThan", "sts:DurationSeconds", &["3600.5"], No),
            ("StringEquals", "aws:PrincipalOrgID", &["o-1"], Unknown),
            ("StringNotEqualsIfExists", "aws:SourceVpc", &["vpc-1"], Unknown),
            ("StringEquals", CN, &["${aws:PrincipalOrgID}"], Unknown),
            ("StringEquals", CN, &["${aws:PrincipalTag/none}"], No),
            ("StringIs", CN, &["x"], Unknown),
        ] {
            assert_eq!(judge(operator, key, values), expected, "{operator} {key} {values:?}");
        }
    }
}
