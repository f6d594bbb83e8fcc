//! IAM: when an access key was last used, and what ends it.
//!
//! Three operations for an operator who retires a key: [GetAccessKeyLastUsed], [UpdateAccessKey], [DeleteAccessKey]. IAM uses the
//! query protocol of STS; each partition has one endpoint, and one region that its signatures name.
//!
//! [GetAccessKeyLastUsed]: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccessKeyLastUsed.html
//! [UpdateAccessKey]: https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccessKey.html
//! [DeleteAccessKey]: https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccessKey.html

mod error;

pub use error::{IDS, IamError};

use crate::clock::{Clock, Timestamp};
use crate::credentials::AccessKey;
use crate::http::{self, Budget, ExchangeError, Limits, Response, Service, Transport};
use crate::signing::canonical_request::canonical_query;
use crate::signing::{Endpoint, EndpointError, Method, Request, sigv4};
use crate::sts::xml::Document;

/// The API version in every request.
const VERSION: &str = "2010-05-08";

/// Whether a key is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStatus {
    /// It is.
    Active,
    /// It is refused, until it is active again.
    Inactive,
}

impl KeyStatus {
    /// Returns IAM's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Inactive => "Inactive",
        }
    }
}

/// Whose a key is, and when it was last used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastUsed {
    /// The user.
    pub user: Option<String>,
    /// When; `None` where it never was, or not since April 2015. IAM is some minutes late.
    pub at: Option<Timestamp>,
    /// With which service: `s3`.
    pub service: Option<String>,
}

/// Where and how IAM is called, and by whom.
#[derive(Debug)]
pub struct Iam<'a, T> {
    /// The transport that sends the requests.
    pub transport: &'a T,
    /// The partition's endpoint.
    pub endpoint: &'a Endpoint,
    /// The region of the signature's scope.
    pub region: &'a str,
    /// The limits of an exchange.
    pub limits: Limits,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// The operator's key.
    pub operator: &'a AccessKey,
}

/// Returns the endpoint of IAM in a partition and the region that signatures for it name; `url` replaces the endpoint.
///
/// # Errors
///
/// Fails if `url` is not usable.
pub fn endpoint(partition: &str, url: Option<&str>) -> Result<(Endpoint, &'static str), EndpointError> {
    // As in botocore's endpoints.json.
    let (host, region) = match partition {
        "aws-cn" => ("iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        "aws-us-gov" => ("iam.us-gov.amazonaws.com", "us-gov-west-1"),
        "aws-eusc" => ("iam.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        "aws-iso" => ("iam.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
        "aws-iso-b" => ("iam.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"),
        "aws-iso-e" => ("iam.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1"),
        "aws-iso-f" => ("iam.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1"),
        _ => ("iam.amazonaws.com", "us-east-1"),
    };
    let endpoint = match url {
        Some(url) => Endpoint::parse(url)?,
        None => Endpoint::https(host.to_owned()),
    };
    Ok((endpoint, region))
}

impl<T: Transport> Iam<'_, T> {
    /// Asks when a key was last used, and whose it is.
    ///
    /// # Errors
    ///
    /// Fails if IAM cannot be reached or refuses, or if its answer cannot be read.
    pub async fn last_used(&self, access_key_id: &str) -> Result<LastUsed, IamError> {
        let answer = self.call("GetAccessKeyLastUsed", &[("AccessKeyId", access_key_id)]).await?;
        let malformed = IamError::Malformed { member: "GetAccessKeyLastUsedResult" };
        let result = Document::parse(answer.body()).and_then(|xml| xml.inside("GetAccessKeyLastUsedResult"));
        let result = result.ok_or(malformed)?;
        let told = |member| result.text(member).map(String::from).filter(|text| text != "N/A");
        let at = told("LastUsedDate").map(|text| {
            Timestamp::parse_rfc3339(&text).ok_or(IamError::Malformed { member: "LastUsedDate" })
        });
        Ok(LastUsed { user: told("UserName"), at: at.transpose()?, service: told("ServiceName") })
    }

    /// Has a key accepted or refused from now on. It takes effect within seconds, not at once.
    ///
    /// # Errors
    ///
    /// Fails if IAM cannot be reached or refuses.
    pub async fn set_status(
        &self,
        access_key_id: &str,
        user: Option<&str>,
        status: KeyStatus,
    ) -> Result<(), IamError> {
        let mut parameters = vec![("AccessKeyId", access_key_id), ("Status", status.as_str())];
        parameters.extend(user.map(|user| ("UserName", user)));
        self.call("UpdateAccessKey", &parameters).await.map(drop)
    }

    /// Deletes a key for ever.
    ///
    /// # Errors
    ///
    /// Fails if IAM cannot be reached or refuses.
    pub async fn delete(&self, access_key_id: &str, user: Option<&str>) -> Result<(), IamError> {
        let mut parameters = vec![("AccessKeyId", access_key_id)];
        parameters.extend(user.map(|user| ("UserName", user)));
        self.call("DeleteAccessKey", &parameters).await.map(drop)
    }

    /// Sends one call, a second time if a refusal shows that this clock is wrong.
    async fn call(&self, action: &'static str, parameters: &[(&str, &str)]) -> Result<Response, IamError> {
        let mut form = vec![(String::from("Action"), action.to_owned())];
        form.push((String::from("Version"), String::from(VERSION)));
        form.extend(parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let content_type = "application/x-www-form-urlencoded; charset=utf-8";
        let request = Request {
            method: Method::Post,
            endpoint: self.endpoint.clone(),
            path: String::from("/"),
            query: Vec::new(),
            headers: vec![(String::from("content-type"), String::from(content_type))],
            body: canonical_query(&form).into_bytes(),
        };
        let mut budget = Budget::start(Service::Iam, self.endpoint, self.limits);
        let answer = self.exchange(&mut budget, &request, 0).await?;
        let always = Timestamp::MIN..=Timestamp::MAX;
        let answer = match http::clock_offset(&answer, self.clock.now(), &always) {
            None => answer,
            // If the second request gets no answer at all, the first refusal is more informative.
            Some(offset) => self.exchange(&mut budget, &request, offset).await.unwrap_or(answer),
        };
        if (200..300).contains(&answer.status()) { Ok(answer) } else { Err(error::read(action, &answer)) }
    }

    async fn exchange(
        &self,
        budget: &mut Budget,
        request: &Request,
        offset: i64,
    ) -> Result<Response, IamError> {
        let now = || Timestamp::from_unix_seconds(self.clock.now().unix_seconds().saturating_add(offset));
        let sign = || sigv4::sign(request.clone(), self.operator, "iam", self.region, now());
        budget.exchange(self.transport, sign).await.map_err(|error| match error {
            ExchangeError::NoAnswer(error) => IamError::NoAnswer(error),
            ExchangeError::Signing(error) => IamError::Signing(error),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_has_one_endpoint() {
        let host = |partition| {
            let (endpoint, region) = endpoint(partition, None).unwrap();
            format!("{endpoint} {region}")
        };
        assert_eq!(host("aws"), "https://iam.amazonaws.com us-east-1");
        assert_eq!(host("aws-cn"), "https://iam.cn-north-1.amazonaws.com.cn cn-north-1");
        assert_eq!(host("aws-us-gov"), "https://iam.us-gov.amazonaws.com us-gov-west-1");
        let own = endpoint("aws", Some("http://127.0.0.1:5000")).unwrap();
        assert_eq!((own.0.to_string().as_str(), own.1), ("http://127.0.0.1:5000", "us-east-1"));
        assert!(endpoint("aws", Some("http://iam.example")).is_err());
    }
}
