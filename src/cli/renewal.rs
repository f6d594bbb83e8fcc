//! A session that a command renews for as long as it runs.

use super::report;
use crate::cache::CacheEntry;
use crate::provider::{MinimumRemaining, Provider, SessionSource};
use crate::server::Source;

/// Called with the result of each attempt.
pub(super) type AttemptListener = Box<dyn Fn(Result<&CacheEntry, &str>) + Send + Sync>;

/// The provider of a session, as the source of what keeps it fresh.
pub(super) struct Renewal {
    provider: Provider<Box<dyn SessionSource>>,
    listener: AttemptListener,
}

impl Renewal {
    pub(super) fn new(provider: Provider<Box<dyn SessionSource>>, listener: AttemptListener) -> Self {
        Self { provider, listener }
    }
}

impl Source for Renewal {
    fn session(&self) -> Result<CacheEntry, String> {
        self.provider.session(MinimumRemaining::Background).map_err(|error| report::one_line(&error))
    }

    fn noted(&self, outcome: Result<&CacheEntry, &str>) {
        (self.listener)(outcome);
    }
}
