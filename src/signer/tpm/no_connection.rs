//! The way to a TPM, in a build that has none.

use std::time::Instant;

use super::place::TpmPlace;
use super::way::{NoAnswer, NoWay};

/// An open TPM: there is none.
#[derive(Debug)]
pub(super) enum Connection {}

impl Connection {
    pub(super) fn open(_place: &TpmPlace, _deadline: Instant) -> Result<Self, NoWay> {
        Err(NoWay {
            why: String::from("this build has no support for TPMs"),
            cure: Some(String::from("use a build with the feature tpm, for Linux or another Unix")),
        })
    }

    pub(super) fn exchange(&self, _command: &[u8], _deadline: Instant) -> Result<Vec<u8>, NoAnswer> {
        match *self {}
    }

    pub(super) fn answer(&self, _deadline: Instant) -> Result<Vec<u8>, NoAnswer> {
        match *self {}
    }
}
