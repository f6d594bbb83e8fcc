//! The store that stores nothing: `--cache none`.

use super::{CacheEntry, CacheError, CacheKey, CredentialCache, EntrySummary};

/// Stores nothing: every lookup is a miss.
#[derive(Clone, Copy, Debug)]
pub struct NoCache;

impl CredentialCache for NoCache {
    fn get(&self, _: &CacheKey) -> Result<Option<CacheEntry>, CacheError> {
        Ok(None)
    }

    fn put(&self, _: &CacheKey, _: &CacheEntry) -> Result<(), CacheError> {
        Ok(())
    }

    fn remove(&self, _: &CacheKey) -> Result<(), CacheError> {
        Ok(())
    }

    fn list(&self) -> Result<Vec<EntrySummary>, CacheError> {
        Ok(Vec::new())
    }
}
