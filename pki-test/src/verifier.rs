//! Decides whether IAM Roles Anywhere would accept a CreateSession request.
//!
//! Written only from the specification, importing no signer, so that an error in a signer is not hidden by the same
//! error here. The verifier uses no sockets and no clock: the caller supplies the request and the time.
//!
//! A request is checked in this order: the operation, its size, the `Authorization` header with date, scope and signed
//! headers, the parameters, the form of the certificates, the trust anchor, the end entity's own rules, the serial
//! number, the algorithm, the signature, the path, and the lists at its distribution points. The first broken rule is the [`Refusal`].
//!
//! See [the signing process] and [the trust model].
//!
//! [the signing process]: https://docs.aws.amazon.com/rolesanywhere/latest/userguide/authentication-sign-process.html
//! [the trust model]: https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html

pub mod arn;
pub mod authorization;
pub mod canonical;
pub mod certificate;
pub mod certificate_fault;
pub mod denial;
pub mod distribution;
pub(crate) mod envelope;
pub mod parameters;
pub mod path;
pub mod refusal;
pub mod request;
pub mod signature;
pub mod trust_anchor;

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;

pub use self::arn::Arn;
pub use self::certificate::Certificate;
pub use self::certificate_fault::CertificateFault;
pub use self::denial::Denial;
pub use self::distribution::{ListFetcher, Unavailable};
pub use self::parameters::SessionParameters;
pub use self::refusal::Refusal;
pub use self::request::ReceivedRequest;
pub use self::trust_anchor::{TrustAnchor, TrustAnchorError};

use self::authorization::Authorization;
use self::envelope::{Envelope, Expectation, one_header, optional_header};
use self::path::{CHAIN_LIMIT, build_path};
use crate::text::shown;

/// How far a request's date may be from the verifier's time: SigV4's usual five minutes. AWS documents no window here.
pub const DEFAULT_SKEW: Duration = Duration::from_secs(300);

/// The most bytes of one certificate. AWS states 16 KiB as the most for a client certificate.
const CERTIFICATE_LIMIT: usize = 16 * 1024;

/// What the verifier does with anomalies that the service only records in CloudTrail.
///
/// These are required headers that the signature does not cover, and a declared algorithm that does not match the type
/// of the certificate's key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// Anomalies and unknown parameters are rejected.
    #[default]
    Strict,
    /// Anomalies are recorded in [`VerifiedRequest::anomalies`]; unknown parameters are ignored.
    AsTheService,
}

/// The verifier for one endpoint.
#[derive(Clone, Debug)]
pub struct Verifier {
    /// The regions of the endpoint. The first is its own, which refusals name.
    pub regions: Vec<String>,
    /// How far a request's date may be from the current time, in both directions.
    pub skew: Duration,
    /// How anomalies are treated.
    pub strictness: Strictness,
    /// The trust anchors that requests may name.
    pub trust_anchors: Vec<TrustAnchor>,
    /// Fetches the lists at CRL distribution points, for the trust anchors that ask for them.
    pub lists: ListFetcher,
}

/// A request that was accepted.
#[derive(Clone, Debug)]
pub struct VerifiedRequest {
    /// The end-entity certificate.
    pub end_entity: Certificate,
    /// The ARN of the trust anchor at the end of the path, by identifier even if the request named an alias.
    pub trust_anchor_arn: Arn,
    /// The requested parameters.
    pub parameters: SessionParameters,
    /// The address of the caller.
    pub source_address: Option<IpAddr>,
    /// What a strict verifier would have rejected; always empty from a strict one.
    pub anomalies: Vec<Refusal>,
}

impl Verifier {
    /// Creates a strict verifier for one region with the usual skew.
    pub fn new(region: &str, trust_anchors: Vec<TrustAnchor>) -> Self {
        Self {
            regions: vec![region.to_owned()],
            skew: DEFAULT_SKEW,
            strictness: Strictness::default(),
            trust_anchors,
            lists: ListFetcher::none(),
        }
    }

    /// Checks one request at the time `now`.
    ///
    /// # Errors
    ///
    /// Fails with the first rule that the request breaks, in the order given in the module's documentation.
    pub fn verify(&self, request: &ReceivedRequest, now: OffsetDateTime) -> Result<VerifiedRequest, Refusal> {
        if request.method != "POST" || request.path() != "/sessions" {
            return Err(Refusal::OperationUnknown {
                method: shown(&request.method),
                path: shown(request.path()),
            });
        }
        let regions: Vec<&str> = self.regions.iter().map(String::as_str).collect();
        let envelope = Envelope::open(
            request,
            Expectation {
                service: "rolesanywhere",
                regions: &regions,
                now,
                skew: self.skew,
                covered: &["content-type"],
                strictness: self.strictness,
            },
        )?;
        let parameters = SessionParameters::read(request, self.strictness)?;
        let end_entity = end_entity(request)?;
        let chain = chain(request)?;
        let anchor = self.trust_anchor(&parameters.trust_anchor_arn, &envelope.authorization.scope.region)?;
        let by_end_entity = |fault| Refusal::EndEntity { fault };
        end_entity.check_end_entity(now).map_err(by_end_entity)?;
        check_serial(&envelope.authorization, &end_entity)?;
        let key = end_entity.key().map_err(by_end_entity)?;
        let mut anomalies = envelope.anomalies.clone();
        anomalies.extend(self.check_algorithm(&envelope.authorization, &end_entity)?);
        let signature = &envelope.authorization.signature;
        if !key.verifies(key.request_scheme(), envelope.string_to_sign.as_bytes(), signature) {
            return Err(envelope.signature_mismatch());
        }
        let path = build_path(&end_entity, &chain, anchor, now)?;
        if let Some(unavailable) = anchor.distribution_points() {
            distribution::check(&path, &self.lists, unavailable, now)?;
        }
        Ok(VerifiedRequest {
            trust_anchor_arn: anchor.arn().clone(),
            end_entity,
            parameters,
            source_address: request.source_address,
            anomalies,
        })
    }

    /// Finds a trust anchor. At AWS each region has a separate endpoint, which knows only its own region's; here the
    /// request's scope says which endpoint is meant.
    fn trust_anchor(&self, arn: &Arn, region: &str) -> Result<&TrustAnchor, Refusal> {
        if arn.region() != region {
            return Err(Refusal::TrustAnchorRegion {
                found: shown(arn.region()),
                expected: region.to_owned(),
            });
        }
        let anchor = self
            .trust_anchors
            .iter()
            .find(|anchor| anchor.answers_to(arn))
            .ok_or_else(|| Refusal::TrustAnchorUnknown { arn: shown(arn) })?;
        if anchor.is_enabled() { Ok(anchor) } else { Err(Refusal::TrustAnchorDisabled { arn: shown(arn) }) }
    }

    /// Compares the declared algorithm with the key's; a mismatch is returned as an anomaly or rejected.
    fn check_algorithm(
        &self,
        authorization: &Authorization,
        end_entity: &Certificate,
    ) -> Result<Option<Refusal>, Refusal> {
        let declared = authorization.algorithm.as_str();
        if !["AWS4-X509-RSA-SHA256", "AWS4-X509-ECDSA-SHA256", "AWS4-X509-MLDSA"].contains(&declared) {
            return Err(Refusal::AlgorithmUnknown { found: shown(declared) });
        }
        let key = end_entity.key().map_err(|fault| Refusal::EndEntity { fault })?;
        if declared == key.request_algorithm() {
            return Ok(None);
        }
        let anomaly = Refusal::AlgorithmMismatch {
            declared: declared.to_owned(),
            expected: key.request_algorithm(),
            key: key.to_string(),
        };
        match self.strictness {
            Strictness::Strict => Err(anomaly),
            Strictness::AsTheService => Ok(Some(anomaly)),
        }
    }
}

/// Returns the certificate of `X-Amz-X509`.
///
/// # Errors
///
/// Fails if the header is missing or repeated, is not standard base64 with padding, or is not one certificate.
pub fn end_entity(request: &ReceivedRequest) -> Result<Certificate, Refusal> {
    let der = decode_certificate("x-amz-x509", one_header(request, "x-amz-x509")?)?;
    Certificate::parse(&der).map_err(|fault| Refusal::EndEntity { fault })
}

/// Returns the certificates of `X-Amz-X509-Chain`, none if the header was not sent.
fn chain(request: &ReceivedRequest) -> Result<Vec<Certificate>, Refusal> {
    const NAME: &str = "x-amz-x509-chain";
    let Some(value) = optional_header(request, NAME)? else {
        return Ok(Vec::new());
    };
    let elements: Vec<&[u8]> = value.split(|&byte| byte == b',').collect();
    if elements.len() > CHAIN_LIMIT {
        return Err(Refusal::ChainTooLong { found: elements.len(), limit: CHAIN_LIMIT });
    }
    elements
        .into_iter()
        .map(|element| {
            let der = decode_certificate(NAME, element)?;
            Certificate::parse(&der).map_err(|fault| Refusal::HeaderMalformed {
                name: NAME,
                reason: format!("a certificate {fault}"),
            })
        })
        .collect()
}

/// Decodes strict standard base64 with padding, of a bounded length.
fn decode_certificate(name: &'static str, value: &[u8]) -> Result<Vec<u8>, Refusal> {
    let malformed = |reason: &str| Refusal::HeaderMalformed { name, reason: reason.to_owned() };
    let der = STANDARD.decode(value).map_err(|_| malformed("it is not standard base64 with padding"))?;
    if der.len() > CERTIFICATE_LIMIT {
        return Err(malformed("a certificate is longer than 16 KiB"));
    }
    Ok(der)
}

/// Compares the credential's serial number, in plain decimal, with the certificate's.
fn check_serial(authorization: &Authorization, end_entity: &Certificate) -> Result<(), Refusal> {
    let text = authorization.credential_id.as_str();
    let plain = (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'));
    if !plain {
        return Err(Refusal::SerialForm { found: shown(text) });
    }
    // Numbers in their plain form are equal where their digits are.
    let expected = end_entity.serial().to_string();
    if text == expected {
        return Ok(());
    }
    Err(Refusal::SerialMismatch { found: text.to_owned(), expected })
}
