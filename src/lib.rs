//! anyrole.
