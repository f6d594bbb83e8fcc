//! Certificates and keys in folders: what the loader does with each file there.

use super::{KeyMaterial, Loader, Material, certificate_unread, key_error, key_unread, parse_certificates};
use super::{read_certificate_blocks, store_error};
use crate::identity::error::Part;
use crate::identity::folder::Folder;
use crate::identity::held::Held;
use crate::identity::search::{self, KeyIn, Keys, Opens};
use crate::identity::selection_error::SelectionError;
use crate::identity::{IdentityError, IdentitySource, Input};
use crate::secret::Secret;
use crate::x509::pem::{self, Block, Label};
use crate::x509::pkcs12;
use crate::x509::private_key::{self, ReadKey};
use crate::x509::{Certificate, SubjectPublicKeyInfo};

/// Lists a folder.
pub(super) fn listed(input: &Input) -> Result<Folder, IdentityError> {
    let (part, source_name) = (Part::Certificate, input.to_string());
    let unreadable = |why| IdentityError::CertificateUnreadable {
        part,
        source_name: source_name.clone(),
        why,
        cure: input.check_the_name(),
    };
    let path = input.folder().ok_or_else(|| unreadable(String::from("it is no folder")))?;
    Folder::list(path).map_err(unreadable)
}

impl Loader<'_> {
    /// Reads certificates and key, where one of them is in a folder.
    pub(super) fn read_folders(&mut self, source: &IdentitySource) -> Result<Material, IdentityError> {
        let (held, passed_over) = self.held(source)?;
        let key_input = self.find_key(source, &held, passed_over)?;
        let more = self.more(source)?;
        let key_material = if key_input.is_device() {
            KeyMaterial::InDevice
        } else {
            let bytes = self.reader.private_bytes(&key_input);
            self.key_material(bytes, &key_input)?
        };
        Ok(Material { held, more, key_input, key_material })
    }

    /// Returns the certificates of a source, be it a folder or not, and what was passed over.
    pub(super) fn held(
        &mut self,
        source: &IdentitySource,
    ) -> Result<(Vec<Held>, Vec<String>), IdentityError> {
        let certificate = &source.certificate;
        if certificate.folder().is_none() {
            let bytes = self.reader.public_bytes(certificate);
            return Ok((Held::of(&self.certificates(bytes, certificate, Part::Certificate)?), Vec::new()));
        }
        let folder = listed(certificate)?;
        // Of before it was read: what changes meanwhile is seen the next time.
        self.certificate_sha256 = Some(*folder.stamp().sha256());
        Ok(search::certificates(&folder, self))
    }

    /// Returns the further intermediates of a source.
    pub(super) fn more(&mut self, source: &IdentitySource) -> Result<Vec<Certificate>, IdentityError> {
        let Some(input) = &source.intermediates else { return Ok(Vec::new()) };
        let bytes = self.reader.public_bytes(input);
        self.certificates(bytes, input, Part::Intermediates)
    }

    /// Finds the private key of the certificate that is selected.
    pub(super) fn find_key(
        &mut self,
        source: &IdentitySource,
        held: &[Held],
        passed_over: Vec<String>,
    ) -> Result<Input, IdentityError> {
        let source_name = source.certificate.to_string();
        let matching = source.selection.matching(held, &source_name)?;
        if matching.is_empty() {
            return Err(SelectionError::Nothing { source_name, passed_over }.into());
        }
        match (source.key_folder(), &source.private_key) {
            (Some(input), _) => {
                let folder = listed(&input)?;
                let keys = Keys::find(&folder, &matching, self);
                keys.file(&source.selection, &matching, &source_name, &input.to_string(), self)
            }
            (None, Some(input)) => Ok(input.clone()),
            (None, None) => Ok(source.certificate.clone()),
        }
    }

    /// Opens PKCS#12 stores as [`Self::opened`] does, but asks no person: among many there are some that are not meant.
    fn opened_unasked(&mut self, blocks: Vec<Block>, input: &Input) -> Result<Vec<Block>, IdentityError> {
        if !self.password.is_unknown() {
            return self.opened(blocks, input);
        }
        let (stores, mut all): (Vec<_>, Vec<_>) =
            blocks.into_iter().partition(|block| block.label == Label::Pkcs12);
        for store in stores {
            let opened = pkcs12::open(&store.der, &Secret::new(String::new()));
            all.extend(opened.map_err(|error| store_error(error, input))?);
        }
        Ok(all)
    }
}

impl Opens for Loader<'_> {
    fn certificates_in(&mut self, file: &Input) -> Result<Vec<Certificate>, IdentityError> {
        let unread = |unread| certificate_unread(unread, file, Part::Certificate);
        let bytes = self.reader.public_bytes(file).map_err(unread)?;
        let blocks = read_certificate_blocks(&bytes, file, Part::Certificate)?;
        let blocks = self.opened_unasked(blocks, file)?;
        match parse_certificates(&blocks, file, Part::Certificate) {
            Err(IdentityError::CertificateMissing { .. }) => Ok(Vec::new()),
            outcome => outcome,
        }
    }

    fn key_in(&mut self, file: &Input) -> Result<KeyIn, IdentityError> {
        let bytes = self.reader.public_bytes(file).map_err(|unread| key_unread(unread, file))?;
        let Ok(blocks) = pem::read(&bytes) else { return Ok(KeyIn::Nothing) };
        if !blocks.iter().any(|block| block.label.may_hold_private_key()) {
            return Ok(KeyIn::Nothing);
        }
        // Whether others can read it is judged now, and on what is used.
        let bytes = self.reader.private_bytes(file).map_err(|unread| key_unread(unread, file))?.0;
        let blocks = pem::read(&bytes)
            .map_err(|cause| IdentityError::PrivateKeyNotPem { source_name: file.to_string(), cause })?;
        let blocks = self.opened_unasked(blocks, file)?;
        let Some(block) = blocks.iter().find(|block| block.label.is_private_key()) else {
            return Ok(KeyIn::Nothing);
        };
        if block.label != Label::Tss2PrivateKey {
            let parameters = blocks.iter().find(|block| block.label == Label::EcParameters);
            let key = private_key::read(block, parameters);
            if let ReadKey::Encrypted(_) = key.map_err(|error| key_error(error, block.line, file))? {
                return Ok(KeyIn::Encrypted);
            }
        }
        let key = self.open(&KeyMaterial::Blocks { blocks, insecure: None }, file, &[])?;
        Ok(key.public_key().cloned().map_or(KeyIn::Nothing, KeyIn::Open))
    }

    fn opened_key_in(&mut self, file: &Input) -> Result<Option<SubjectPublicKeyInfo>, IdentityError> {
        let bytes = self.reader.private_bytes(file);
        let material = self.key_material(bytes, file)?;
        Ok(self.open(&material, file, &[])?.public_key().cloned())
    }
}
