//! Condition operators, by their names.

/// How a value is compared with those of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// `ArnEquals` and `ArnLike`, which behave the same.
    Arn,
    /// `BinaryEquals`
    Binary,
    /// `Bool`
    Bool,
    Date(Order),
    /// `IpAddress`
    IpAddress,
    /// `Null`: whether the key is absent.
    Null,
    Numeric(Order),
    /// `StringEquals`
    Text,
    /// `StringEqualsIgnoreCase`
    TextAnyCase,
    /// `StringLike`
    TextLike,
}

/// How numbers and dates are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Equals,
    Greater,
    GreaterOrEquals,
    Less,
    LessOrEquals,
}

impl Order {
    pub(super) fn holds<T: PartialOrd>(self, found: T, expected: T) -> bool {
        match self {
            Self::Equals => found == expected,
            Self::Greater => found > expected,
            Self::GreaterOrEquals => found >= expected,
            Self::Less => found < expected,
            Self::LessOrEquals => found <= expected,
        }
    }
}

/// What is asked of a key with several values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quantifier {
    /// `ForAllValues:`
    All,
    /// `ForAnyValue:`
    Any,
    /// None: the key has one value.
    Single,
}

/// An operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operator {
    pub(crate) comparison: Comparison,
    /// `…Not…`: no value of the policy matches.
    pub(crate) negated: bool,
    /// `…IfExists`
    pub(crate) if_exists: bool,
    pub(crate) quantifier: Quantifier,
}

const OPERATORS: [(&str, Comparison, bool); 27] = [
    ("ArnEquals", Comparison::Arn, false),
    ("ArnLike", Comparison::Arn, false),
    ("ArnNotEquals", Comparison::Arn, true),
    ("ArnNotLike", Comparison::Arn, true),
    ("BinaryEquals", Comparison::Binary, false),
    ("Bool", Comparison::Bool, false),
    ("DateEquals", Comparison::Date(Order::Equals), false),
    ("DateGreaterThan", Comparison::Date(Order::Greater), false),
    ("DateGreaterThanEquals", Comparison::Date(Order::GreaterOrEquals), false),
    ("DateLessThan", Comparison::Date(Order::Less), false),
    ("DateLessThanEquals", Comparison::Date(Order::LessOrEquals), false),
    ("DateNotEquals", Comparison::Date(Order::Equals), true),
    ("IpAddress", Comparison::IpAddress, false),
    ("NotIpAddress", Comparison::IpAddress, true),
    ("Null", Comparison::Null, false),
    ("NumericEquals", Comparison::Numeric(Order::Equals), false),
    ("NumericGreaterThan", Comparison::Numeric(Order::Greater), false),
    ("NumericGreaterThanEquals", Comparison::Numeric(Order::GreaterOrEquals), false),
    ("NumericLessThan", Comparison::Numeric(Order::Less), false),
    ("NumericLessThanEquals", Comparison::Numeric(Order::LessOrEquals), false),
    ("NumericNotEquals", Comparison::Numeric(Order::Equals), true),
    ("StringEquals", Comparison::Text, false),
    ("StringEqualsIgnoreCase", Comparison::TextAnyCase, false),
    ("StringLike", Comparison::TextLike, false),
    ("StringNotEquals", Comparison::Text, true),
    ("StringNotEqualsIgnoreCase", Comparison::TextAnyCase, true),
    ("StringNotLike", Comparison::TextLike, true),
];

impl Operator {
    /// Returns every name, without `IfExists` and quantifiers.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        OPERATORS.iter().map(|(name, ..)| *name)
    }

    /// Returns the operator of a name; `None` where IAM has none of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let (quantifier, rest) = match name.split_once(':') {
            Some(("ForAllValues", rest)) => (Quantifier::All, rest),
            Some(("ForAnyValue", rest)) => (Quantifier::Any, rest),
            Some(_) => return None,
            None => (Quantifier::Single, name),
        };
        let (if_exists, bare) = match rest.strip_suffix("IfExists") {
            Some(bare) => (true, bare),
            None => (false, rest),
        };
        let (_, comparison, negated) = *OPERATORS.iter().find(|(known, ..)| *known == bare)?;
        let is_possible = !(if_exists && comparison == Comparison::Null);
        is_possible.then_some(Self { comparison, negated, if_exists, quantifier })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let operator = Operator::parse("ForAnyValue:StringNotLikeIfExists").unwrap();
        assert_eq!(operator.comparison, Comparison::TextLike);
        assert!(operator.negated && operator.if_exists && operator.quantifier == Quantifier::Any);
        for (name, ..) in OPERATORS {
            assert!(Operator::parse(name).is_some(), "{name}");
        }
        for name in ["", "stringequals", "StringIs", "Each:StringLike", "NullIfExists", "Numeric", "IfExists"]
        {
            assert_eq!(Operator::parse(name), None, "{name}");
        }
    }
}
