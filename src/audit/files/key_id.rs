//! Access key ids: which text is one, what it is the id of, and which account it belongs to.
//!
//! Sources: [unique identifiers of IAM], [API keys of Bedrock]; for the account inside an id, Tal Be'ery, "A short note on AWS KEY
//! ID" (2023), and WithSecure Labs, "A bitwise analysis of AWS access key identifiers" (2024).
//!
//! [unique identifiers of IAM]: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
//! [API keys of Bedrock]: https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// How long an access key id is: a prefix of four letters, and sixteen of base32.
pub(super) const LENGTH: usize = 20;

/// The ids of the rules, each with a page by `explain`.
pub const RULES: &[&str] = &["key-bedrock", "key-long-lived", "key-service", "key-temporary"];

/// What an id is the id of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// `AKIA`: an access key of a user, or of the root user, which lasts until somebody deletes it.
    LongLived,
    /// `ASIA`: a session's access key, which ends by itself.
    Temporary,
    /// `ABIA`: a bearer token of STS, which a service of AWS uses.
    BearerToken,
    /// `ACCA`: a credential for one context.
    ContextSpecific,
    /// `ABSK`: a long-term API key of Bedrock, whose text is the secret.
    Bedrock,
    /// `bedrock-api-key-`: a short-term API key of Bedrock, which is a signed request of a session.
    BedrockShortTerm,
}

impl Kind {
    fn of_prefix(prefix: &[u8]) -> Option<Self> {
        match prefix {
            b"AKIA" => Some(Self::LongLived),
            b"ASIA" => Some(Self::Temporary),
            b"ABIA" => Some(Self::BearerToken),
            b"ACCA" => Some(Self::ContextSpecific),
            _ => None,
        }
    }

    /// Returns the rule that such an id breaks.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::LongLived => "key-long-lived",
            Self::Temporary => "key-temporary",
            Self::BearerToken | Self::ContextSpecific => "key-service",
            Self::Bedrock | Self::BedrockShortTerm => "key-bedrock",
        }
    }

    /// Tells whether it ends by itself within hours.
    pub const fn is_temporary(self) -> bool {
        match self {
            Self::Temporary | Self::BedrockShortTerm => true,
            Self::LongLived | Self::BearerToken | Self::ContextSpecific | Self::Bedrock => false,
        }
    }

    /// Says what it is, in a few words.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LongLived => "long-lived",
            Self::Temporary => "temporary",
            Self::BearerToken => "STS bearer token",
            Self::ContextSpecific => "context-specific",
            Self::Bedrock => "Bedrock, long-term",
            Self::BedrockShortTerm => "Bedrock, short-term",
        }
    }
}

/// A key that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// The id; of a Bedrock key the name of its credential, never its text.
    pub(super) id: String,
    pub(super) kind: Kind,
    /// The account's twelve digits.
    pub(super) account: Option<String>,
    /// Whether the text itself is all that is needed to use it.
    pub(super) is_secret: bool,
}

/// What a text that looks like a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    Key(Key),
    /// An id that looks like one and is none, and what it is instead.
    Passed(String, &'static str),
}

/// Why an id is passed over: AWS's documentation uses it.
pub(super) const DOCUMENTATION: &str = "example of AWS's documentation";
/// Why an id is passed over: it is not random enough to be one.
pub(super) const PLACEHOLDER: &str = "placeholder";
/// Why an id is passed over: it belongs to an account that hands out bait.
pub(super) const CANARY: &str = "canary, whose use alerts somebody";

/// Accounts that hand out keys as bait; published as [research on canaries], and in open lists of several scanners.
///
/// [research on canaries]: https://trufflesecurity.com/blog/canaries
const CANARY_ACCOUNTS: &[u64] = &[
    52_310_077_262,
    171_436_882_533,
    266_735_846_894,
    528_757_803_018,
    534_261_010_715,
    538_784_191_382,
    595_918_472_158,
    717_712_589_309,
    729_780_141_977,
    730_335_385_048,
    819_147_034_852,
    893_192_397_702,
    992_382_622_183,
];

/// Words of which one makes an id a placeholder, wherever it stands; shorter ones come about by chance.
const WORDS: &[&[u8]] = &[
    b"ACCESSKEY",
    b"CHANGEME",
    b"DUMMY",
    b"FAKEKEY",
    b"INSERT",
    b"INVALID",
    b"NOTAREAL",
    b"NOTREAL",
    b"PLACEHOLDER",
    b"REDACTED",
    b"REPLACE",
    b"SAMPLE",
    b"TESTKEY",
    b"TESTTEST",
    b"XXXX",
    b"YOURKEY",
    b"YOURACCESS",
];
/// Words that make one where the random part begins or ends with them.
const SHORT_WORDS: &[&[u8]] = &[b"DEMO", b"FAKE", b"TEST", b"YOUR"];

/// Judges the twenty characters of an access key id; `None` where they cannot be one.
pub(super) fn judge(text: &[u8]) -> Option<Judgement> {
    let kind = Kind::of_prefix(text.get(..4)?)?;
    let random = text.get(4..LENGTH)?;
    if !random.iter().all(|c| value(*c).is_some()) {
        return None;
    }
    let id = String::from_utf8_lossy(&text[..LENGTH]).into_owned();
    let holds = |word: &[u8]| random.windows(word.len()).any(|window| window == word);
    if holds(b"EXAMPLE") {
        return Some(Judgement::Passed(id, DOCUMENTATION));
    }
    let is_edge = |word: &&[u8]| random.starts_with(word) || random.ends_with(word);
    if WORDS.iter().any(|word| holds(word)) || SHORT_WORDS.iter().any(is_edge) || !is_random(random) {
        return Some(Judgement::Passed(id, PLACEHOLDER));
    }
    // The accounts are known by their numbers, whatever the generation of the id claims to be.
    if CANARY_ACCOUNTS.contains(&account_bits(random)) {
        return Some(Judgement::Passed(id, CANARY));
    }
    Some(Judgement::Key(Key { id, kind, account: account(random), is_secret: false }))
}

/// Tells whether sixteen characters are as different from each other as random ones are.
///
/// Of sixteen random characters out of 32 some thirteen differ; fewer than seven is less likely than one in ten million.
fn is_random(random: &[u8]) -> bool {
    let mut seen = [false; 256];
    for character in random {
        seen[usize::from(*character)] = true;
    }
    if seen.iter().filter(|seen| **seen).count() < 7 {
        return false;
    }
    let longest_run = |step: u8| {
        let mut longest = 1;
        let mut run = 1;
        for pair in random.windows(2) {
            run = if pair[0].wrapping_add(step) == pair[1] { run + 1 } else { 1 };
            longest = longest.max(run);
        }
        longest
    };
    // ABCDEF, 765432, AAAAA: none comes about by chance.
    longest_run(1) < 6 && longest_run(255) < 6 && longest_run(0) < 5
}

/// Returns the value of a character of base32 (RFC 4648 §6).
const fn value(character: u8) -> Option<u8> {
    match character {
        b'A'..=b'Z' => Some(character - b'A'),
        b'2'..=b'7' => Some(character - b'2' + 26),
        _ => None,
    }
}

/// `account = (first 48 bits AND 0x7fffffffff80) >> 7`, of the sixteen characters in base32.
fn account_bits(random: &[u8]) -> u64 {
    // Ten characters are 50 bits, and the last two of them are beyond the 48.
    let bits =
        random.iter().take(10).fold(0_u64, |bits, c| (bits << 5) | u64::from(value(*c).unwrap_or(0))) >> 2;
    (bits & 0x7fff_ffff_ff80) >> 7
}

/// Returns the account in the sixteen characters; ids of the old generation, whose first bit is 0, hold none.
fn account(random: &[u8]) -> Option<String> {
    let is_new = random.first().and_then(|c| value(*c)).is_some_and(|first| first >= 16);
    let number = account_bits(random);
    (is_new && number <= 999_999_999_999).then(|| format!("{number:012}"))
}

/// Returns the account that an access key id holds, twelve digits; ids of the old generation hold none.
pub fn account_of(access_key_id: &str) -> Option<String> {
    let id = access_key_id.as_bytes();
    let random = id
        .get(4..LENGTH)
        .filter(|random| id.len() == LENGTH && random.iter().all(|c| value(*c).is_some()))?;
    account(random)
}

/// Base64 with or without padding, of texts that were found and may be cut off.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Judges a long-term key of Bedrock, `ABSK` and the base64 of `BedrockAPIKey-…-at-ACCOUNT:secret`.
///
/// `text` begins with `ABSK` and ends where the characters of base64 end.
pub(super) fn judge_bedrock(text: &[u8]) -> Option<Judgement> {
    let encoded = text.strip_prefix(b"ABSK")?;
    let trimmed = encoded.strip_suffix(b"==").or_else(|| encoded.strip_suffix(b"=")).unwrap_or(encoded);
    let decoded = BASE64.decode(trimmed).ok()?;
    let name = decoded.split(|c| *c == b':').next().unwrap_or_default();
    if name.len() < decoded.len() && name.starts_with(b"BedrockAPIKey-") && name.len() <= 128 {
        let id = String::from_utf8(name.to_vec()).ok()?;
        if !id.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.+=,@".contains(&c)) {
            return None;
        }
        let account = id.rsplit_once("-at-").map(|(_, account)| account.to_owned());
        let account =
            account.filter(|digits| digits.len() == 12 && digits.bytes().all(|c| c.is_ascii_digit()));
        return Some(Judgement::Key(Key { id, kind: Kind::Bedrock, account, is_secret: true }));
    }
    // The shape alone: AWS does not document what is inside.
    if !(109..=269).contains(&trimmed.len()) {
        return None;
    }
    let id = format!("ABSK… (SHA-256 {})", hex::encode(&Sha256::digest(text)[..4]));
    if trimmed.windows(16).any(|window| window.iter().all(|c| *c == window[0])) {
        return Some(Judgement::Passed(id, PLACEHOLDER));
    }
    Some(Judgement::Key(Key { id, kind: Kind::Bedrock, account: None, is_secret: true }))
}

/// Judges a short-term key of Bedrock: what follows `bedrock-api-key-` is the base64 of a signed request.
pub(super) fn judge_bedrock_short_term(encoded: &[u8]) -> Option<Judgement> {
    let end = encoded.iter().position(|c| !is_base64(*c)).unwrap_or(encoded.len());
    let decoded = BASE64.decode(&encoded[..end]).ok()?;
    let marker = b"X-Amz-Credential=";
    let at = decoded.windows(marker.len()).position(|window| window == marker)? + marker.len();
    match judge(decoded.get(at..at + LENGTH)?)? {
        Judgement::Key(key) => {
            Some(Judgement::Key(Key { kind: Kind::BedrockShortTerm, is_secret: true, ..key }))
        }
        passed @ Judgement::Passed(..) => Some(passed),
    }
}

/// Tells whether a character is one of base64, in its usual alphabet and without padding.
pub(super) const fn is_base64(character: u8) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, b'+' | b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str) -> Key {
        match judge(id.as_bytes()) {
            Some(Judgement::Key(key)) => key,
            other => panic!("{id}: {other:?}"),
        }
    }

    /// The account of the public write-up's example, and the generation without one.
    #[test]
    fn the_account_is_in_the_id() {
        assert_eq!(key("ASIAQNZGKIQY56JQ7WML").account.as_deref(), Some("029608264753"));
        assert_eq!(key("AKIAJQ5WQCVX7MZ4NTHA").account, None);
    }

    #[test]
    fn what_cannot_be_an_id_is_none() {
        for text in ["AKIAQNZGKIQY56JQ7WM1", "akiaqnzgkiqy56jq7wml", "AIDAQNZGKIQY56JQ7WML", "AKIAQNZGKIQY"] {
            assert_eq!(judge(text.as_bytes()), None, "{text}");
        }
        for (text, why) in [
            ("AKIAIOSFODNN7EXAMPLE", DOCUMENTATION),
            ("AKIAXXXXXXXXXXXXXXXX", PLACEHOLDER),
            ("AKIAABCDEFGHIJKLMNOP", PLACEHOLDER),
            ("AKIATESTQNZGKIQY56JQ", PLACEHOLDER),
            ("AKIAQYLPMN5HHHFPZAM2", CANARY),
        ] {
            assert_eq!(judge(text.as_bytes()), Some(Judgement::Passed(text.to_owned(), why)), "{text}");
        }
    }

    #[test]
    fn a_key_of_bedrock_is_named_and_not_shown() {
        let text = BASE64.encode("BedrockAPIKey-ab12-at-111122223333:c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0");
        let Some(Judgement::Key(key)) = judge_bedrock(format!("ABSK{text}").as_bytes()) else {
            panic!("it is one")
        };
        assert_eq!(
            (key.id.as_str(), key.account.as_deref()),
            ("BedrockAPIKey-ab12-at-111122223333", Some("111122223333"))
        );
        assert!(key.is_secret);
    }
}
