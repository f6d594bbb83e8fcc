//! Where the resources are to be: an account, a region, and the partition that the region is in.

use super::error::SetupError;
use crate::session::endpoint;

/// An account and a region of AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    account: String,
    region: String,
    partition: &'static str,
}

impl Place {
    /// Takes an account of twelve digits and a region of a known partition.
    ///
    /// # Errors
    ///
    /// Fails if either is something else.
    pub fn new(account: &str, region: &str) -> Result<Self, SetupError> {
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(SetupError::value("account", account, "an account has twelve digits"));
        }
        // An area, a place and a number: a name that is cut off would make resources nowhere.
        let is_whole = region.split('-').count() >= 3
            && region
                .rsplit('-')
                .next()
                .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
        let partition = endpoint::partition(region).filter(|_| is_whole).ok_or_else(|| {
            SetupError::value("region", region, "no partition of AWS has regions of such a name")
        })?;
        Ok(Self { account: account.to_owned(), region: region.to_owned(), partition })
    }

    /// Returns the account: twelve digits.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Returns the region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns the partition: `aws`, `aws-cn`, `aws-us-gov`.
    pub const fn partition(&self) -> &'static str {
        self.partition
    }

    /// Returns the ARN of a role of the account.
    pub fn role_arn(&self, role: &str) -> String {
        format!("arn:{}:iam::{}:role/{role}", self.partition, self.account)
    }

    /// Returns the region in which the events of IAM, which has no region of its own, reach EventBridge.
    pub fn iam_region(&self) -> &str {
        match self.partition {
            "aws" => "us-east-1",
            "aws-cn" => "cn-north-1",
            "aws-us-gov" => "us-gov-west-1",
            // The others have one region, or do not say.
            _ => &self.region,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partition_follows_from_the_region() {
        for (region, partition, iam) in [
            ("eu-central-1", "aws", "us-east-1"),
            ("cn-northwest-1", "aws-cn", "cn-north-1"),
            ("us-gov-east-1", "aws-us-gov", "us-gov-west-1"),
            ("eusc-de-east-1", "aws-eusc", "eusc-de-east-1"),
        ] {
            let place = Place::new("111122223333", region).unwrap();
            assert_eq!((place.partition(), place.iam_region()), (partition, iam));
        }
        for (account, region) in [
            ("1111", "eu-central-1"),
            ("111122223333", "mars-1"),
            ("111122223333", "eu-central"),
            ("111122223333", "eu-central-"),
            ("111122223333", "eu-\""),
        ] {
            assert!(Place::new(account, region).is_err(), "{account} {region}");
        }
    }
}
