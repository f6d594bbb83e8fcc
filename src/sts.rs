//! STS: the identity of credentials, a second role assumed with the first, and narrower sessions of the same role.
//!
//! STS uses the query protocol: form requests signed with SigV4, XML answers.

pub mod error;
pub mod refusal;
pub mod request;
pub mod scope;
pub mod xml;

pub use error::StsError;
pub use refusal::{StsRefusal, StsRefusalKind};
pub use request::{AssumeRole, AssumeRoleError};
pub use scope::{Scope, ScopeError, ScopePolicy};

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::arn::Arn;
use crate::clock::{Clock, Timestamp};
use crate::credentials::{AccessKey, CredentialSet, KeyPair, LATEST_EXPIRATION, SessionCredentials};
use crate::http::{self, Budget, ExchangeError, Limits, Response, Service, Transport};
use crate::secret::Secret;
use crate::signing::canonical_request::canonical_query;
use crate::signing::{Endpoint, Method, Request, sigv4};

/// The API version in every request.
const VERSION: &str = "2011-06-15";

/// The identity behind credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The account: twelve digits.
    pub account: String,
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
    pub arn: Arn,
    /// `AROA…:SESSION`.
    pub user_id: String,
}

/// What AssumeRole or GetScopedCredentials granted, and what was learnt in the process.
#[derive(Debug)]
pub struct Granted {
    /// The credentials. The source identity and the subject are those of the first session.
    pub credential_set: CredentialSet,
    /// How many seconds this machine's clock is behind AWS's (negative if ahead), if the request had to be signed with
    /// corrected time; else the caller's value. Never to be stored.
    pub clock_offset: i64,
}

/// The requested operation.
#[derive(Clone, Copy)]
enum Operation<'a> {
    /// Who the caller is.
    Identity,
    /// A second role.
    Role(&'a AssumeRole),
    /// A narrower session.
    Scope(&'a Scope),
}

impl Operation<'_> {
    /// Returns the name of the operation.
    const fn action(self) -> &'static str {
        match self {
            Self::Identity => "GetCallerIdentity",
            Self::Role(_) => "AssumeRole",
            Self::Scope(_) => "GetScopedCredentials",
        }
    }
}

/// The secrets that a call sends or is signed with.
struct Sent<'a>([Option<&'a Secret<String>>; 3]);

impl<'a> Sent<'a> {
    fn of(operation: Operation<'a>, signer: KeyPair<'a>) -> Self {
        let external_id = match operation {
            Operation::Role(request) => request.external_id.as_ref(),
            Operation::Identity | Operation::Scope(_) => None,
        };
        Self([external_id, signer.session_token, Some(signer.secret_access_key)])
    }

    /// Returns a text of the answer without them: STS quotes a value that it rejects, and AWS all headers of a request whose signature is
    /// another one. To be called before the text is cut, which would leave a part.
    fn concealed(&self, text: &str) -> String {
        self.0.iter().flatten().fold(text.to_owned(), |text, secret| secret.concealed_in(&text))
    }
}

/// By how much a session may appear to outlive the one it was derived from: times are in whole seconds.
const ROUNDING: Duration = Duration::from_secs(1);

/// Where and how STS is called.
#[derive(Clone, Copy, Debug)]
pub struct Sts<'a, T> {
    /// The transport that sends the requests.
    pub transport: &'a T,
    /// The regional endpoint.
    pub endpoint: &'a Endpoint,
    /// The region of the signature's scope.
    pub region: &'a str,
    /// The limits of an exchange.
    pub limits: Limits,
    /// The clock.
    pub clock: &'a dyn Clock,
    /// How many seconds this clock is behind AWS's, if CreateSession found that out; else 0.
    pub clock_offset: i64,
}

impl<T: Transport> Sts<'_, T> {
    /// Asks for the identity behind these credentials. It needs no permission, and works even if a policy denies it.
    ///
    /// # Errors
    ///
    /// Fails if STS cannot be reached or refuses, or if its answer cannot be read.
    pub async fn caller_identity(
        &self,
        credentials: &SessionCredentials,
    ) -> Result<CallerIdentity, StsError> {
        let answer =
            self.call(credentials.into(), life(credentials), Operation::Identity, Vec::new()).await?;
        read_identity(&answer.0)
    }

    /// Asks for the identity behind an access key that may last, as [`Self::caller_identity`] does.
    ///
    /// # Errors
    ///
    /// As [`Self::caller_identity`].
    pub async fn key_identity(&self, key: &AccessKey) -> Result<CallerIdentity, StsError> {
        let always = Timestamp::MIN..=Timestamp::MAX;
        let answer = self.call(key.into(), always, Operation::Identity, Vec::new()).await?;
        read_identity(&answer.0)
    }

    /// Assumes a second role with the credentials of a first session (role chaining).
    /// The answer is used only if AWS can have sent its credentials ([`SessionCredentials::from_answer`]), and the role
    /// and the session name are the requested ones.
    ///
    /// # Errors
    /// Fails if STS cannot be reached or refuses, or if its answer contains no usable credentials for that role.
    pub async fn assume_role(
        &self,
        first: &CredentialSet,
        request: &AssumeRole,
    ) -> Result<Granted, StsError> {
        let role_session_name = request.session_name_after(first);
        let form = request.parameters(role_session_name);
        let (answer, clock_offset) = self
            .call((&first.credentials).into(), life(&first.credentials), Operation::Role(request), form)
            .await?;
        let result = xml::Document::parse(answer.body()).and_then(|xml| xml.inside("AssumeRoleResult"));
        let user = result.and_then(|result| result.inside("AssumedRoleUser"));
        let assumed_role_arn = user
            .and_then(|user| user.text("Arn"))
            .ok_or(StsError::Malformed { member: "AssumedRoleUser" })?;
        let expected = request.assumed_role_arn(role_session_name);
        if assumed_role_arn != expected {
            let sent = Sent::of(Operation::Role(request), (&first.credentials).into());
            return Err(StsError::OtherRole { asked: expected, granted: sent.concealed(&assumed_role_arn) });
        }
        let credential_set = CredentialSet {
            role_arn: request.role_arn.clone(),
            assumed_role_arn: Some(expected),
            source_identity: source_identity(result, first),
            subject_arn: first.subject_arn.clone(),
            credentials: self.credentials(result, clock_offset)?,
        };
        Ok(Granted { credential_set, clock_offset })
    }

    /// Narrows a session: the same role and session with fewer permissions, for a shorter time, or both.
    ///
    /// `length` is the requested part of the scope's duration, since the first session may end earlier; with `None`
    /// both end together. The answer is used only if AWS can have sent its credentials, they are of the same session,
    /// and they do not outlast it; and, if a policy was sent, only if the number of policies in the answer, if any, is
    /// not zero.
    ///
    /// # Errors
    ///
    /// Fails if STS cannot be reached or refuses, or if its answer contains no usable credentials for that session.
    pub async fn scoped_credentials(
        &self,
        first: &CredentialSet,
        scope: &Scope,
        length: Option<Duration>,
    ) -> Result<Granted, StsError> {
        let form = scope.parameters(length);
        let (answer, clock_offset) = self
            .call((&first.credentials).into(), life(&first.credentials), Operation::Scope(scope), form)
            .await?;
        let result =
            xml::Document::parse(answer.body()).and_then(|xml| xml.inside("GetScopedCredentialsResult"));
        let session = result.and_then(|result| result.inside("SessionInfo"));
        let arn = session
            .and_then(|session| session.text("Arn"))
            .ok_or(StsError::Malformed { member: "SessionInfo" })?;
        if let Some(own) = first.assumed_role_arn.as_ref().filter(|own| **own != arn) {
            let sent = Sent::of(Operation::Scope(scope), (&first.credentials).into());
            return Err(StsError::OtherRole { asked: own.clone(), granted: sent.concealed(&arn) });
        }
        let policies = result.and_then(|result| result.text("ScopedPoliciesCount"));
        if scope.policy().is_some() && policies.is_some_and(|count| count == "0") {
            return Err(StsError::Malformed { member: "ScopedPoliciesCount" });
        }
        let credentials = self.credentials(result, clock_offset)?;
        if credentials.expiration > first.credentials.expiration.plus(ROUNDING) {
            return Err(StsError::Malformed { member: "Expiration" });
        }
        let credential_set = CredentialSet {
            role_arn: first.role_arn.clone(),
            assumed_role_arn: first.assumed_role_arn.clone(),
            source_identity: source_identity(result, first),
            subject_arn: first.subject_arn.clone(),
            credentials,
        };
        Ok(Granted { credential_set, clock_offset })
    }

    /// Returns the credentials in an operation's result.
    fn credentials(
        &self,
        result: Option<xml::Document<'_>>,
        clock_offset: i64,
    ) -> Result<SessionCredentials, StsError> {
        let granted = result.and_then(|result| result.inside("Credentials"));
        let read =
            |member| granted.and_then(|granted| granted.plain(member)).ok_or(StsError::Malformed { member });
        Ok(SessionCredentials::from_answer(
            read("AccessKeyId")?,
            read("SecretAccessKey")?,
            read("SessionToken")?,
            read("Expiration")?,
            self.now(clock_offset),
        )?)
    }

    /// Sends one call, a second time if a refusal shows that this clock is wrong; returns the answer and the clock
    /// offset.
    async fn call(
        &self,
        credentials: KeyPair<'_>,
        life: RangeInclusive<Timestamp>,
        operation: Operation<'_>,
        parameters: Vec<(String, String)>,
    ) -> Result<(Response, i64), StsError> {
        let mut form = vec![
            (String::from("Action"), operation.action().to_owned()),
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
        let mut budget = Budget::start(Service::Sts, self.endpoint, self.limits);
        let answer = self.exchange(&mut budget, &request, credentials, self.clock_offset).await?;
        // Times outside the life of a session are implausible.
        let Some(further) = http::clock_offset(&answer, self.now(self.clock_offset), &life) else {
            return Ok((accepted(operation, credentials, answer)?, self.clock_offset));
        };
        let offset = self.clock_offset.saturating_add(further);
        // A second refusal is reported unchanged; if the second request gets no answer at all, the first refusal is
        // more informative.
        match self.exchange(&mut budget, &request, credentials, offset).await {
            Ok(second) => Ok((accepted(operation, credentials, second)?, offset)),
            Err(_) => Ok((accepted(operation, credentials, answer)?, self.clock_offset)),
        }
    }

    async fn exchange(
        &self,
        budget: &mut Budget,
        request: &Request,
        credentials: KeyPair<'_>,
        offset: i64,
    ) -> Result<Response, StsError> {
        let sign = || sigv4::sign(request.clone(), credentials, "sts", self.region, self.now(offset));
        budget.exchange(self.transport, sign).await.map_err(|error| match error {
            ExchangeError::NoAnswer(error) => StsError::NoAnswer(error),
            ExchangeError::Signing(error) => StsError::Signing(error),
        })
    }

    fn now(&self, offset: i64) -> Timestamp {
        Timestamp::from_unix_seconds(self.clock.now().unix_seconds().saturating_add(offset))
    }
}

/// Reads the answer of GetCallerIdentity.
fn read_identity(answer: &Response) -> Result<CallerIdentity, StsError> {
    let result = xml::Document::parse(answer.body()).and_then(|xml| xml.inside("GetCallerIdentityResult"));
    let read = |member| result.as_ref().and_then(|result| result.text(member));
    let account = read("Account")
        .filter(|account| account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()))
        .ok_or(StsError::Malformed { member: "Account" })?;
    let arn = read("Arn").and_then(|arn| arn.parse().ok()).ok_or(StsError::Malformed { member: "Arn" })?;
    let user_id = read("UserId")
        .filter(|id| (1..=256).contains(&id.len()))
        .ok_or(StsError::Malformed { member: "UserId" })?;
    Ok(CallerIdentity { account: account.into_owned(), arn, user_id: user_id.into_owned() })
}

/// Returns when credentials can have been used: a session was granted to a certificate that was valid then.
fn life(credentials: &SessionCredentials) -> RangeInclusive<Timestamp> {
    credentials.expiration.minus(LATEST_EXPIRATION)..=credentials.expiration
}

/// Returns the source identity in the answer; else that of the first session, which persists.
fn source_identity(result: Option<xml::Document<'_>>, first: &CredentialSet) -> Option<String> {
    let told = result.and_then(|result| result.text("SourceIdentity"));
    told.map(Into::into).or_else(|| first.source_identity.clone())
}

/// Returns the answer if it is a success.
fn accepted(operation: Operation<'_>, signer: KeyPair<'_>, answer: Response) -> Result<Response, StsError> {
    if (200..300).contains(&answer.status()) {
        Ok(answer)
    } else {
        Err(refusal::read(operation, &Sent::of(operation, signer), &answer))
    }
}
