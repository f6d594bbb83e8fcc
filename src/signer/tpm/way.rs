//! What can go wrong on the way to a TPM and back.

/// The length of an answer's header: tag, size, response code.
pub(super) const HEADER: usize = 10;

/// Why there is no way to a TPM.
#[derive(Debug)]
pub(super) struct NoWay {
    /// What stood in the way.
    pub(super) why: String,
    /// What to do.
    pub(super) cure: Option<String>,
}

/// Why there was no answer.
#[cfg_attr(
    not(all(unix, feature = "tpm")),
    expect(dead_code, reason = "without a way to a TPM nothing goes wrong on it")
)]
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// The way is gone.
    Gone(String),
    /// Not in time.
    Late,
    /// Not one of the right length.
    Malformed,
}
