//! The elements of the document for serde: where IAM accepts one or several, and the error for anything else.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use super::super::Effect;

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, expecting = "an object with Version and Statement")]
pub(super) struct Document {
    pub(super) version: Option<String>,
    #[serde(rename = "Id")]
    _id: Option<String>,
    pub(super) statement: OneOrMany<RawStatement>,
}

#[derive(serde::Deserialize)]
#[serde(
    rename_all = "PascalCase",
    deny_unknown_fields,
    expecting = "a statement: an object with Effect, Principal and Action"
)]
pub(super) struct RawStatement {
    pub(super) sid: Option<String>,
    pub(super) effect: Effect,
    pub(super) principal: RawPrincipal,
    pub(super) action: Option<OneOrMany<Text>>,
    pub(super) not_action: Option<OneOrMany<Text>>,
    #[serde(default)]
    pub(super) condition: BTreeMap<String, BTreeMap<String, OneOrMany<Scalar>>>,
}

/// An element of which IAM accepts one or a list.
pub(super) trait Item: for<'de> Deserialize<'de> {
    /// What is expected, including the list.
    const EXPECTED: &'static str;
    /// The name of a list's element in errors; empty if the line number is enough.
    const NAME: &'static str = "";
}

impl Item for RawStatement {
    const EXPECTED: &'static str = "a statement or a list of statements";
    const NAME: &'static str = "statement";
}

/// One, or a list.
pub(super) struct OneOrMany<T>(pub(super) Vec<T>);

impl<'de, T: Item> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor(PhantomData))
    }
}

struct OneOrManyVisitor<T>(PhantomData<T>);

impl<T: Item> OneOrManyVisitor<T> {
    fn one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OneOrMany<T>, D::Error> {
        T::deserialize(deserializer).map(|item| OneOrMany(vec![item]))
    }
}

impl<'de, T: Item> Visitor<'de> for OneOrManyVisitor<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Self::one(value.into_deserializer())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Self::one(value.into_deserializer())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Self::one(value.into_deserializer())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Self::one(value.into_deserializer())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Self::one(value.into_deserializer())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Self::one(MapAccessDeserializer::new(map))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        loop {
            let numbered = |error: A::Error| match T::NAME {
                "" => error,
                name => A::Error::custom(format_args!("{name} {}: {error}", items.len().saturating_add(1))),
            };
            match list.next_element().map_err(numbered)? {
                Some(item) => items.push(item),
                None => return Ok(OneOrMany(items)),
            }
        }
    }
}

/// A text; numbers and booleans are rejected.
pub(super) struct Text(String);

impl Item for Text {
    const EXPECTED: &'static str = "a text or a list of texts";
}

impl OneOrMany<Text> {
    pub(super) fn into_texts(self) -> Vec<String> {
        self.0.into_iter().map(|text| text.0).collect()
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl Visitor<'_> for TextVisitor {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(Text::EXPECTED)
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Text, E> {
                Ok(Text(value.to_owned()))
            }
        }

        deserializer.deserialize_any(TextVisitor)
    }
}

/// A condition's value, reduced to its text.
pub(super) struct Scalar(String);

impl Item for Scalar {
    const EXPECTED: &'static str = "a text, a number, true, false, or a list of them";
}

impl OneOrMany<Scalar> {
    pub(super) fn into_texts(self) -> Vec<String> {
        self.0.into_iter().map(|scalar| scalar.0).collect()
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScalarVisitor;

        impl Visitor<'_> for ScalarVisitor {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(Scalar::EXPECTED)
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Scalar, E> {
                // As in JSON: `1.0` stays `1.0`.
                Ok(Scalar(
                    Number::from_f64(value).map_or_else(|| value.to_string(), |number| number.to_string()),
                ))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Scalar, E> {
                Ok(Scalar(value.to_owned()))
            }
        }

        deserializer.deserialize_any(ScalarVisitor)
    }
}

/// The principals of a statement: `"*"`, or names by kind.
pub(super) enum RawPrincipal {
    Listed(BTreeMap<String, OneOrMany<Text>>),
    Text(String),
}

impl<'de> Deserialize<'de> for RawPrincipal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PrincipalVisitor;

        impl<'de> Visitor<'de> for PrincipalVisitor {
            type Value = RawPrincipal;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"*\" or an object of AWS, Service, Federated and CanonicalUser")
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<RawPrincipal, E> {
                Ok(RawPrincipal::Text(value.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawPrincipal, A::Error> {
                BTreeMap::deserialize(MapAccessDeserializer::new(map)).map(RawPrincipal::Listed)
            }
        }

        deserializer.deserialize_any(PrincipalVisitor)
    }
}
