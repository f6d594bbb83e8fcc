//! No key file and no answer of a TPM makes this program panic or ask for memory without bound.

use proptest::prelude::*;

use super::key_file::KeyFile;
use super::public::SigningPublic;
use super::*;
