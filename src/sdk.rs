//! Credentials of IAM Roles Anywhere for the [AWS SDK for Rust], without a process for each call.
//!
//! [`Credentials`] is a [`ProvideCredentials`]: hand it to `aws_config`, or to the configuration of a client.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use anyrole::sdk::Credentials;
//! use aws_credential_types::provider::ProvideCredentials as _;
//!
//! // The session that is called [session.deploy] in anyrole's configuration, as `anyrole credential-process deploy` has it.
//! let deploy = Credentials::session("deploy")?;
//!
//! // With the crate aws-config:
//! // let config = aws_config::defaults(BehaviorVersion::latest()).credentials_provider(deploy).load().await;
//! // And without it:
//! let credentials = deploy.provide_credentials().await?;
//! println!("{} until {:?}", credentials.access_key_id(), credentials.expiry());
//! # Ok(())
//! # }
//! ```
//!
//! A program that has no configuration of anyrole gives the values itself:
//!
//! ```no_run
//! # fn example() -> Result<(), anyrole::sdk::Error> {
//! use std::time::Duration;
//!
//! use anyrole::sdk::Credentials;
//!
//! let credentials = Credentials::builder()
//!     .certificate("/etc/anyrole/host.pem")
//!     .private_key("/etc/anyrole/host.key")
//!     .trust_anchor_arn("arn:aws:rolesanywhere:eu-west-1:111122223333:trust-anchor/cec37ea8-1d61-4a0b-9d4d-5a9a7d0b3c5e")
//!     .profile_arn("arn:aws:rolesanywhere:eu-west-1:111122223333:profile/0cf78ecd-38cc-4a0b-8d0d-6d1b1f5a7c2e")
//!     .role_arn("arn:aws:iam::111122223333:role/deploy")
//!     .session_duration(Duration::from_secs(3600))
//!     .build()?;
//! # Ok(())
//! # }
//! ```
//!
//! # What holds
//!
//! - The session is kept where the program keeps it, under the same name: the keyring, or an encrypted file. Of all processes of the
//!   user that need it at once, by this crate or by the program, one asks AWS, and the others have its answer.
//! - A new session is made when less than `min(20 minutes, half of its lifetime)` is left. If that fails while the old one still
//!   works, the old one is the answer; after a refusal nobody asks for a while. The SDK's own cache asks again shortly before the
//!   expiry that it is told.
//! - The work runs on threads of its own, one call at a time for a [`Credentials`] and its clones, and needs no particular async
//!   runtime. The setting `timeout` bounds it: 45 seconds unless it says otherwise. A caller who stops waiting loses nothing: the
//!   session is there for the next one, and until then the SDK falls back to the last credentials that work.
//! - Nothing is written to standard output or standard error, no signal is handled, no variable is set, and nobody is asked for a
//!   password or PIN: [`Builder::setting`] says where it is.
//! - Every failure is an [`Error`], which says what failed, why, and what to do, without a secret. The SDK gets it as the source of its
//!   `CredentialsError`: `InvalidConfiguration` if the configuration or the values must be changed, else `ProviderError`.
//!
//! [AWS SDK for Rust]: https://docs.aws.amazon.com/sdk-for-rust/latest/dg/credproviders.html

mod builder;
mod error;
mod flight;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials as AwsCredentials;
use aws_credential_types::provider::{ProvideCredentials, future};

pub use builder::Builder;
pub use error::Error;

use crate::cache::CacheEntry;
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::env::Environment;
use crate::provider::{MinimumRemaining, Provider, SessionSource};
use crate::settings::provider;
use flight::Flights;

/// What the SDK calls the source of the credentials.
const PROVIDER_NAME: &str = "anyrole";

/// Credentials of one session, new or from the cache that all processes of the user share.
///
/// Clones share everything. The `Debug` text names the session and the role, and holds no secret.
#[derive(Clone)]
pub struct Credentials {
    shared: Arc<Shared>,
}

struct Shared {
    session: Session,
    flights: Flights,
}

/// One session, and how it is had.
struct Session {
    /// Its name in the configuration, if it has one.
    name: Option<String>,
    provider: Provider<Box<dyn SessionSource>>,
    env: Environment,
}

impl Credentials {
    /// Returns the credentials of a session of anyrole's configuration, `[session.NAME]`, with the settings that the program would use.
    ///
    /// The configuration is read now, and not again.
    ///
    /// # Errors
    ///
    /// Fails if there is no such session, or if a setting of it cannot be used.
    pub fn session(name: impl Into<String>) -> Result<Self, Error> {
        Self::builder().session(name).build()
    }

    /// Starts with nothing, so that every value is given by the caller.
    pub fn builder() -> Builder {
        Builder::default()
    }

    fn new(session: Session) -> Self {
        Self { shared: Arc::new(Shared { session, flights: Flights::default() }) }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Session { name, provider, env: _ } = &self.shared.session;
        f.debug_struct("Credentials")
            .field("session", name)
            .field("role_arn", &provider.spec().request.role_arn.to_string())
            .finish_non_exhaustive()
    }
}

impl ProvideCredentials for Credentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move {
            let shared = Arc::clone(&self.shared);
            let answer = self.shared.flights.join(move || shared.session.credentials()).await;
            answer.map_err(Error::into_credentials_error)
        })
    }

    /// Returns the last credentials while they work, for a caller whose patience ends before a new session is there.
    fn fallback_on_interrupt(&self) -> Option<AwsCredentials> {
        self.shared.flights.last_good(of(SystemClock.now()))
    }
}

impl Session {
    /// Returns credentials as the SDK has them. Blocks for as long as it takes.
    fn credentials(&self) -> Result<AwsCredentials, Error> {
        let Self { name, provider, env } = self;
        match provider.session(MinimumRemaining::Window) {
            Ok(entry) => Ok(converted(&entry)),
            Err(error) => Err(provider::failure_of(error, provider, name.as_deref(), env).into()),
        }
    }
}

/// Converts a session. The expiry is by this host's clock, because the SDK compares it with that.
fn converted(entry: &CacheEntry) -> AwsCredentials {
    let credentials = &entry.credential_set.credentials;
    AwsCredentials::builder()
        .access_key_id(&credentials.access_key_id)
        .secret_access_key(credentials.secret_access_key.expose())
        .session_token(credentials.session_token.expose())
        .expiry(of(entry.usable_until))
        .account_id(entry.account_id())
        .provider_name(PROVIDER_NAME)
        .build()
}

/// Converts a time, which here is never before 1970.
fn of(time: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(time.unix_seconds()).unwrap_or(0))
}
