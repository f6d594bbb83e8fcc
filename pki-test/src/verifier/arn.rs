//! Amazon Resource Names, as six fields separated by colons.
//!
//! Nothing is assumed about the resource except its first word: the service has added forms before (alias ARNs), and
//! the verifier looks ARNs up instead of guessing what they mean.

use std::fmt;
use std::str::FromStr;

/// The longest ARN that Roles Anywhere accepts, in characters (its service model, `AmazonResourceName`).
pub const ARN_LIMIT: usize = 1011;

/// An Amazon Resource Name: `arn:partition:service:region:account:resource`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Arn {
    partition: String,
    service: String,
    region: String,
    account: String,
    resource: String,
}

impl Arn {
    /// Returns the partition, for example `aws` or `aws-cn`.
    pub fn partition(&self) -> &str {
        &self.partition
    }

    /// Returns the service, for example `rolesanywhere`.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Returns the region; empty for IAM.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns the account, twelve decimal digits.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Returns everything after the fifth colon, for example `role/team/build`.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// Returns the last segment of the resource, which for a role is its name without the path.
    pub fn resource_name(&self) -> &str {
        self.resource.rsplit('/').next().unwrap_or(&self.resource)
    }

    /// Returns an ARN of the same partition, region and account with another `resource`.
    #[must_use]
    pub fn sibling(&self, resource: &str) -> Self {
        Self { resource: resource.to_owned(), ..self.clone() }
    }
}

impl FromStr for Arn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > ARN_LIMIT {
            return Err(ArnError::TooLong);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ArnError::Characters);
        }
        let fields: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, service, region, account, resource] = fields[..] else {
            return Err(ArnError::Fields);
        };
        if partition.is_empty() || service.is_empty() || resource.is_empty() {
            return Err(ArnError::Fields);
        }
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ArnError::Account);
        }
        Ok(Self {
            partition: partition.to_owned(),
            service: service.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            resource: resource.to_owned(),
        })
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

/// Why a text is not an ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArnError {
    /// The fifth field is not an account number.
    #[error("the account is not twelve decimal digits")]
    Account,
    /// It contains a blank, a control character or a non-ASCII character.
    #[error("an ARN holds visible ASCII characters only")]
    Characters,
    /// There are fewer than six fields, or a required one is empty.
    #[error("an ARN has the form arn:partition:service:region:account:resource")]
    Fields,
    /// The text is longer than [`ARN_LIMIT`].
    #[error("an ARN has at most {ARN_LIMIT} characters")]
    TooLong,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_with_a_path_keeps_its_fields() {
        let text = "arn:aws:iam::111122223333:role/team/app+x";
        let arn: Arn = text.parse().unwrap();
        assert_eq!((arn.region(), arn.account(), arn.resource_name()), ("", "111122223333", "app+x"));
        assert_eq!(arn.to_string(), text);
    }

    #[test]
    fn what_is_no_arn_is_refused() {
        let long = format!("arn:aws:iam::111122223333:role/{}", "x".repeat(ARN_LIMIT));
        for (text, expected) in [
            ("", ArnError::Fields),
            ("arn:aws:iam::111122223333", ArnError::Fields),
            ("arn:aws:iam::111122223333:", ArnError::Fields),
            ("arn:aws:iam::1111:role/x", ArnError::Account),
            ("arn:aws:iam::111122223333:role/a b", ArnError::Characters),
            (long.as_str(), ArnError::TooLong),
        ] {
            assert_eq!(text.parse::<Arn>(), Err(expected), "{text}");
        }
    }
}
