//! What a limit is.

/// What a number counts.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    /// Octets, in KiB or MiB where that is even.
    Octets,
    /// So many of these.
    Of(&'static str),
    /// A number of seconds.
    Seconds,
    /// A `Duration`.
    Time,
}

/// A limit.
pub(crate) struct Limit {
    pub(crate) file: &'static str,
    /// One constant, or the least and the most.
    pub(crate) constants: &'static [&'static str],
    pub(crate) unit: Unit,
    pub(crate) what: &'static str,
    pub(crate) beyond: &'static str,
}

pub(crate) const fn limit(
    file: &'static str,
    constants: &'static [&'static str],
    unit: Unit,
    what: &'static str,
    beyond: &'static str,
) -> Limit {
    Limit { file, constants, unit, what, beyond }
}

pub(crate) const CHARACTERS: Unit = Unit::Of("characters");
pub(crate) const TOO_LARGE: &str = "`[file-unreadable]`: check the path";
