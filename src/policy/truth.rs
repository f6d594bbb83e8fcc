//! Yes, no, or not known here (Kleene's logic).

/// Whether something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It does not.
    No,
    /// It does.
    Yes,
    /// It depends on what only AWS knows.
    Unknown,
}

impl Truth {
    pub(super) const fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    pub(super) const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            (Self::Unknown, Self::Yes | Self::Unknown) | (Self::Yes, Self::Unknown) => Self::Unknown,
        }
    }

    pub(super) const fn or(self, other: Self) -> Self {
        self.negated().and(other.negated()).negated()
    }

    pub(super) const fn negated(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Yes => Self::No,
            Self::Unknown => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Truth::{No, Unknown, Yes};

    #[test]
    fn what_is_not_known_stays_so_unless_it_does_not_matter() {
        assert_eq!((Yes.and(Yes), No.or(No)), (Yes, No));
        assert_eq!((No.and(Unknown), Yes.or(Unknown)), (No, Yes));
        assert_eq!((Yes.and(Unknown), No.or(Unknown), Unknown.negated()), (Unknown, Unknown, Unknown));
    }
}
