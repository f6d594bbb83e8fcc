//! The form in the body of a request to STS.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::refusal::StsRefusal;

/// The most parameters of a form that are read; AssumeRole with fifty tags, all transitive, has fewer.
const PARAMETERS_LIMIT: usize = 200;

/// The most elements of a list: STS's limit for session tags, plus one to be rejected.
const ELEMENTS_LIMIT: usize = 51;

/// The parameters of one request.
pub(super) struct Form {
    values: BTreeMap<String, String>,
}

impl Form {
    /// Parses pairs joined by `&`, `+` for a blank, percent escapes (`application/x-www-form-urlencoded`).
    ///
    /// Of a parameter that occurs twice the first is used.
    pub(super) fn parse(body: &[u8]) -> Result<Self, StsRefusal> {
        let malformed = || StsRefusal::Parameter("The form in the body is malformed");
        let text = str::from_utf8(body).map_err(|_| malformed())?;
        let decoded = |text: &str| {
            let text = text.replace('+', " ");
            percent_decode_str(&text).decode_utf8().map(|text| text.into_owned()).map_err(|_| malformed())
        };
        let pairs: Vec<&str> = text.trim_ascii().split('&').collect();
        if pairs.len() > PARAMETERS_LIMIT {
            return Err(malformed());
        }
        let mut values = BTreeMap::new();
        for pair in pairs {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value)?;
            values.entry(decoded(name)?).or_insert(value);
        }
        Ok(Self { values })
    }

    /// Returns the value of a parameter.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Returns the elements of a list (`NAME.member.1` and so on) up to the first number that is missing.
    pub(super) fn members(&self, name: &str) -> Vec<&str> {
        (1..=ELEMENTS_LIMIT).map_while(|number| self.value(&format!("{name}.member.{number}"))).collect()
    }

    /// Returns the elements of `Tags`, which are pairs of key and value.
    pub(super) fn tags(&self) -> Vec<(&str, &str)> {
        (1..=ELEMENTS_LIMIT)
            .map_while(|number| {
                let key = self.value(&format!("Tags.member.{number}.Key"))?;
                Some((key, self.value(&format!("Tags.member.{number}.Value")).unwrap_or_default()))
            })
            .collect()
    }
}
