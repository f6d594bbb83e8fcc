//! Why there is no usable identity.

/// Why there is no usable identity; fix the files, the certificate or the key.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {}
