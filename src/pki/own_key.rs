//! The private key of an identity, as its file has it: the key itself, or what only a TPM can open.

use std::path::Path;

use pki_test::key_pair::KeyPair;

use super::{Folder, PkiError, read};
use crate::identity::IdentityError;
use crate::signer::tpm::{KeyFile, TpmError};
use crate::text::quoted;
use crate::x509::SubjectPublicKeyInfo;
use crate::x509::pem::{self, Label};

/// The private key of an identity.
pub(super) enum OwnKey {
    /// In a TPM; its public half.
    InTpm(SubjectPublicKeyInfo),
    /// The key itself.
    Software(KeyPair),
}

impl OwnKey {
    /// Reads the text of a key's file.
    pub(super) fn parse(text: &str, file: &Path) -> Result<Self, PkiError> {
        let blocks = pem::read(text.as_bytes()).unwrap_or_default();
        match blocks.iter().find(|block| block.label == Label::Tss2PrivateKey) {
            Some(block) => {
                let key = KeyFile::from_der(&block.der).and_then(|key| key.public_key());
                key.map(Self::InTpm).map_err(|cause| in_tpm(file, cause))
            }
            None => KeyPair::from_pem(text, None)
                .map(Self::Software)
                .map_err(|source| PkiError::OldKey { file: file.to_path_buf(), source }),
        }
    }

    /// Returns the public half in DER.
    pub(super) fn public_key(&self) -> &[u8] {
        match self {
            Self::InTpm(key) => key.der(),
            Self::Software(key_pair) => key_pair.subject_public_key_info(),
        }
    }
}

impl Folder {
    /// Tells whether the private key of an identity is one in a TPM.
    pub fn has_key_in_tpm(&self, name: &str) -> bool {
        let file = self.file(name, "key");
        read(&file).is_ok_and(|text| matches!(OwnKey::parse(&text, &file), Ok(OwnKey::InTpm(_))))
    }
}

fn in_tpm(file: &Path, cause: TpmError) -> PkiError {
    let source_name = quoted(&file.display().to_string());
    IdentityError::Tpm { source_name, cause: Box::new(cause) }.into()
}
