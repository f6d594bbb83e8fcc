//! End-entity certificates: their contents, and the chains they come with.

use std::net::IpAddr;

use pkcs8::ObjectIdentifier;

use crate::certificate::extension::Extension;
use crate::certificate::{IssueError, SerialChoice, SerialNumber, Validity, distribution_points};
use crate::distinguished_name::DistinguishedName;
use crate::{der, pem};

/// The contents of an end-entity certificate besides its public key.
#[derive(Clone, Debug)]
pub struct EndEntitySpec {
    /// The subject name. AWS does not support the empty one.
    pub subject: DistinguishedName,
    /// The other names, in order; AWS uses the first of each type. With none there is no extension.
    pub subject_alternative_names: Vec<SubjectAlternativeName>,
    /// Its period of validity.
    pub validity: Validity,
    /// Its serial number.
    pub serial: SerialChoice,
    /// Its purposes; with none there is no extension, which means any purpose.
    pub purposes: Vec<Purpose>,
    /// Where the issuer's revocation list is, as URLs; none is no extension.
    pub crl_urls: Vec<String>,
}

impl EndEntitySpec {
    /// Returns the usual contents: a random serial number, no other names, client authentication.
    pub fn new(subject: DistinguishedName, validity: Validity) -> Self {
        Self {
            subject,
            subject_alternative_names: Vec::new(),
            validity,
            serial: SerialChoice::Random,
            purposes: vec![Purpose::ClientAuthentication],
            crl_urls: Vec::new(),
        }
    }

    pub(crate) fn extensions(&self) -> Result<Vec<Extension>, IssueError> {
        let mut extensions = vec![Extension::end_entity()];
        extensions.push(Extension::key_usage(crate::certificate::extension::DIGITAL_SIGNATURE));
        if !self.purposes.is_empty() {
            let purposes: Vec<_> = self.purposes.iter().map(|purpose| purpose.oid()).collect();
            extensions.push(Extension::extended_key_usage(&purposes));
        }
        let critical = self.subject.is_empty();
        extensions.extend(SubjectAlternativeName::extension(&self.subject_alternative_names, critical)?);
        extensions.extend(distribution_points(&self.crl_urls)?);
        Ok(extensions)
    }
}

/// One name of the subject alternative name (RFC 5280 §4.2.1.6).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SubjectAlternativeName {
    /// A whole distinguished name, `x509SAN/Name/…` at AWS.
    DirectoryName(DistinguishedName),
    /// A DNS name; ASCII, so internationalised ones in their `xn--` form.
    Dns(String),
    /// An IP address; AWS does not use it, but TLS servers need it.
    IpAddress(IpAddr),
    /// A URI, such as a SPIFFE ID; ASCII.
    Uri(String),
}

impl SubjectAlternativeName {
    /// Returns the extension with these names, in order; `None` if there are none.
    pub(crate) fn extension(names: &[Self], critical: bool) -> Result<Option<Extension>, IssueError> {
        let mut general_names = Vec::new();
        for name in names {
            general_names.extend(name.to_der()?);
        }
        Ok((!names.is_empty()).then(|| Extension::subject_alternative_name(&general_names, critical)))
    }

    /// Returns the DER of the `GeneralName`.
    fn to_der(&self) -> Result<Vec<u8>, IssueError> {
        let ascii = |number, text: &str| {
            if text.is_empty() || !text.is_ascii() {
                return Err(IssueError::SubjectAlternativeName);
            }
            Ok(der::element(der::context(number), &[text.as_bytes()]))
        };
        match self {
            Self::DirectoryName(name) => Ok(der::element(der::context_constructed(4), &[&name.to_der()])),
            Self::Dns(name) => ascii(2, name),
            Self::IpAddress(IpAddr::V4(address)) => Ok(der::element(der::context(7), &[&address.octets()])),
            Self::IpAddress(IpAddr::V6(address)) => Ok(der::element(der::context(7), &[&address.octets()])),
            Self::Uri(uri) => ascii(6, uri),
        }
    }
}

/// A purpose of the extended key usage (RFC 5280 §4.2.1.12).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Purpose {
    /// clientAuth. AWS does not require it, but it is usually set.
    ClientAuthentication,
    /// serverAuth, for the simulator's own TLS certificate.
    ServerAuthentication,
}

impl Purpose {
    const fn oid(self) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(match self {
            Self::ClientAuthentication => "1.3.6.1.5.5.7.3.2",
            Self::ServerAuthentication => "1.3.6.1.5.5.7.3.1",
        })
    }
}

/// An issued end-entity certificate with its intermediates.
#[derive(Clone, Debug)]
pub struct EndEntity {
    pub(crate) certificate_der: Vec<u8>,
    pub(crate) intermediates: Vec<Vec<u8>>,
    pub(crate) serial: SerialNumber,
}

impl EndEntity {
    /// Returns the certificate as DER.
    pub fn certificate_der(&self) -> &[u8] {
        &self.certificate_der
    }

    /// Returns the certificate alone as PEM.
    pub fn certificate_pem(&self) -> String {
        pem::render_certificates([self.certificate_der()])
    }

    /// Returns the CA certificates between this one and the root, as DER, in signing order: its issuer first.
    ///
    /// Empty if the root issued it.
    pub fn intermediates(&self) -> &[Vec<u8>] {
        &self.intermediates
    }

    /// Returns the intermediates as PEM; empty if there are none.
    pub fn intermediates_pem(&self) -> String {
        pem::render_certificates(self.intermediates.iter().map(Vec::as_slice))
    }

    /// Returns the chain as DER: the certificate, then its intermediates.
    pub fn chain(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(self.certificate_der()).chain(self.intermediates.iter().map(Vec::as_slice))
    }

    /// Returns the chain as PEM: the certificate, then its intermediates.
    pub fn chain_pem(&self) -> String {
        pem::render_certificates(self.chain())
    }

    /// Returns the certificate's serial number.
    pub const fn serial(&self) -> &SerialNumber {
        &self.serial
    }
}
