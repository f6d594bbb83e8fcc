//! PKCS#12 stores (RFC 7292), `.p12` and `.pfx` files: certificates and keys in one.
//!
//! Encrypted parts are opened with one password; the MAC distinguishes a wrong password from damage. The contents are
//! returned as blocks, as if they were PEM: matching the certificate to the key and building the chain happen there.

mod cipher;
mod derivation;
mod mac;

use std::fmt;

use pkcs8::der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use pkcs8::der::{Reader as _, SliceReader, Tag, TagNumber, Tagged as _};
use pkcs8::spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::ber;
use super::der::{context, element};
use super::pem::{Block, Label};
use crate::secret::Secret;
use mac::Mac;

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const ENVELOPED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.3");
const ENCRYPTED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.6");
const KEY_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.1");
const ENCRYPTED_KEY_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.2");
const CERTIFICATE_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.3");
const NESTED_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.6");
const X509_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.22.1");
const LOCAL_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.21");

/// The most iterations of all derivations together: some seconds of work. OpenSSL uses 2,048 for each, Java 10,000.
const ITERATION_LIMIT: u32 = 10_000_000;
/// The most encrypted parts. A store of one identity has two.
const PART_LIMIT: u32 = 64;
/// The most certificates and keys.
const BAG_LIMIT: usize = 300;
/// The deepest nesting of bags; no program is known to nest them.
const NESTING_LIMIT: u8 = 4;

/// Why a store cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Pkcs12Error {
    /// There are this many private keys, and nothing says which one to use.
    #[error("it holds {0} private keys")]
    Ambiguous(usize),
    /// It is cut off, or not what it should be.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// Its protection is not supported, or too costly to open.
    #[error("{0}")]
    Unsupported(String),
    /// The password does not open it.
    #[error("the password does not open it")]
    WrongPassword,
}

/// Opens a store: its private key, if there is one, and all its certificates.
///
/// Of several private keys, the one with a certificate of the same local key id is used.
///
/// # Errors
///
/// Distinguishes a wrong password from unsupported protection and from damage.
pub fn open(store: &[u8], password: &Secret<String>) -> Result<Vec<Block>, Pkcs12Error> {
    let der = ber::to_der(store).ok_or_else(|| cut_off(store))?;
    let store = Store::read(&der)?;
    let mut outcome = Err(Pkcs12Error::WrongPassword);
    for password in Passphrase::forms(password) {
        outcome = store.open(&password);
        if outcome != Err(Pkcs12Error::WrongPassword) {
            break;
        }
    }
    outcome?.into_blocks()
}

/// Checks a store as far as possible without its password.
///
/// # Errors
///
/// As [`open`].
pub fn check(store: &[u8]) -> Result<(), Pkcs12Error> {
    let der = ber::to_der(store).ok_or_else(|| cut_off(store))?;
    Store::read(&der).map(|_| ())
}

/// The remaining cost of derivations that is allowed.
struct Budget {
    iterations: u32,
    parts: u32,
}

impl Budget {
    const fn full() -> Self {
        Self { iterations: ITERATION_LIMIT, parts: PART_LIMIT }
    }

    /// Rejects what would take too long, before anything is derived.
    fn spend(&mut self, iterations: u32) -> Result<(), Pkcs12Error> {
        if iterations == 0 {
            return Err(damaged("its password is derived in no iterations"));
        }
        let left = self.iterations.checked_sub(iterations).zip(self.parts.checked_sub(1));
        let Some((iterations_left, parts_left)) = left else {
            return Err(Pkcs12Error::Unsupported(format!(
                "its password protection is too costly: {iterations} iterations, at most {ITERATION_LIMIT} are done in all"
            )));
        };
        *self = Self { iterations: iterations_left, parts: parts_left };
        Ok(())
    }
}

/// A password, in both encodings used for derivation.
struct Passphrase {
    utf8: Zeroizing<Vec<u8>>,
    wide: Zeroizing<Vec<u8>>,
}

impl Passphrase {
    /// Returns the encodings of the password. An empty one has two: no octets, or only the terminator.
    fn forms(password: &Secret<String>) -> Vec<Self> {
        let text = password.expose();
        let utf8 = || Zeroizing::new(text.as_bytes().to_vec());
        let mut wide = Zeroizing::new(Vec::with_capacity(2 * text.len() + 2));
        text.encode_utf16().for_each(|unit| wide.extend(unit.to_be_bytes()));
        wide.extend([0, 0]);
        let mut forms = vec![Self { utf8: utf8(), wide }];
        if text.is_empty() {
            forms.push(Self { utf8: utf8(), wide: Zeroizing::new(Vec::new()) });
        }
        forms
    }

    /// For PBES2 and PBMAC1.
    fn utf8(&self) -> &[u8] {
        &self.utf8
    }

    /// For the derivation of PKCS#12: UTF-16 and two zero octets.
    fn wide(&self) -> &[u8] {
        &self.wide
    }
}

/// A store that has not been opened yet.
struct Store<'a> {
    content: &'a [u8],
    mac: Option<Mac<'a>>,
}

impl<'a> Store<'a> {
    /// Reads `SEQUENCE { INTEGER 3, content, MAC OPTIONAL }`.
    fn read(der: &'a [u8]) -> Result<Self, Pkcs12Error> {
        let unreadable = || damaged("its outermost structure cannot be read");
        let mut outer = SliceReader::new(der).map_err(|_| unreadable())?;
        let mut body = element(&mut outer, Tag::Sequence).ok_or_else(unreadable)?;
        let _version: AnyRef<'_> = body.decode().map_err(|_| unreadable())?;
        let (name, content) = content_info(&mut body).ok_or_else(unreadable)?;
        if name == SIGNED_DATA {
            let why = "it is signed with a key, instead of protected by a password";
            return Err(Pkcs12Error::Unsupported(String::from(why)));
        }
        let content = octets(content).filter(|_| name == DATA).ok_or_else(unreadable)?;
        let mac = if body.is_finished() {
            None
        } else {
            Some(Mac::read(&mut body).map_err(|_| damaged("its MAC cannot be read"))?)
        };
        Ok(Self { content, mac })
    }

    fn open(&self, password: &Passphrase) -> Result<Content, Pkcs12Error> {
        let mut opening =
            Opening { password, budget: Budget::full(), proven: false, content: Content::default() };
        let mac = self.mac.as_ref();
        let fits = mac.map(|mac| mac.fits(self.content, password, &mut opening.budget)).transpose()?;
        let opened = opening.safes(self.content);
        match (fits, opened) {
            (_, Err(error @ Pkcs12Error::Unsupported(_))) => Err(error),
            (Some(false), _) if opening.proven => {
                Err(damaged("the password opens it, and its MAC does not fit its content"))
            }
            (Some(false), _) => Err(Pkcs12Error::WrongPassword),
            (Some(true), Err(Pkcs12Error::WrongPassword)) => Err(damaged(
                "its MAC is right, and what it encrypts does not open: does the key have a password of its own?",
            )),
            (_, Err(error)) => Err(error),
            (_, Ok(())) => Ok(opening.content),
        }
    }
}

/// The contents of a store.
#[derive(Default, PartialEq)]
struct Content {
    keys: Vec<Item>,
    certificates: Vec<Item>,
}

/// A key in PKCS#8 or a certificate, and the id that links them.
#[derive(PartialEq)]
struct Item {
    der: Zeroizing<Vec<u8>>,
    local_key_id: Option<Vec<u8>>,
}

/// Shows none of the contents.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} keys, {} certificates)", self.keys.len(), self.certificates.len())
    }
}

impl Content {
    fn into_blocks(self) -> Result<Vec<Block>, Pkcs12Error> {
        let Self { mut keys, certificates } = self;
        if keys.len() > 1 {
            let has_certificate = |key: &Item| {
                key.local_key_id.is_some()
                    && certificates.iter().any(|certificate| certificate.local_key_id == key.local_key_id)
            };
            if keys.iter().any(has_certificate) {
                keys.retain(has_certificate);
            }
            if keys.len() > 1 {
                return Err(Pkcs12Error::Ambiguous(keys.len()));
            }
        }
        let block = |label: Label| {
            move |item: Item| Block { label: label.clone(), line: 0, der: item.der, legacy_encryption: false }
        };
        let keys = keys.into_iter().map(block(Label::PrivateKey));
        Ok(keys.chain(certificates.into_iter().map(block(Label::Certificate))).collect())
    }
}

/// A store that is being opened.
struct Opening<'a> {
    password: &'a Passphrase,
    budget: Budget,
    /// Whether something was decrypted, so that the password is right.
    proven: bool,
    content: Content,
}

impl Opening<'_> {
    /// Reads `SEQUENCE OF content`. All are tried, so that a damaged one does not hide that the password is right.
    fn safes(&mut self, content: &[u8]) -> Result<(), Pkcs12Error> {
        let unreadable = || damaged("its content cannot be read");
        let der = ber::to_der(content).ok_or_else(unreadable)?;
        let mut outer = SliceReader::new(&der).map_err(|_| unreadable())?;
        let mut safes = element(&mut outer, Tag::Sequence).ok_or_else(unreadable)?;
        let mut outcome = Ok(());
        while !safes.is_finished() {
            let (name, content) = content_info(&mut safes).ok_or_else(unreadable)?;
            outcome = worse(outcome, self.safe(&name, content));
        }
        outcome
    }

    fn safe(&mut self, name: &ObjectIdentifier, content: AnyRef<'_>) -> Result<(), Pkcs12Error> {
        let unreadable = || damaged("a part of it cannot be read");
        if *name == DATA {
            return self.bags(octets(content).ok_or_else(unreadable)?, 0);
        }
        if *name == ENVELOPED_DATA {
            let why = "it is encrypted to a key, instead of with a password";
            return Err(Pkcs12Error::Unsupported(String::from(why)));
        }
        if *name != ENCRYPTED_DATA {
            return Err(unreadable());
        }
        let (algorithm, ciphertext) = encrypted_content(content).ok_or_else(unreadable)?;
        let clear = self.decrypt(&algorithm, &ciphertext)?;
        self.bags(&clear, 0)
    }

    fn decrypt(
        &mut self,
        algorithm: &AlgorithmIdentifierRef<'_>,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
        let clear = cipher::decrypt(algorithm, ciphertext, self.password, &mut self.budget)?;
        self.proven = true;
        Ok(clear)
    }

    /// Reads `SEQUENCE OF bag`.
    fn bags(&mut self, safe: &[u8], depth: u8) -> Result<(), Pkcs12Error> {
        let unreadable = || damaged("a part of it cannot be read");
        let der = ber::to_der(safe).ok_or_else(unreadable)?;
        let mut outer = SliceReader::new(&der).map_err(|_| unreadable())?;
        let mut bags = element(&mut outer, Tag::Sequence).ok_or_else(unreadable)?;
        let mut outcome = Ok(());
        while !bags.is_finished() {
            let mut bag = element(&mut bags, Tag::Sequence).ok_or_else(unreadable)?;
            let name: ObjectIdentifier = bag.decode().map_err(|_| unreadable())?;
            let value: AnyRef<'_> = bag.decode().map_err(|_| unreadable())?;
            if value.tag() != context(0) {
                return Err(unreadable());
            }
            let local_key_id = if bag.is_finished() { None } else { local_key_id(&mut bag) };
            outcome = worse(outcome, self.bag(&name, value.value(), local_key_id, depth));
        }
        outcome
    }

    /// Takes a key or a certificate. Revocation lists, secret keys and unknown types are ignored.
    fn bag(
        &mut self,
        name: &ObjectIdentifier,
        value: &[u8],
        local_key_id: Option<Vec<u8>>,
        depth: u8,
    ) -> Result<(), Pkcs12Error> {
        let unreadable = || damaged("a key or certificate in it cannot be read");
        if self.content.keys.len() + self.content.certificates.len() == BAG_LIMIT {
            return Err(Pkcs12Error::Unsupported(format!(
                "it holds more than {BAG_LIMIT} keys and certificates"
            )));
        }
        let item = |der| Item { der, local_key_id };
        if *name == KEY_BAG {
            self.content.keys.push(item(Zeroizing::new(value.to_vec())));
        } else if *name == ENCRYPTED_KEY_BAG {
            let (algorithm, ciphertext) = encrypted_key(value).ok_or_else(unreadable)?;
            let clear = self.decrypt(&algorithm, ciphertext)?;
            self.content.keys.push(item(clear));
        } else if *name == CERTIFICATE_BAG {
            if let Some(certificate) = certificate(value).ok_or_else(unreadable)? {
                self.content.certificates.push(item(Zeroizing::new(certificate.to_vec())));
            }
        } else if *name == NESTED_BAG && depth < NESTING_LIMIT {
            self.bags(value, depth + 1)?;
        }
        Ok(())
    }
}

/// Returns the more informative error: unsupported before damage before a wrong password.
fn worse(one: Result<(), Pkcs12Error>, other: Result<(), Pkcs12Error>) -> Result<(), Pkcs12Error> {
    let rank = |outcome: &Result<(), Pkcs12Error>| match outcome {
        Ok(()) => 0,
        Err(Pkcs12Error::WrongPassword) => 1,
        Err(Pkcs12Error::Damaged(_) | Pkcs12Error::Ambiguous(_)) => 2,
        Err(Pkcs12Error::Unsupported(_)) => 3,
    };
    if rank(&other) > rank(&one) { other } else { one }
}

/// Reads `SEQUENCE { name, [0] content }`.
fn content_info<'a>(reader: &mut SliceReader<'a>) -> Option<(ObjectIdentifier, AnyRef<'a>)> {
    let mut info = element(reader, Tag::Sequence)?;
    let name = info.decode().ok()?;
    let mut content = element(&mut info, context(0))?;
    Some((name, content.decode().ok()?))
}

/// Reads `SEQUENCE { version, SEQUENCE { name, algorithm, [0] ciphertext } }`.
fn encrypted_content(content: AnyRef<'_>) -> Option<(AlgorithmIdentifierRef<'_>, Zeroizing<Vec<u8>>)> {
    let mut body = SliceReader::new(content.value()).ok().filter(|_| content.tag() == Tag::Sequence)?;
    let _version: AnyRef<'_> = body.decode().ok()?;
    let mut info = element(&mut body, Tag::Sequence)?;
    let _name: ObjectIdentifier = info.decode().ok()?;
    let algorithm = info.decode().ok()?;
    let ciphertext: AnyRef<'_> = info.decode().ok()?;
    if ciphertext.tag() == (Tag::ContextSpecific { constructed: false, number: TagNumber(0) }) {
        return Some((algorithm, Zeroizing::new(ciphertext.value().to_vec())));
    }
    // Constructed, as BER allows.
    let mut pieces = SliceReader::new(ciphertext.value()).ok().filter(|_| ciphertext.tag() == context(0))?;
    let mut whole = Zeroizing::new(Vec::new());
    while !pieces.is_finished() {
        whole.extend_from_slice(octets(pieces.decode().ok()?)?);
    }
    Some((algorithm, whole))
}

/// Reads the `SEQUENCE { algorithm, OCTET STRING }` of encrypted PKCS#8.
fn encrypted_key(value: &[u8]) -> Option<(AlgorithmIdentifierRef<'_>, &[u8])> {
    let mut outer = SliceReader::new(value).ok()?;
    let mut body = element(&mut outer, Tag::Sequence)?;
    let algorithm = body.decode().ok()?;
    let ciphertext: &OctetStringRef = body.decode().ok()?;
    Some((algorithm, ciphertext.as_bytes()))
}

/// Reads `SEQUENCE { kind, [0] OCTET STRING }`; the inner `None` is for a certificate that is not X.509.
fn certificate(value: &[u8]) -> Option<Option<&[u8]>> {
    let mut outer = SliceReader::new(value).ok()?;
    let mut body = element(&mut outer, Tag::Sequence)?;
    let kind: ObjectIdentifier = body.decode().ok()?;
    if kind != X509_CERTIFICATE {
        return Some(None);
    }
    let mut content = element(&mut body, context(0))?;
    octets(content.decode().ok()?).map(Some)
}

/// Reads the local key id from `SET OF SEQUENCE { name, SET OF value }`.
fn local_key_id(bag: &mut SliceReader<'_>) -> Option<Vec<u8>> {
    let mut attributes = element(bag, Tag::Set)?;
    while !attributes.is_finished() {
        let mut attribute = element(&mut attributes, Tag::Sequence)?;
        let name: ObjectIdentifier = attribute.decode().ok()?;
        let mut values = element(&mut attribute, Tag::Set)?;
        if name == LOCAL_KEY_ID {
            return octets(values.decode().ok()?).map(<[u8]>::to_vec);
        }
    }
    None
}

fn octets(element: AnyRef<'_>) -> Option<&[u8]> {
    (element.tag() == Tag::OctetString).then(|| element.value())
}

fn damaged(why: &str) -> Pkcs12Error {
    Pkcs12Error::Damaged(String::from(why))
}

fn cut_off(store: &[u8]) -> Pkcs12Error {
    Pkcs12Error::Damaged(format!("it is cut off, or goes on after its end ({} octets)", store.len()))
}
