//! What an endpoint offers: sessions, who may ask for each, and their paths.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::AUTHORIZATION;
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde::Serialize;

use super::answer::{self, Answer};
use super::caller::{Allowed, Caller, Verdict};
use super::imds::{self, TokenIssuer};
use super::refresher::{Refresher, SessionHealth};
use super::request_check::{self, Refusal, only};
use super::token::{NoRandomness, Token};
use crate::arn::RoleArn;
use crate::cache::CacheEntry;

/// The path of a session's credentials, without its name.
const CREDENTIALS: &str = "/v1/credentials/";
/// The path that reports how long each session remains valid.
const HEALTH: &str = "/healthz";
/// How long the name service may take to find a user's groups.
const NAMES_TIME: Duration = Duration::from_secs(2);

/// A session on offer.
#[derive(Debug)]
pub struct Offer {
    /// Its name, the last part of the container path.
    pub name: String,
    /// Its last hop's role.
    pub role_arn: RoleArn,
    /// The region reported to SDKs.
    pub region: String,
    /// The session itself, kept fresh.
    pub refresher: Arc<Refresher>,
    /// The token that the container path requires.
    pub token: Arc<Token>,
    /// Who may ask.
    pub allowed: Allowed,
    /// The document of the last answer.
    pub last_document: LastDocument,
}

/// The document of the last answer, reused for as long as the session is the same.
#[derive(Default)]
pub struct LastDocument(Mutex<Option<(Arc<CacheEntry>, Bytes)>>);

impl fmt::Debug for LastDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answered").finish_non_exhaustive()
    }
}

impl LastDocument {
    fn document(&self, entry: Arc<CacheEntry>) -> Bytes {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((known, document)) if Arc::ptr_eq(known, &entry) => document.clone(),
            Some(_) | None => {
                let document = answer::document_of(&entry);
                *last = Some((entry, document.clone()));
                document
            }
        }
    }
}

impl Offer {
    /// Returns the path of its credentials.
    pub fn path(&self) -> String {
        format!("{CREDENTIALS}{}", self.name)
    }

    /// Returns the role's name without its path.
    fn role_name(&self) -> &str {
        let resource = self.role_arn.arn().resource();
        resource.rsplit('/').next().unwrap_or(resource)
    }
}

/// The metadata service of an endpoint. Its tokens outlive a change of the sessions.
#[derive(Clone)]
pub struct MetadataService(Arc<TokenIssuer>);

impl fmt::Debug for MetadataService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetadataService").finish_non_exhaustive()
    }
}

impl MetadataService {
    /// Creates one whose tokens are valid in this process.
    ///
    /// # Errors
    ///
    /// Fails if the system provides no random numbers.
    pub fn new() -> Result<Self, NoRandomness> {
        Ok(Self(Arc::new(TokenIssuer::new()?)))
    }
}

/// Everything that an endpoint offers.
#[derive(Debug)]
pub struct Site {
    /// The sessions, in the order of the command line.
    pub offers: Vec<Offer>,
    /// The metadata service, if there is one.
    pub metadata_service: Option<MetadataService>,
}

/// Where a request arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    /// At this address of the host.
    Address(SocketAddr),
    /// At a socket in the file system.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there is no such socket"))]
    File,
    /// At an address that other hosts can reach: credentials by token, and nothing else.
    Remote,
}

/// The result of a request, for the log.
pub(super) enum Outcome<'a> {
    /// Credentials were handed out.
    HandedOut { offer: &'a Offer, access_key_id: String, way: &'static str },
    /// The answer was not secret, or was that there is no session.
    WithoutCredentials,
    /// The request was refused.
    Refused(Refusal),
}

impl Site {
    /// Returns at once whether a caller may ask for any session; `None` if the name service has to be asked.
    pub(super) fn knows(&self, caller: &Caller) -> Option<bool> {
        let verdicts = self.offers.iter().map(|offer| offer.allowed.verdict(caller));
        let mut unknown = false;
        for verdict in verdicts {
            match verdict {
                Verdict::Yes => return Some(true),
                Verdict::No => {}
                Verdict::AskGroups(_) => unknown = true,
            }
        }
        if unknown { None } else { Some(false) }
    }

    /// Returns the sessions that a caller may ask for.
    pub(super) async fn offers_for(self: &Arc<Self>, caller: Caller) -> Vec<usize> {
        let decide = |groups: bool| {
            let site = Arc::clone(self);
            move || {
                let may = |offer: &Offer| match offer.allowed.verdict(&caller) {
                    Verdict::Yes => true,
                    Verdict::No => false,
                    Verdict::AskGroups(user) => groups && offer.allowed.has_member(user),
                };
                (0..site.offers.len()).filter(|index| site.offers.get(*index).is_some_and(may)).collect()
            }
        };
        let asks =
            self.offers.iter().any(|offer| matches!(offer.allowed.verdict(&caller), Verdict::AskGroups(_)));
        if !asks {
            return decide(false)();
        }
        // A name service that hangs must not hold up others.
        match tokio::time::timeout(NAMES_TIME, tokio::task::spawn_blocking(decide(true))).await {
            Ok(Ok(offers)) => offers,
            Ok(Err(_)) | Err(_) => decide(false)(),
        }
    }

    /// Answers the request of a caller who may ask for some of the sessions; it does not reveal that there are others.
    pub(super) async fn answer(
        &self,
        mine: &[usize],
        caller: &Caller,
        channel: Channel,
        head: &Parts,
    ) -> (Answer, Outcome<'_>) {
        match self.route(mine, caller, channel, head).await {
            Ok(done) => done,
            Err(refusal) => (answer::refuse(refusal), Outcome::Refused(refusal)),
        }
    }

    async fn route(
        &self,
        mine: &[usize],
        caller: &Caller,
        channel: Channel,
        head: &Parts,
    ) -> Result<(Answer, Outcome<'_>), Refusal> {
        let local = match channel {
            Channel::Address(local) => Some(local),
            Channel::File | Channel::Remote => None,
        };
        request_check::check(head, local)?;
        let offers = || mine.iter().filter_map(|index| self.offers.get(*index));
        let path = head.uri.path();
        if let Some(name) = path.strip_prefix(CREDENTIALS) {
            only_method(head, &Method::GET)?;
            let offer = match channel {
                // The kernel identified the caller; there is no token to steal.
                Channel::File => offers().find(|offer| offer.name == name).ok_or(Refusal::Path)?,
                Channel::Address(_) | Channel::Remote => {
                    let token = only(&head.headers, &AUTHORIZATION).ok_or(Refusal::Token)?;
                    let is_its = |offer: &&Offer| offer.token.is(token.as_bytes());
                    // Without a token no name is revealed.
                    offers()
                        .find(is_its)
                        .ok_or(Refusal::Token)
                        .and_then(|offer| if offer.name == name { Ok(offer) } else { Err(Refusal::Path) })?
                }
            };
            let way = match channel {
                Channel::Address(_) => "container",
                Channel::File => "socket",
                Channel::Remote => "container-tls",
            };
            return Ok(hand_out(offer, way).await);
        }
        // It needs no token, so it is only for callers that the system identifies.
        if path == HEALTH && matches!(caller, Caller::User(_)) {
            only_method(head, &Method::GET)?;
            return Ok((health(offers()), Outcome::WithoutCredentials));
        }
        let (MetadataService(token_issuer), Channel::Address(_)) =
            (self.metadata_service.as_ref().ok_or(Refusal::Path)?, channel)
        else {
            return Err(Refusal::Path);
        };
        let asked = imds::path(path).ok_or(Refusal::Path)?;
        if asked == imds::Path::Token {
            only_method(head, &Method::PUT)?;
            let wanted = only(&head.headers, &imds::TTL).and_then(|ttl| imds::wanted_seconds(ttl.as_bytes()));
            let seconds = wanted.ok_or(Refusal::Malformed)?;
            let token = answer::text(token_issuer.token(caller.user(), seconds));
            return Ok((with_ttl(token, seconds), Outcome::WithoutCredentials));
        }
        only_method(head, &Method::GET)?;
        let remaining = only(&head.headers, &imds::TOKEN)
            .and_then(|token| token_issuer.remaining(token.as_bytes(), caller.user()))
            .ok_or(Refusal::Token)?;
        // An instance has one role; here it is that of the first session that this caller may have.
        let offer = offers().next().ok_or(Refusal::Path)?;
        let (told, outcome) = match asked {
            imds::Path::Token => return Err(Refusal::Path),
            imds::Path::RoleList => (answer::text(offer.role_name().to_owned()), Outcome::WithoutCredentials),
            imds::Path::Credentials(role) if role == offer.role_name() => hand_out(offer, "imds").await,
            imds::Path::Credentials(_) => return Err(Refusal::Path),
            imds::Path::Region => (answer::text(offer.region.clone()), Outcome::WithoutCredentials),
            imds::Path::AvailabilityZone => {
                (answer::text(imds::zone(&offer.region)), Outcome::WithoutCredentials)
            }
            imds::Path::IdentityDocument => {
                let document = imds::IdentityDocument {
                    account_id: offer.role_arn.arn().account(),
                    availability_zone: imds::zone(&offer.region),
                    region: &offer.region,
                    version: imds::DOCUMENT_VERSION,
                };
                (answer::document(StatusCode::OK, &document), Outcome::WithoutCredentials)
            }
        };
        Ok((with_ttl(told, remaining), outcome))
    }
}

async fn hand_out<'a>(offer: &'a Offer, way: &'static str) -> (Answer, Outcome<'a>) {
    match offer.refresher.current().await {
        Ok(entry) => {
            let access_key_id = entry.credential_set.credentials.access_key_id.clone();
            (
                answer::credentials(offer.last_document.document(entry)),
                Outcome::HandedOut { offer, access_key_id, way },
            )
        }
        Err(reason) => (answer::no_credentials(&reason), Outcome::WithoutCredentials),
    }
}

fn only_method(head: &Parts, method: &Method) -> Result<(), Refusal> {
    let allowed = if *method == Method::PUT { "PUT" } else { "GET" };
    if head.method == *method { Ok(()) } else { Err(Refusal::Method(allowed)) }
}

fn with_ttl(mut answer: Answer, seconds: u64) -> Answer {
    answer.headers_mut().insert(imds::TTL, seconds.into());
    answer
}

/// How long a session remains valid.
#[derive(Serialize)]
struct Health<'a> {
    name: &'a str,
    role_arn: String,
    expiration: Option<String>,
    /// Why it could not be renewed.
    failure: Option<String>,
}

fn health<'a>(offers: impl Iterator<Item = &'a Offer>) -> Answer {
    let sessions: Vec<Health<'_>> = offers
        .map(|offer| {
            let SessionHealth { usable_until, failure } = offer.refresher.health();
            Health {
                name: &offer.name,
                role_arn: offer.role_arn.to_string(),
                expiration: usable_until.map(|until| until.to_string()),
                failure: failure.map(|failure| failure.to_string()),
            }
        })
        .collect();
    let good = sessions.iter().all(|session| session.expiration.is_some());
    let status = if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer::document(status, &serde_json::json!({ "sessions": sessions }))
}
