//! What the program and its helper `anyrole-pkcs11` say to each other over two pipes.
//!
//! A frame is its length in four octets, most significant first, and that many octets. The helper begins with [`Reply::Hello`]; then each
//! request has one reply. Whatever comes from the other side is bounded, and what does not fit is no message. A PIN is in a request only,
//! and every buffer that a request passes through is wiped.

use std::io::{self, Read, Write};

use zeroize::Zeroizing;

use super::uri::Class;
use crate::secret::Secret;

/// The version of what is said; the program and the helper must be of the same.
pub const PROTOCOL: u16 = 1;
/// The longest frame, in octets: the certificates of a token, and much more than any PIN.
pub const FRAME_LIMIT: usize = 4 * 1024 * 1024;
/// The most objects in one reply; more are a refusal.
pub const OBJECTS_LIMIT: usize = 512;
/// The largest attribute of an object that is passed on, in octets.
pub const ATTRIBUTE_LIMIT: usize = 64 * 1024;

/// What the program asks.
#[derive(Debug)]
pub enum Request {
    /// Load this module and initialise it; the first request, and asked once.
    Load(String),
    /// Which tokens are there?
    Tokens,
    /// Which objects of a class are on the token of a slot?
    Find {
        /// The slot's number.
        slot: u64,
        /// The class.
        class: Class,
        /// The label they have to have.
        label: Option<String>,
        /// The id they have to have.
        id: Option<Vec<u8>>,
    },
    /// Log in to the token of a slot.
    Login {
        /// The slot's number.
        slot: u64,
        /// The user's PIN; absent where the token has a way of its own to ask.
        pin: Option<Secret<Vec<u8>>>,
    },
    /// Sign with a private key.
    Sign(Box<SignRequest>),
}

/// What is to be signed, in the two forms that tokens take.
#[derive(Debug)]
pub struct SignRequest {
    /// The number of the private key, by which [`Object::number`] named it.
    pub object: u32,
    /// What kind of key it is.
    pub kind: KeyFamily,
    /// The hash function.
    pub digest: Digest,
    /// What is signed by a token that hashes.
    pub message: Vec<u8>,
    /// What is signed by one that does not: a DigestInfo for RSA, the hash for ECDSA.
    pub hashed: Vec<u8>,
    /// The length of a coordinate of the curve in octets; 0 for RSA.
    pub field: u16,
    /// The key asks for a PIN at each signature.
    pub authentication: Authentication,
}

/// What a key wants before it signs.
#[derive(Debug)]
pub enum Authentication {
    /// Nothing beyond the login.
    None,
    /// A PIN of its own.
    Pin(Secret<Vec<u8>>),
    /// A PIN, which the token asks for in its own way.
    Device,
}

/// The families of keys that can sign here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFamily {
    /// ECDSA.
    Ec,
    /// RSASSA-PKCS1-v1_5.
    Rsa,
}

/// The hash functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// What the helper answers.
#[derive(Debug)]
pub enum Reply {
    /// The helper is there.
    Hello {
        /// Its [`PROTOCOL`].
        protocol: u16,
        /// Its version.
        version: String,
    },
    /// The module is loaded and initialised.
    Loaded(Library),
    /// The tokens.
    Tokens(Vec<Token>),
    /// The objects.
    Objects(Vec<Object>),
    /// Logged in.
    LoggedIn,
    /// A signature: PKCS#1 octets, or the two numbers of ECDSA one after the other.
    Signature(Vec<u8>),
    /// The module refused.
    Refused(Refused),
}

/// What a module says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Library {
    /// Who made it.
    pub manufacturer: String,
    /// What it is.
    pub description: String,
    /// Its version: `2.6`.
    pub version: String,
}

/// A token in a slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Token {
    /// The slot's number.
    pub slot: u64,
    /// The slot's description.
    pub slot_description: String,
    /// Who made the slot.
    pub slot_manufacturer: String,
    /// Its label.
    pub label: String,
    /// Who made it.
    pub manufacturer: String,
    /// Its model.
    pub model: String,
    /// Its serial number.
    pub serial: String,
    /// It wants a login before private objects are seen.
    pub login_required: bool,
    /// It asks for the PIN in its own way: a reader with keys.
    pub own_way_to_ask: bool,
    /// A wrong PIN was entered since the last right one.
    pub pin_count_low: bool,
    /// The next wrong PIN locks it.
    pub pin_final_try: bool,
    /// The PIN is locked.
    pub pin_locked: bool,
    /// It has a user PIN.
    pub has_pin: bool,
}

/// An object on a token; what the token does not tell is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    /// Its number, which later requests name it by.
    pub number: u32,
    /// Its label.
    pub label: String,
    /// Its id.
    pub id: Vec<u8>,
    /// A certificate in DER.
    pub value: Vec<u8>,
    /// A key's SubjectPublicKeyInfo in DER.
    pub public_key_info: Vec<u8>,
    /// The modulus of an RSA key.
    pub modulus: Vec<u8>,
    /// The public exponent of an RSA key.
    pub public_exponent: Vec<u8>,
    /// The parameters of an EC key in DER.
    pub ec_params: Vec<u8>,
    /// The point of an EC key, in an OCTET STRING or without.
    pub ec_point: Vec<u8>,
    /// A private key that can sign.
    pub signs: bool,
    /// A private key that asks for a PIN at each signature.
    pub always_authenticate: bool,
}

/// Why the module refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What it means.
    pub kind: RefusedKind,
    /// The function and its answer: `C_Login: CKR_PIN_INCORRECT`; or what the loader said.
    pub text: String,
}

/// What a refusal means, as far as that decides what happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedKind {
    /// The module could not be loaded.
    NotLoaded,
    /// Anything else.
    Other,
    /// The PIN is wrong.
    PinIncorrect,
    /// The PIN cannot be right: too long, too short, or of forbidden characters.
    PinInvalid,
    /// The PIN is locked.
    PinLocked,
    /// The token is gone.
    TokenGone,
    /// The token or the module cannot sign this way.
    Unsupported,
}

/// A message that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message is malformed")]
pub struct Malformed;

/// Writes one frame.
///
/// # Errors
///
/// Fails if the pipe is broken, or the frame longer than [`FRAME_LIMIT`].
pub fn write_frame(pipe: &mut impl Write, message: &[u8]) -> io::Result<()> {
    let length = u32::try_from(message.len()).ok().filter(|_| message.len() <= FRAME_LIMIT);
    let length = length.ok_or_else(|| io::Error::other("the message is too long"))?;
    pipe.write_all(&length.to_be_bytes())?;
    pipe.write_all(message)?;
    pipe.flush()
}

/// Reads one frame; `None` at the end of the pipe.
///
/// # Errors
///
/// Fails if the pipe ends within a frame, or the frame is longer than [`FRAME_LIMIT`].
pub fn read_frame(pipe: &mut impl Read) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut length = [0; 4];
    let mut read = 0;
    while read < length.len() {
        match pipe.read(&mut length[read..]) {
            Ok(0) if read == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => read += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > FRAME_LIMIT {
        return Err(io::Error::other("the message is too long"));
    }
    let mut message = Zeroizing::new(vec![0; length]);
    pipe.read_exact(&mut message)?;
    Ok(Some(message))
}

impl Request {
    /// Returns the message of it.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Writer::with_room(4096);
        match self {
            Self::Load(path) => {
                out.octet(0);
                out.text(path);
            }
            Self::Tokens => out.octet(1),
            Self::Find { slot, class, label, id } => {
                out.octet(2);
                out.number(*slot);
                out.octet(class_octet(*class));
                out.optional(label.as_ref().map(String::as_bytes));
                out.optional(id.as_deref());
            }
            Self::Login { slot, pin } => {
                out.octet(3);
                out.number(*slot);
                out.optional(pin.as_ref().map(|pin| pin.expose().as_slice()));
            }
            Self::Sign(request) => {
                let SignRequest { object, kind, digest, message, hashed, field, authentication } = &**request;
                out.0.reserve(4096 + message.len() + hashed.len());
                out.octet(4);
                out.number(u64::from(*object));
                out.octet(match kind {
                    KeyFamily::Ec => 0,
                    KeyFamily::Rsa => 1,
                });
                out.octet(match digest {
                    Digest::Sha256 => 0,
                    Digest::Sha384 => 1,
                    Digest::Sha512 => 2,
                });
                out.octets(message);
                out.octets(hashed);
                out.number(u64::from(*field));
                match authentication {
                    Authentication::None => out.octet(0),
                    Authentication::Pin(pin) => {
                        out.octet(1);
                        out.octets(pin.expose());
                    }
                    Authentication::Device => out.octet(2),
                }
            }
        }
        out.0
    }

    /// Reads the message of one.
    ///
    /// # Errors
    ///
    /// Fails if it is none.
    pub fn decode(message: &[u8]) -> Result<Self, Malformed> {
        let mut input = Reader(message);
        let request = match input.octet()? {
            0 => Self::Load(input.text()?),
            1 => Self::Tokens,
            2 => Self::Find {
                slot: input.number()?,
                class: class_of(input.octet()?)?,
                label: input.optional()?.map(text_of).transpose()?,
                id: input.optional()?.map(<[u8]>::to_vec),
            },
            3 => Self::Login {
                slot: input.number()?,
                pin: input.optional()?.map(|pin| Secret::new(pin.to_vec())),
            },
            4 => Self::Sign(Box::new(SignRequest {
                object: u32::try_from(input.number()?).map_err(|_| Malformed)?,
                kind: match input.octet()? {
                    0 => KeyFamily::Ec,
                    1 => KeyFamily::Rsa,
                    _ => return Err(Malformed),
                },
                digest: match input.octet()? {
                    0 => Digest::Sha256,
                    1 => Digest::Sha384,
                    2 => Digest::Sha512,
                    _ => return Err(Malformed),
                },
                message: input.octets()?.to_vec(),
                hashed: input.octets()?.to_vec(),
                field: u16::try_from(input.number()?).map_err(|_| Malformed)?,
                authentication: match input.octet()? {
                    0 => Authentication::None,
                    1 => Authentication::Pin(Secret::new(input.octets()?.to_vec())),
                    2 => Authentication::Device,
                    _ => return Err(Malformed),
                },
            })),
            _ => return Err(Malformed),
        };
        input.end().map(|()| request)
    }
}

impl Reply {
    /// Returns the message of it.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Writer::with_room(1024);
        match self {
            Self::Hello { protocol, version } => {
                out.octet(0);
                out.number(u64::from(*protocol));
                out.text(version);
            }
            Self::Loaded(Library { manufacturer, description, version }) => {
                out.octet(1);
                [manufacturer, description, version].into_iter().for_each(|text| out.text(text));
            }
            Self::Tokens(tokens) => {
                out.octet(2);
                tokens.iter().for_each(|token| token.encode(&mut out));
            }
            Self::Objects(objects) => {
                out.octet(3);
                objects.iter().for_each(|object| object.encode(&mut out));
            }
            Self::LoggedIn => out.octet(4),
            Self::Signature(octets) => {
                out.octet(5);
                out.octets(octets);
            }
            Self::Refused(Refused { kind, text }) => {
                out.octet(6);
                out.octet(kind_octet(*kind));
                out.text(text);
            }
        }
        out.0
    }

    /// Reads the message of one.
    ///
    /// # Errors
    ///
    /// Fails if it is none.
    pub fn decode(message: &[u8]) -> Result<Self, Malformed> {
        let mut input = Reader(message);
        let reply = match input.octet()? {
            0 => Self::Hello {
                protocol: u16::try_from(input.number()?).map_err(|_| Malformed)?,
                version: input.text()?,
            },
            1 => Self::Loaded(Library {
                manufacturer: input.text()?,
                description: input.text()?,
                version: input.text()?,
            }),
            2 => Self::Tokens(input.all(Token::decode)?),
            3 => Self::Objects(input.all(Object::decode)?),
            4 => Self::LoggedIn,
            5 => Self::Signature(input.octets()?.to_vec()),
            6 => Self::Refused(Refused {
                kind: *KINDS.get(usize::from(input.octet()?)).ok_or(Malformed)?,
                text: input.text()?,
            }),
            _ => return Err(Malformed),
        };
        input.end().map(|()| reply)
    }
}

impl Token {
    fn encode(&self, out: &mut Writer) {
        let Self {
            slot,
            slot_description,
            slot_manufacturer,
            label,
            manufacturer,
            model,
            serial,
            login_required,
            own_way_to_ask,
            pin_count_low,
            pin_final_try,
            pin_locked,
            has_pin,
        } = self;
        out.number(*slot);
        [slot_description, slot_manufacturer, label, manufacturer, model, serial]
            .into_iter()
            .for_each(|text| out.text(text));
        [login_required, own_way_to_ask, pin_count_low, pin_final_try, pin_locked, has_pin]
            .into_iter()
            .for_each(|flag| out.octet(u8::from(*flag)));
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            slot: input.number()?,
            slot_description: input.text()?,
            slot_manufacturer: input.text()?,
            label: input.text()?,
            manufacturer: input.text()?,
            model: input.text()?,
            serial: input.text()?,
            login_required: input.flag()?,
            own_way_to_ask: input.flag()?,
            pin_count_low: input.flag()?,
            pin_final_try: input.flag()?,
            pin_locked: input.flag()?,
            has_pin: input.flag()?,
        })
    }
}

impl Object {
    fn encode(&self, out: &mut Writer) {
        let Self {
            number,
            label,
            id,
            value,
            public_key_info,
            modulus,
            public_exponent,
            ec_params,
            ec_point,
            signs,
            always_authenticate,
        } = self;
        out.number(u64::from(*number));
        out.text(label);
        [id, value, public_key_info, modulus, public_exponent, ec_params, ec_point]
            .into_iter()
            .for_each(|octets| out.octets(octets));
        out.octet(u8::from(*signs));
        out.octet(u8::from(*always_authenticate));
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            number: u32::try_from(input.number()?).map_err(|_| Malformed)?,
            label: input.text()?,
            id: input.octets()?.to_vec(),
            value: input.octets()?.to_vec(),
            public_key_info: input.octets()?.to_vec(),
            modulus: input.octets()?.to_vec(),
            public_exponent: input.octets()?.to_vec(),
            ec_params: input.octets()?.to_vec(),
            ec_point: input.octets()?.to_vec(),
            signs: input.flag()?,
            always_authenticate: input.flag()?,
        })
    }
}

const fn class_octet(class: Class) -> u8 {
    match class {
        Class::Certificate => 0,
        Class::PrivateKey => 1,
        Class::PublicKey => 2,
    }
}

const fn class_of(octet: u8) -> Result<Class, Malformed> {
    match octet {
        0 => Ok(Class::Certificate),
        1 => Ok(Class::PrivateKey),
        2 => Ok(Class::PublicKey),
        _ => Err(Malformed),
    }
}

/// Every kind of refusal; its place is its octet.
const KINDS: [RefusedKind; 7] = [
    RefusedKind::NotLoaded,
    RefusedKind::Other,
    RefusedKind::PinIncorrect,
    RefusedKind::PinInvalid,
    RefusedKind::PinLocked,
    RefusedKind::TokenGone,
    RefusedKind::Unsupported,
];

const fn kind_octet(kind: RefusedKind) -> u8 {
    match kind {
        RefusedKind::NotLoaded => 0,
        RefusedKind::Other => 1,
        RefusedKind::PinIncorrect => 2,
        RefusedKind::PinInvalid => 3,
        RefusedKind::PinLocked => 4,
        RefusedKind::TokenGone => 5,
        RefusedKind::Unsupported => 6,
    }
}

fn text_of(octets: &[u8]) -> Result<String, Malformed> {
    String::from_utf8(octets.to_vec()).map_err(|_| Malformed)
}

/// Writes the fields of a message. The room is taken at once for what holds a PIN: a buffer that grows leaves copies behind.
struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    fn with_room(room: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(room)))
    }

    fn octet(&mut self, octet: u8) {
        self.0.push(octet);
    }

    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    fn octets(&mut self, octets: &[u8]) {
        self.number(octets.len() as u64);
        self.0.extend_from_slice(octets);
    }

    fn text(&mut self, text: &str) {
        self.octets(text.as_bytes());
    }

    fn optional(&mut self, octets: Option<&[u8]>) {
        self.octet(u8::from(octets.is_some()));
        if let Some(octets) = octets {
            self.octets(octets);
        }
    }
}

/// Reads the fields of a message.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn octet(&mut self) -> Result<u8, Malformed> {
        self.take(1).map(|one| one[0])
    }

    fn flag(&mut self) -> Result<bool, Malformed> {
        match self.octet()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }

    fn number(&mut self) -> Result<u64, Malformed> {
        let octets = self.take(8)?.try_into().map_err(|_| Malformed)?;
        Ok(u64::from_be_bytes(octets))
    }

    fn octets(&mut self) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(self.number()?).map_err(|_| Malformed)?;
        self.take(length)
    }

    fn text(&mut self) -> Result<String, Malformed> {
        text_of(self.octets()?)
    }

    fn optional(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        if self.flag()? { self.octets().map(Some) } else { Ok(None) }
    }

    fn all<T>(&mut self, one: impl Fn(&mut Self) -> Result<T, Malformed>) -> Result<Vec<T>, Malformed> {
        let mut found = Vec::new();
        while !self.0.is_empty() {
            found.push(one(self)?);
        }
        Ok(found)
    }

    fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_is_read_as_it_was_written() {
        let requests = [
            Request::Load(String::from("/usr/lib/x.so")),
            Request::Tokens,
            Request::Find { slot: 7, class: Class::PrivateKey, label: Some(String::from("ä")), id: None },
            Request::Login { slot: u64::MAX, pin: Some(Secret::new(b"1234".to_vec())) },
            Request::Sign(Box::new(SignRequest {
                object: 3,
                kind: KeyFamily::Ec,
                digest: Digest::Sha384,
                message: b"m".to_vec(),
                hashed: b"h".to_vec(),
                field: 66,
                authentication: Authentication::Pin(Secret::new(b"5678".to_vec())),
            })),
        ];
        for request in requests {
            let message = request.encode();
            let read = Request::decode(&message).expect("it was written here");
            assert_eq!(*read.encode(), *message);
            assert!(!format!("{request:?}").contains("1234"));
            for cut in 0..message.len() {
                assert!(Request::decode(&message[..cut]).is_err(), "{request:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn a_reply_is_read_as_it_was_written() {
        let token = Token { slot: 1, label: String::from("build"), pin_final_try: true, ..Token::default() };
        let object =
            Object { number: 2, id: vec![1, 2], value: vec![0x30; 700], signs: true, ..Object::default() };
        let replies = [
            Reply::Hello { protocol: PROTOCOL, version: String::from("1.2.3") },
            Reply::Loaded(Library { version: String::from("2.6"), ..Library::default() }),
            Reply::Tokens(vec![token.clone(), token]),
            Reply::Objects(vec![object.clone(), object]),
            Reply::LoggedIn,
            Reply::Signature(vec![9; 64]),
        ];
        let refused =
            KINDS.map(|kind| Reply::Refused(Refused { kind, text: String::from("C_Login: CKR_X") }));
        for reply in replies.into_iter().chain(refused) {
            let read = Reply::decode(&reply.encode()).expect("it was written here");
            assert_eq!(format!("{read:?}"), format!("{reply:?}"));
        }
    }

    #[test]
    fn frames_are_bounded_and_whole() {
        let mut pipe = Vec::new();
        write_frame(&mut pipe, b"one").expect("memory");
        write_frame(&mut pipe, b"").expect("memory");
        let mut read = pipe.as_slice();
        assert_eq!(read_frame(&mut read).expect("a frame").as_deref().map(Vec::as_slice), Some(&b"one"[..]));
        assert_eq!(read_frame(&mut read).expect("a frame").as_deref().map(Vec::as_slice), Some(&b""[..]));
        assert!(read_frame(&mut read).expect("the end").is_none());
        assert!(read_frame(&mut &pipe[..5]).is_err() && read_frame(&mut &pipe[..2]).is_err());
        assert!(read_frame(&mut &[0xFF; 8][..]).is_err(), "four gigabytes are not asked for");
        assert!(write_frame(&mut Vec::new(), &vec![0; FRAME_LIMIT + 1]).is_err());
    }

    proptest! {
        #[test]
        fn no_message_panics(message in proptest::collection::vec(any::<u8>(), 0..200), first in 0_u8..8) {
            let _ = Request::decode(&message);
            let _ = Reply::decode(&message);
            let message = [&[first], message.as_slice()].concat();
            let _ = Request::decode(&message);
            let _ = Reply::decode(&message);
        }
    }
}
