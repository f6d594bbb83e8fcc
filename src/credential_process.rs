//! Renders session credentials as the document that SDKs read from a `credential_process`. Pure.

use serde::Serialize;
use zeroize::Zeroizing;

use crate::credentials::CredentialSet;

/// The members in the order of the official helper, plus the account at the end.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    session_token: &'a str,
    expiration: &'a str,
    account_id: &'a str,
}

/// Renders the version-1 document of the [process credentials page]: one line of JSON, in UTF-8.
///
/// `Version` is the number 1, which Java and botocore require. `Expiration` is `YYYY-MM-DDTHH:MM:SSZ`, the one format
/// that every SDK parses. `AccountId` is that of the role; SDKs that do not know the member ignore it. There is no line
/// feed at the end, as in the official helper's output, so every consumer is known to accept exactly these bytes.
///
/// # Security
///
/// The bytes are wiped on drop, and the buffer is never reallocated: its size is computed first.
///
/// [process credentials page]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
pub fn render(credential_set: &CredentialSet) -> Zeroizing<Vec<u8>> {
    let credentials = &credential_set.credentials;
    let document = Document {
        version: 1,
        access_key_id: &credentials.access_key_id,
        secret_access_key: credentials.secret_access_key.expose(),
        session_token: credentials.session_token.expose(),
        expiration: &credentials.expiration.to_string(),
        account_id: credential_set.role_arn.arn().account(),
    };
    let texts =
        [document.access_key_id, document.secret_access_key, document.session_token, document.account_id];
    let longest = FRAME + texts.into_iter().map(json_length).sum::<usize>();
    let mut bytes = Zeroizing::new(Vec::with_capacity(longest));
    let written = serde_json::to_writer(&mut *bytes, &document);
    debug_assert!(written.is_ok(), "a struct of texts and a number is always writable to memory");
    bytes
}

/// More than the names, the punctuation and the expiration take up.
const FRAME: usize = 192;

/// Returns an upper bound for the length of a text in JSON, which encodes no octet as more than six (`\u0000`).
fn json_length(text: &str) -> usize {
    text.bytes().map(|octet| if octet < b' ' || octet == b'"' || octet == b'\\' { 6 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::credentials::SessionCredentials;
    use crate::secret::Secret;

    #[test]
    fn the_bytes_are_the_official_ones_and_the_account() {
        let set = CredentialSet {
            role_arn: "arn:aws:iam::111122223333:role/team/build".parse().unwrap(),
            assumed_role_arn: None,
            source_identity: None,
            subject_arn: None,
            credentials: SessionCredentials {
                access_key_id: String::from("ASIAEXAMPLEEXAMPLE00"),
                secret_access_key: Secret::new(String::from("se/cret+")),
                session_token: Secret::new(String::from("token==")),
                expiration: Timestamp::from_unix_seconds(1_795_455_281),
            },
        };
        let bytes = render(&set);
        assert_eq!(
            std::str::from_utf8(&bytes).unwrap(),
            r#"{"Version":1,"AccessKeyId":"ASIAEXAMPLEEXAMPLE00","SecretAccessKey":"se/cret+","SessionToken":"token==","Expiration":"2026-11-23T17:34:41Z","AccountId":"111122223333"}"#
        );
    }
}
