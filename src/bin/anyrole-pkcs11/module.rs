//! A loaded module: its tokens, their objects, and the session with each token.

use std::collections::BTreeMap;

use anyrole::secret::Secret;
use anyrole::signer::pkcs11::uri::Class;
use anyrole::signer::pkcs11::wire::{
    ATTRIBUTE_LIMIT, FRAME_LIMIT, Library, OBJECTS_LIMIT, Object, Refused, SignRequest, Token,
};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;

use super::refusal::{not_loaded, other, refused};
use super::signing::{self, log_in};

/// A module that was loaded and initialised.
pub(crate) struct Module {
    path: String,
    pkcs11: Pkcs11,
    sessions: BTreeMap<u64, Session>,
    /// The private keys that were told of, with their slots; an object's number is its place.
    keys: Vec<(u64, ObjectHandle)>,
}

impl Module {
    pub(crate) fn load(path: &str) -> Result<(Self, Library), Refused> {
        let pkcs11 = Pkcs11::new(path).map_err(not_loaded)?;
        // Another part of the process may have initialised it: p11-kit counts.
        match pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(not_loaded(error)),
        }
        let library = match pkcs11.get_library_info() {
            Ok(info) => Library {
                manufacturer: trimmed(info.manufacturer_id()),
                description: trimmed(info.library_description()),
                version: info.library_version().to_string(),
            },
            Err(_) => Library::default(),
        };
        let module = Self { path: path.to_owned(), pkcs11, sessions: BTreeMap::new(), keys: Vec::new() };
        Ok((module, library))
    }

    /// Returns the initialised tokens. A slot whose token cannot be asked is passed over: another may have what is looked for.
    pub(crate) fn tokens(&self) -> Result<Vec<Token>, Refused> {
        let slots = self.pkcs11.get_slots_with_token().map_err(refused)?;
        Ok(slots.into_iter().filter_map(|slot| self.token(slot)).collect())
    }

    fn token(&self, slot: Slot) -> Option<Token> {
        let info = self.pkcs11.get_token_info(slot).ok().filter(|info| info.token_initialized())?;
        let (slot_description, slot_manufacturer) = match self.pkcs11.get_slot_info(slot) {
            Ok(info) => (trimmed(info.slot_description()), trimmed(info.manufacturer_id())),
            Err(_) => (String::new(), String::new()),
        };
        Some(Token {
            slot: slot.id(),
            slot_description,
            slot_manufacturer,
            label: trimmed(info.label()),
            manufacturer: trimmed(info.manufacturer_id()),
            model: trimmed(info.model()),
            serial: trimmed(info.serial_number()),
            login_required: info.login_required(),
            own_way_to_ask: info.protected_authentication_path(),
            pin_count_low: info.user_pin_count_low(),
            pin_final_try: info.user_pin_final_try(),
            pin_locked: info.user_pin_locked(),
            has_pin: info.user_pin_initialized(),
        })
    }

    /// Returns the session with the token of a slot, which is opened once.
    fn session(&mut self, slot: u64) -> Result<&Session, Refused> {
        if !self.sessions.contains_key(&slot) {
            let found = Slot::try_from(slot).map_err(refused)?;
            let session = self.pkcs11.open_ro_session(found).map_err(refused)?;
            self.sessions.insert(slot, session);
        }
        self.sessions.get(&slot).ok_or_else(|| other("the session is gone"))
    }

    pub(crate) fn find(
        &mut self,
        slot: u64,
        class: Class,
        label: Option<&str>,
        id: Option<&[u8]>,
    ) -> Result<Vec<Object>, Refused> {
        let object_class = match class {
            Class::Certificate => ObjectClass::CERTIFICATE,
            Class::PrivateKey => ObjectClass::PRIVATE_KEY,
            Class::PublicKey => ObjectClass::PUBLIC_KEY,
        };
        let mut template = vec![Attribute::Class(object_class)];
        template.extend(label.map(|label| Attribute::Label(label.as_bytes().to_vec())));
        template.extend(id.map(|id| Attribute::Id(id.to_vec())));
        let known = u32::try_from(self.keys.len()).map_err(|_| other("too many objects"))?;
        let session = self.session(slot)?;
        // A module may go on for ever.
        let handles = session.iter_objects(&template).map_err(refused)?.take(OBJECTS_LIMIT + 1);
        let handles: Vec<_> = handles.collect::<Result<_, _>>().map_err(refused)?;
        let too_many =
            || other("there are more objects than are looked at: name one in the URI, by object or id");
        if handles.len() > OBJECTS_LIMIT {
            return Err(too_many());
        }
        let mut found = Vec::new();
        let mut size = 0;
        for (number, handle) in (known..).zip(&handles) {
            let object = read(session, *handle, class, number);
            size += object.value.len() + object.public_key_info.len() + object.modulus.len() + 1024;
            if size > FRAME_LIMIT {
                return Err(too_many());
            }
            found.push(object);
        }
        self.keys.extend(handles.iter().map(|handle| (slot, *handle)));
        Ok(found)
    }

    pub(crate) fn log_in(&mut self, slot: u64, pin: Option<&Secret<Vec<u8>>>) -> Result<(), Refused> {
        let session = self.session(slot)?;
        match log_in(session, UserType::User, pin) {
            Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            outcome => outcome.map_err(refused),
        }
    }

    pub(crate) fn sign(&mut self, request: &SignRequest) -> Result<Vec<u8>, Refused> {
        let (slot, key) = usize::try_from(request.object)
            .ok()
            .and_then(|place| self.keys.get(place))
            .copied()
            .ok_or_else(|| other("there is no such key"))?;
        let mechanisms =
            Slot::try_from(slot).and_then(|slot| self.pkcs11.get_mechanism_list(slot)).unwrap_or_default();
        let path = self.path.clone();
        let session = self.session(slot)?;
        signing::sign(&signing::Key { session, key, mechanisms: &mechanisms, module: &path }, request)
    }
}

/// Closes the sessions before the module is left.
impl Drop for Module {
    fn drop(&mut self) {
        self.sessions.clear();
        // It ends with the process anyway.
        let _ = self.pkcs11.clone().finalize();
    }
}

/// Reads what is told of an object. Each attribute is asked for by itself: what one module does not know is no reason to know nothing.
fn read(session: &Session, handle: ObjectHandle, class: Class, number: u32) -> Object {
    let octets = |kind: AttributeType| -> Vec<u8> {
        let found = session.get_attributes(handle, &[kind]).unwrap_or_default().pop();
        let octets = match found {
            Some(
                Attribute::EcParams(octets)
                | Attribute::EcPoint(octets)
                | Attribute::Id(octets)
                | Attribute::Label(octets)
                | Attribute::Modulus(octets)
                | Attribute::PublicExponent(octets)
                | Attribute::PublicKeyInfo(octets)
                | Attribute::Value(octets),
            ) => octets,
            Some(_) | None => Vec::new(),
        };
        if octets.len() > ATTRIBUTE_LIMIT { Vec::new() } else { octets }
    };
    let flag = |kind: AttributeType| match session.get_attributes(handle, &[kind]).unwrap_or_default().pop() {
        Some(Attribute::AlwaysAuthenticate(flag) | Attribute::Sign(flag)) => Some(flag),
        Some(_) | None => None,
    };
    let mut object = Object {
        number,
        label: String::from_utf8_lossy(&octets(AttributeType::Label)).into_owned(),
        id: octets(AttributeType::Id),
        ..Object::default()
    };
    match class {
        Class::Certificate => object.value = octets(AttributeType::Value),
        Class::PrivateKey | Class::PublicKey => {
            object.public_key_info = octets(AttributeType::PublicKeyInfo);
            object.modulus = octets(AttributeType::Modulus);
            object.public_exponent = octets(AttributeType::PublicExponent);
            object.ec_params = octets(AttributeType::EcParams);
            object.ec_point = octets(AttributeType::EcPoint);
        }
    }
    if class == Class::PrivateKey {
        object.signs = flag(AttributeType::Sign) != Some(false);
        object.always_authenticate = flag(AttributeType::AlwaysAuthenticate) == Some(true);
    }
    object
}

/// Fixed-length texts are filled up with blanks.
fn trimmed(text: &str) -> String {
    text.trim_end_matches([' ', '\0']).to_owned()
}
