//! Loads a CA from its files.

use x509_parser::prelude::{FromDer, ParsedExtension, X509Certificate};

use super::{Authority, tighter};
use crate::certificate::tbs::key_identifier;
use crate::key_pair::KeyPair;
use crate::pem::{self, PemError};

/// The most issuers above a CA; AWS takes chains of five.
const MAX_ISSUERS: usize = 16;

impl Authority {
    /// Loads a CA from its certificate, its private key, and the certificates above it.
    ///
    /// `certificate_pem` holds one certificate. `issuers_pem` holds its issuers in signing order: what
    /// [`Authority::intermediates_pem`] of *its* issuer returned, which is empty for a root and for a CA below one. A
    /// root among them is left out. Signatures and validity are not checked.
    ///
    /// # Errors
    ///
    /// Fails if the number of certificates is wrong, if one is damaged or not a CA, if the key does not match the
    /// certificate, or if a certificate does not name the next as its issuer.
    pub fn from_pem(
        certificate_pem: &str,
        key_pair: KeyPair,
        issuers_pem: &str,
    ) -> Result<Self, AuthorityError> {
        let [certificate] = <[Vec<u8>; 1]>::try_from(parse_certificates(certificate_pem)?)
            .map_err(|_| AuthorityError::CertificateCount)?;
        let issuers = parse_certificates(issuers_pem)?;
        if issuers.len() > MAX_ISSUERS {
            return Err(AuthorityError::TooManyIssuers);
        }

        let parsed = parse(&certificate)?;
        if parsed.public_key().raw != key_pair.subject_public_key_info() {
            return Err(AuthorityError::KeyMismatch);
        }
        let mut path_length = own_path_length(&parsed)?;
        let mut intermediates = Vec::new();
        if !is_root(&parsed) {
            intermediates.push(certificate.clone());
            let mut expected = parsed.issuer().as_raw().to_vec();
            for (distance, issuer) in (1u8..).zip(&issuers) {
                let above = parse(issuer)?;
                if above.subject().as_raw() != expected {
                    return Err(AuthorityError::IssuerOrder);
                }
                let below = own_path_length(&above)?.map(|length| length.saturating_sub(distance));
                path_length = tighter(path_length, below);
                if is_root(&above) {
                    break;
                }
                expected = above.issuer().as_raw().to_vec();
                intermediates.push(issuer.clone());
            }
        }
        let key_identifier = match own_key_identifier(&parsed) {
            Some(identifier) => identifier,
            None => key_identifier(key_pair.subject_public_key_info())
                .map_err(|_| AuthorityError::CertificateMalformed)?,
        };
        let subject = parsed.subject().as_raw().to_vec();
        drop(parsed);
        Ok(Self {
            certificate_der: certificate,
            subject,
            key_identifier,
            key_pair,
            path_length,
            intermediates,
        })
    }
}

fn parse_certificates(text: &str) -> Result<Vec<Vec<u8>>, PemError> {
    let blocks = pem::parse(text)?;
    Ok(blocks.iter().filter(|block| block.label == "CERTIFICATE").map(|block| block.der.to_vec()).collect())
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, AuthorityError> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) | Err(_) => Err(AuthorityError::CertificateMalformed),
    }
}

fn is_root(certificate: &X509Certificate<'_>) -> bool {
    certificate.issuer().as_raw() == certificate.subject().as_raw()
}

/// Returns the path length constraint of a CA; fails if it is not a CA.
fn own_path_length(certificate: &X509Certificate<'_>) -> Result<Option<u8>, AuthorityError> {
    let constraints = certificate.basic_constraints().map_err(|_| AuthorityError::CertificateMalformed)?;
    let constraints =
        constraints.filter(|constraints| constraints.value.ca).ok_or(AuthorityError::NotAuthority)?;
    // A constraint longer than any chain is as good as none.
    Ok(constraints.value.path_len_constraint.and_then(|length| u8::try_from(length).ok()))
}

fn own_key_identifier(certificate: &X509Certificate<'_>) -> Option<Vec<u8>> {
    certificate.extensions().iter().find_map(|extension| {
        let ParsedExtension::SubjectKeyIdentifier(identifier) = extension.parsed_extension() else {
            return None;
        };
        Some(identifier.0.to_vec())
    })
}

/// Why a CA cannot be read back.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AuthorityError {
    /// The CA's text holds no certificate, or more than one.
    #[error("the CA's certificate file does not hold exactly one certificate")]
    CertificateCount,
    /// A certificate cannot be read.
    #[error("a certificate is damaged")]
    CertificateMalformed,
    /// The issuers are in the wrong order, or one is missing or unrelated.
    #[error("the issuers do not follow each other: each must be the issuer of the one before it")]
    IssuerOrder,
    /// The private key does not match the certificate.
    #[error("the private key does not belong to the CA's certificate")]
    KeyMismatch,
    /// A certificate is not a CA's: basicConstraints is missing or cA is FALSE.
    #[error("a certificate is not a CA's")]
    NotAuthority,
    /// A text is not PEM.
    #[error("a certificate is not PEM")]
    Pem(#[from] PemError),
    /// More issuers than any chain has.
    #[error("a CA has more than {MAX_ISSUERS} issuers")]
    TooManyIssuers,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algorithm::KeyAlgorithm;
    use crate::authority::AuthoritySpec;
    use crate::certificate::Validity;
    use proptest::prelude::*;
    use time::{Duration, OffsetDateTime};

    proptest! {
        #[test]
        fn no_damage_panics(position in any::<prop::sample::Index>(), octet in any::<u8>()) {
            let key_pair = || KeyPair::generate(KeyAlgorithm::EcP256).expect("keys can be made");
            let validity = Validity::starting(OffsetDateTime::UNIX_EPOCH, Duration::DAY);
            let spec = AuthoritySpec::new("CN=TEST root".parse().expect("a name"), validity);
            let mut der = Authority::root(&spec, key_pair()).expect("a root").certificate_der().to_vec();
            let position = position.index(der.len());
            der[position] = octet;
            let damaged = pem::render_certificates([der.as_slice()]);
            prop_assert!(Authority::from_pem(&damaged, key_pair(), &damaged).is_err());
        }
    }
}
