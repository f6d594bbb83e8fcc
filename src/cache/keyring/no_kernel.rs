//! Replaces the kernel's keyring on systems other than Linux: always refuses.

use std::sync::Arc;

use keyring_core::CredentialStore;

use super::Containers;
use crate::cache::{CacheError, StoreKind};

pub(super) fn open(_containers: Containers) -> Result<Arc<CredentialStore>, CacheError> {
    Err(CacheError::Unavailable {
        store: StoreKind::KernelKeyring,
        why: String::from("it is a part of Linux"),
    })
}

pub(super) const fn has_room() -> bool {
    false
}
