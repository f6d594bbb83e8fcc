//! STS: who are these credentials, and a second role by means of the first.
//!
//! STS speaks the query protocol: a form goes out, XML comes back, signed with SigV4.

pub mod error;
pub mod xml;

use std::time::Duration;

pub use error::StsError;

use crate::arn::{Arn, RoleArn};
use crate::clock::Clock;
use crate::credentials::{CredentialSet, SessionCredentials};
use crate::http::{Budget, ExchangeError, Limits, Response, Transport};
use crate::secret::Secret;
use crate::signing::canonical_request::canonical_query;
use crate::signing::{Endpoint, Method, Request, sigv4};

/// The version of the API that every request names.
const VERSION: &str = "2011-06-15";

/// Whom credentials stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The account: twelve digits.
    pub account: String,
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
    pub arn: Arn,
    /// `AROA…:SESSION`.
    pub user_id: String,
}

/// A role to be assumed with the credentials of a session (role chaining): one hour at most, says AWS.
#[derive(Debug)]
pub struct AssumeRole {
    /// The role.
    pub role_arn: RoleArn,
    /// The name shown in CloudTrail.
    pub role_session_name: String,
    /// The requested length; `None` is an hour.
    pub session_duration: Option<Duration>,
    /// What the role's owner agreed on with its user; worth keeping to oneself.
    pub external_id: Option<Secret<String>>,
    /// Session tags, names and values.
    pub tags: Vec<(String, String)>,
}

/// Where and how STS is called.
#[derive(Clone, Copy, Debug)]
pub struct Sts<'a, T> {
    /// What sends the requests.
    pub transport: &'a T,
    /// The regional endpoint.
    pub endpoint: &'a Endpoint,
    /// The region of the signature's scope.
    pub region: &'a str,
    /// What an exchange may spend.
    pub limits: Limits,
    /// The present.
    pub clock: &'a dyn Clock,
    /// The seconds that this clock is behind AWS's, where CreateSession found that out.
    pub clock_offset: i64,
}

impl<T: Transport> Sts<'_, T> {
    /// Asks who these credentials are. It needs no permission, and works even where a policy denies it.
    ///
    /// # Errors
    ///
    /// Fails if STS cannot be reached or refuses, or if its answer cannot be read.
    pub async fn caller_identity(
        &self,
        credentials: &SessionCredentials,
    ) -> Result<CallerIdentity, StsError> {
        let answer = self.call(credentials, "GetCallerIdentity", Vec::new()).await?;
        let result =
            xml::Document::parse(answer.body()).and_then(|xml| xml.inside("GetCallerIdentityResult"));
        let read = |member| result.as_ref().and_then(|result| result.text(member));
        let account = read("Account")
            .filter(|account| account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()))
            .ok_or(StsError::Malformed { member: "Account" })?;
        let arn =
            read("Arn").and_then(|arn| arn.parse().ok()).ok_or(StsError::Malformed { member: "Arn" })?;
        let user_id = read("UserId")
            .filter(|id| (1..=256).contains(&id.len()))
            .ok_or(StsError::Malformed { member: "UserId" })?;
        Ok(CallerIdentity { account: account.into_owned(), arn, user_id: user_id.into_owned() })
    }

    /// Assumes a role with the credentials of a session.
    ///
    /// # Errors
    ///
    /// Fails if STS cannot be reached or refuses, or if its answer holds no usable credentials.
    pub async fn assume_role(
        &self,
        credentials: &SessionCredentials,
        request: &AssumeRole,
    ) -> Result<CredentialSet, StsError> {
        let answer = self.call(credentials, "AssumeRole", parameters(request)).await?;
        let result = xml::Document::parse(answer.body()).and_then(|xml| xml.inside("AssumeRoleResult"));
        let granted = result.as_ref().and_then(|result| result.inside("Credentials"));
        let read = |member| {
            granted.as_ref().and_then(|granted| granted.plain(member)).ok_or(StsError::Malformed { member })
        };
        let now = self.now();
        let credentials = SessionCredentials::from_answer(
            read("AccessKeyId")?,
            read("SecretAccessKey")?,
            read("SessionToken")?,
            read("Expiration")?,
            now,
        )?;
        let user = result.as_ref().and_then(|result| result.inside("AssumedRoleUser"));
        let text =
            |part: Option<xml::Document<'_>>, member| part.and_then(|part| part.text(member).map(Into::into));
        Ok(CredentialSet {
            role_arn: request.role_arn.clone(),
            assumed_role_arn: text(user, "Arn"),
            source_identity: text(result, "SourceIdentity"),
            subject_arn: None,
            credentials,
        })
    }

    async fn call(
        &self,
        credentials: &SessionCredentials,
        action: &str,
        parameters: Vec<(String, String)>,
    ) -> Result<Response, StsError> {
        let mut form = vec![
            (String::from("Action"), action.to_owned()),
            (String::from("Version"), String::from(VERSION)),
        ];
        form.extend(parameters);
        let request = Request {
            method: Method::Post,
            endpoint: self.endpoint.clone(),
            path: String::from("/"),
            query: Vec::new(),
            headers: vec![(
                String::from("content-type"),
                String::from("application/x-www-form-urlencoded; charset=utf-8"),
            )],
            body: canonical_query(&form).into_bytes(),
        };
        let mut budget = Budget::start(self.limits);
        let sign = || sigv4::sign(request.clone(), credentials, "sts", self.region, self.now());
        let answer = budget.exchange(self.transport, sign).await.map_err(|error| match error {
            ExchangeError::Deadline => StsError::Deadline { after: self.limits.deadline },
            ExchangeError::Signing(error) => StsError::Signing(error),
            ExchangeError::Transport(source) => {
                StsError::Unreachable { endpoint: self.endpoint.to_string(), source }
            }
        })?;
        if (200..300).contains(&answer.status()) { Ok(answer) } else { Err(error::refusal(action, &answer)) }
    }

    fn now(&self) -> crate::clock::Timestamp {
        let now = self.clock.now();
        crate::clock::Timestamp::from_unix_seconds(now.unix_seconds().saturating_add(self.clock_offset))
    }
}

fn parameters(request: &AssumeRole) -> Vec<(String, String)> {
    let mut parameters = vec![
        (String::from("RoleArn"), request.role_arn.to_string()),
        (String::from("RoleSessionName"), request.role_session_name.clone()),
    ];
    if let Some(duration) = request.session_duration {
        parameters.push((String::from("DurationSeconds"), duration.as_secs().to_string()));
    }
    if let Some(external_id) = &request.external_id {
        parameters.push((String::from("ExternalId"), external_id.expose().clone()));
    }
    for (number, (name, value)) in (1..).zip(&request.tags) {
        parameters.push((format!("Tags.member.{number}.Key"), name.clone()));
        parameters.push((format!("Tags.member.{number}.Value"), value.clone()));
    }
    parameters
}
