//! TSS2 key files: the public and the wrapped private part of a key, and below which parent it is (TPM 2.0 Key Files, [draft-bottomley-tpm-keys]).
//!
//! ```text
//! TPMKey ::= SEQUENCE {
//!   type OBJECT IDENTIFIER, emptyAuth [0] BOOLEAN OPTIONAL, policy [1] SEQUENCE OPTIONAL, secret [2] OCTET STRING OPTIONAL,
//!   authPolicy [3] SEQUENCE OPTIONAL, description [4] UTF8String OPTIONAL, rsaParent [5] BOOLEAN OPTIONAL,
//!   parent INTEGER, pubkey OCTET STRING, privkey OCTET STRING }
//! ```
//!
//! [draft-bottomley-tpm-keys]: https://www.hansenpartnership.com/draft-bottomley-tpm2-keys.html

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pkcs8::der::asn1::{Any, AnyRef, ObjectIdentifier, OctetStringRef, UintRef};
use pkcs8::der::{Decode as _, Encode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};
use zeroize::Zeroizing;

use super::error::TpmError;
use super::public::SigningPublic;
use super::wire::{Reader, Writer};

const LOADABLE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.10.1.3");
const IMPORTABLE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.10.1.4");
const SEALED: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.10.1.5");

/// The most octets of a key's public and private part together: what a TPM takes in one command.
const PARTS_LIMIT: usize = 3072;
/// Where hierarchies begin and end: owner, null, endorsement, platform are among them.
const HIERARCHIES: std::ops::RangeInclusive<u32> = 0x4000_0001..=0x4000_000C;
/// Where objects are that stay.
const PERSISTENT: std::ops::RangeInclusive<u32> = 0x8100_0000..=0x81FF_FFFF;

/// A key file that was read.
#[derive(Clone, Debug)]
pub struct KeyFile {
    /// What the file says of a password; it is often wrong, and so believed in little things only.
    pub(super) empty_auth: Option<bool>,
    pub(super) parent: Parent,
    /// `TPMT_PUBLIC`.
    pub(super) public: Vec<u8>,
    /// What is in the `TPM2B_PRIVATE`.
    pub(super) private: Vec<u8>,
    /// Of an importable key: the seed under which the private part is encrypted to its parent.
    pub(super) secret: Option<Vec<u8>>,
}

/// Below which key a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parent {
    /// The storage key that is made in this hierarchy.
    Made {
        /// Which hierarchy: `0x40000001` is the owner's.
        hierarchy: u32,
        /// Whether it is the RSA one.
        is_rsa: bool,
    },
    /// A key that stays in the TPM.
    Persistent(u32),
}

impl Parent {
    /// The storage key of the owner, which is what most key files mean.
    pub const OWNER: Self = Self::Made { hierarchy: 0x4000_0001, is_rsa: false };

    /// Returns the parent that a number means, as `0x81000001`; `None` where that is none.
    pub fn of_handle(handle: u32, is_rsa: bool) -> Option<Self> {
        if PERSISTENT.contains(&handle) {
            Some(Self::Persistent(handle))
        } else if HIERARCHIES.contains(&handle) {
            Some(Self::Made { hierarchy: handle, is_rsa })
        } else {
            None
        }
    }

    const fn handle(self) -> u32 {
        match self {
            Self::Made { hierarchy, .. } => hierarchy,
            Self::Persistent(handle) => handle,
        }
    }
}

impl KeyFile {
    /// Reads the DER of a key file.
    ///
    /// # Errors
    ///
    /// Fails if it is damaged, or of a kind that cannot sign here: a sealed secret, a key that a policy guards.
    pub fn from_der(der: &[u8]) -> Result<Self, TpmError> {
        let fields = Fields::read(der).ok_or(TpmError::KeyDamaged("it is no TSS2 key file"))?;
        if fields.kind == SEALED {
            return Err(unsupported("it is a sealed secret, and no key"));
        }
        if fields.kind != LOADABLE && fields.kind != IMPORTABLE {
            return Err(unsupported(&format!("it is of a kind with the unknown name {}", fields.kind)));
        }
        if fields.has_policy {
            return Err(unsupported("a policy guards the key, and policies are not supported"));
        }
        let parent = Parent::of_handle(fields.parent, fields.is_rsa_parent)
            .ok_or(TpmError::KeyDamaged("its parent is neither a hierarchy nor a persistent handle"))?;
        let contents = |octets: &[u8]| {
            let mut reader = Reader::new(octets);
            let contents = reader.sized().filter(|_| reader.is_empty());
            contents.map(<[u8]>::to_vec)
        };
        let secret = if fields.kind == IMPORTABLE {
            let secret = fields.secret.and_then(contents);
            Some(secret.ok_or(TpmError::KeyDamaged("it is to be imported, and lacks the secret for that"))?)
        } else {
            None
        };
        let secret_length = secret.as_ref().map_or(0, Vec::len);
        if fields.public.len() + fields.private.len() + secret_length > PARTS_LIMIT {
            return Err(TpmError::KeyDamaged("its parts are larger than a TPM takes"));
        }
        Ok(Self {
            empty_auth: fields.empty_auth,
            parent,
            public: contents(fields.public)
                .ok_or(TpmError::KeyDamaged("its public part has another length"))?,
            private: contents(fields.private)
                .ok_or(TpmError::KeyDamaged("its private part has another length"))?,
            secret,
        })
    }

    /// Returns the public key in DER, as a certificate carries it.
    ///
    /// # Errors
    ///
    /// Fails if the key cannot sign for AWS.
    pub fn public_key(&self) -> Result<crate::x509::SubjectPublicKeyInfo, TpmError> {
        SigningPublic::read(&self.public).map(|public| public.key)
    }

    /// Returns the file's text: PEM, in lines of 64 characters.
    pub fn to_pem(&self) -> Zeroizing<String> {
        let base64 = STANDARD.encode(self.to_der());
        let mut text = String::from("-----BEGIN TSS2 PRIVATE KEY-----\n");
        let mut rest = base64.as_str();
        while !rest.is_empty() {
            let (line, after) = rest.split_at(rest.len().min(64));
            text.push_str(line);
            text.push('\n');
            rest = after;
        }
        text.push_str("-----END TSS2 PRIVATE KEY-----\n");
        Zeroizing::new(text)
    }

    fn to_der(&self) -> Vec<u8> {
        let handle = self.parent.handle().to_be_bytes();
        let part = |octets: &[u8]| OctetStringRef::new(&Writer::default().sized(octets).finish())?.to_der();
        let parts = || {
            let has_none = Any::new(Tag::Boolean, [if self.empty_auth == Some(true) { 0xFF } else { 0 }])?;
            let tag = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };
            let body = [
                LOADABLE.to_der()?,
                Any::new(tag, has_none.to_der()?)?.to_der()?,
                UintRef::new(&handle)?.to_der()?,
                part(&self.public)?,
                part(&self.private)?,
            ];
            Any::new(Tag::Sequence, body.concat())?.to_der()
        };
        // Only a length of more than 256 MiB has no DER.
        parts().unwrap_or_default()
    }
}

fn unsupported(why: &str) -> TpmError {
    TpmError::KeyUnsupported {
        why: why.to_owned(),
        cure: "make a key that signs freely, with a password or without: anyrole pki request --tpm",
    }
}

/// What stands in a key file.
struct Fields<'a> {
    kind: ObjectIdentifier,
    empty_auth: Option<bool>,
    has_policy: bool,
    secret: Option<&'a [u8]>,
    is_rsa_parent: bool,
    parent: u32,
    public: &'a [u8],
    private: &'a [u8],
}

impl<'a> Fields<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let outer = AnyRef::from_der(der).ok().filter(|outer| outer.tag() == Tag::Sequence)?;
        let mut reader = SliceReader::new(outer.value()).ok()?;
        let kind: ObjectIdentifier = reader.decode().ok()?;
        let (mut empty_auth, mut has_policy, mut secret, mut is_rsa_parent) = (None, false, None, false);
        let parent = loop {
            let field: AnyRef<'a> = reader.decode().ok()?;
            if field.tag() == Tag::Integer {
                break field.value();
            }
            let Tag::ContextSpecific { number: TagNumber(number), .. } = field.tag() else { return None };
            let inner = AnyRef::from_der(field.value()).ok()?;
            match number {
                // `true` is 1 here, where DER has 255.
                0 => empty_auth = Some(inner.value().iter().any(|octet| *octet != 0)),
                1 | 3 => has_policy |= !inner.value().is_empty(),
                2 => secret = Some(inner.value()),
                5 => is_rsa_parent = inner.value().iter().any(|octet| *octet != 0),
                _ => {}
            }
        };
        let mut octets = || {
            let field: AnyRef<'a> = reader.decode().ok()?;
            (field.tag() == Tag::OctetString).then(|| field.value())
        };
        let (public, private) = (octets()?, octets()?);
        // Programs of old wrote a handle as a negative number, without the zero before it.
        let parent = match parent {
            [0, rest @ ..] if rest.len() == 4 => rest,
            other => other,
        };
        let mut handle = [0; 4];
        handle.get_mut(4usize.checked_sub(parent.len())?..)?.copy_from_slice(parent);
        Some(Self {
            kind,
            empty_auth,
            has_policy,
            secret,
            is_rsa_parent,
            parent: u32::from_be_bytes(handle),
            public,
            private,
        })
    }
}
