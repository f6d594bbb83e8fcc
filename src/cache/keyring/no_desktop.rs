//! Replaces the desktop's keyring in builds without one: always refuses.

use std::collections::HashMap;
use std::sync::Arc;

use keyring_core::{CredentialStore, Error};

use crate::cache::{CacheError, StoreKind};

pub(super) const KIND: StoreKind = StoreKind::SecretService;
pub(super) const LARGEST_VALUE: usize = usize::MAX;

pub(super) fn open() -> Result<Arc<CredentialStore>, CacheError> {
    Err(CacheError::Unavailable {
        store: KIND,
        why: String::from("this anyrole was built without the feature secret-service"),
    })
}

pub(super) const fn needs_person(_error: &Error) -> bool {
    false
}

pub(super) fn modifiers(_kind: StoreKind) -> Option<HashMap<&'static str, &'static str>> {
    None
}

pub(super) fn search(_kind: StoreKind, service: &str) -> HashMap<&'static str, &str> {
    HashMap::from([("service", service)])
}
