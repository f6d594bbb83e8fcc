//! Parses the `Authorization` header.
//!
//! `algorithm Credential=id/date/region/service/aws4_request, SignedHeaders=a;b;c, Signature=hex`

use super::refusal::Refusal;
use crate::text::shown;

/// The most headers that a request may sign; no known client signs more.
const SIGNED_HEADERS_LIMIT: usize = 64;

/// Most bytes of a signature: ML-DSA-87 has 4,627.
const SIGNATURE_LIMIT: usize = 5_000;

/// A parsed `Authorization` header. Only its form has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// The signature algorithm, for example `AWS4-X509-RSA-SHA256`.
    pub algorithm: String,
    /// The text before the scope: a decimal serial number, or an access key id.
    pub credential_id: String,
    /// The scope that the signature is limited to.
    pub scope: Scope,
    /// Lower-case names, sorted, each once.
    pub signed_headers: Vec<String>,
    /// The signature's bytes.
    pub signature: Vec<u8>,
}

/// The credential scope: `date/region/service/terminator`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The date, eight digits.
    pub date: String,
    /// The region.
    pub region: String,
    /// The service.
    pub service: String,
    /// `aws4_request`.
    pub terminator: String,
}

impl Scope {
    /// Returns the scope as in the string to sign.
    pub fn render(&self) -> String {
        let Self { date, region, service, terminator } = self;
        format!("{date}/{region}/{service}/{terminator}")
    }
}

impl Authorization {
    /// Parses the value of an `Authorization` header.
    ///
    /// # Errors
    ///
    /// Fails if a part is missing, repeated or unknown, if the signed headers are not lower-case, sorted and unique, or
    /// if the signature is not lower-case hexadecimal.
    pub fn parse(value: &[u8]) -> Result<Self, Refusal> {
        let malformed = |reason| Refusal::AuthorizationMalformed { reason };
        let text = str::from_utf8(value).map_err(|_| malformed("it is not text"))?;
        let (algorithm, rest) = text.trim().split_once(' ').ok_or(malformed("there is no algorithm"))?;
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for part in rest.split(',') {
            let (name, value) = part.trim().split_once('=').ok_or(malformed("a part has no equals sign"))?;
            let place = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed_headers,
                "Signature" => &mut signature,
                _ => return Err(malformed("a part is neither Credential, SignedHeaders nor Signature")),
            };
            if place.replace(value).is_some() {
                return Err(malformed("a part is repeated"));
            }
        }
        let (credential_id, scope) =
            parse_credential(credential.ok_or(malformed("there is no Credential"))?)?;
        Ok(Self {
            algorithm: algorithm.to_owned(),
            credential_id,
            scope,
            signed_headers: parse_signed_headers(
                signed_headers.ok_or(malformed("there is no SignedHeaders"))?,
            )?,
            signature: parse_signature(signature.ok_or(malformed("there is no Signature"))?)?,
        })
    }
}

fn parse_credential(text: &str) -> Result<(String, Scope), Refusal> {
    let parts: Vec<&str> = text.split('/').collect();
    let [id, date, region, service, terminator] = parts[..] else {
        return Err(Refusal::AuthorizationMalformed {
            reason: "the credential is not id/date/region/service/aws4_request",
        });
    };
    let scope = Scope {
        date: date.to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
        terminator: terminator.to_owned(),
    };
    Ok((id.to_owned(), scope))
}

fn parse_signed_headers(text: &str) -> Result<Vec<String>, Refusal> {
    let names: Vec<String> = text.split(';').map(str::to_owned).collect();
    let token = |name: &String| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase())
    };
    let ascending = names.iter().zip(names.iter().skip(1)).all(|(left, right)| left < right);
    if names.len() > SIGNED_HEADERS_LIMIT || !ascending || !names.iter().all(token) {
        return Err(Refusal::SignedHeadersForm { found: shown(text) });
    }
    Ok(names)
}

fn parse_signature(text: &str) -> Result<Vec<u8>, Refusal> {
    if text.is_empty()
        || text.len() > 2 * SIGNATURE_LIMIT
        || text.bytes().any(|byte| byte.is_ascii_uppercase())
    {
        return Err(Refusal::SignatureForm);
    }
    hex::decode(text).map_err(|_| Refusal::SignatureForm)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "AWS4-X509-RSA-SHA256 Credential=42/20261123/eu-central-1/rolesanywhere/aws4_request, \
                        SignedHeaders=host;x-amz-date, Signature=00ff";

    #[test]
    fn the_parts_are_found() {
        let authorization = Authorization::parse(GOOD.as_bytes()).unwrap();
        assert_eq!(authorization.algorithm, "AWS4-X509-RSA-SHA256");
        assert_eq!(authorization.credential_id, "42");
        assert_eq!(authorization.scope.render(), "20261123/eu-central-1/rolesanywhere/aws4_request");
        assert_eq!(authorization.signed_headers, ["host", "x-amz-date"]);
        assert_eq!(authorization.signature, [0, 255]);
    }

    #[test]
    fn each_broken_part_is_refused_by_its_rule() {
        for (from, to, rule) in [
            ("AWS4-X509-RSA-SHA256 ", "", "authorization-malformed"),
            (", Signature=00ff", "", "authorization-malformed"),
            ("Signature", "Credential", "authorization-malformed"),
            ("Signature", "signature", "authorization-malformed"),
            ("42/", "", "authorization-malformed"),
            ("host;x-amz-date", "x-amz-date;host", "signed-headers-form"),
            ("host;x-amz-date", "host;host;x-amz-date", "signed-headers-form"),
            ("host;x-amz-date", "Host;x-amz-date", "signed-headers-form"),
            ("host;x-amz-date", "host;;x-amz-date", "signed-headers-form"),
            ("host;x-amz-date", "", "signed-headers-form"),
            ("00ff", "00FF", "signature-form"),
            ("00ff", "00f", "signature-form"),
            ("00ff", "", "signature-form"),
        ] {
            let refused = Authorization::parse(GOOD.replace(from, to).as_bytes()).unwrap_err();
            assert_eq!(refused.rule(), rule, "{from} -> {to}");
        }
    }
}
