//! PINs: who is asked for one, and what is remembered of the answer. A wrong PIN counts, so none is tried twice.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::{Pkcs11Error, Tries};
use super::wire::Token;
use crate::secret::Secret;
use crate::text::quoted;

/// A PIN, which is kept once and wiped when nobody needs it any more.
pub type Pin = Arc<Secret<String>>;

/// What a PIN is asked for.
#[derive(Clone, Debug)]
pub struct Question {
    /// What it opens, in words: `the PKCS#11 token 'build'`.
    pub what: String,
    /// What the token tells of its tries, to be shown to a person.
    pub warning: Option<&'static str>,
    /// The PIN of one key, for each of its signatures, and not that of the token.
    pub of_key: bool,
}

/// A PIN that was had.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The PIN.
    pub pin: Pin,
    /// Whether a person typed it just now, and so may risk the last try.
    pub by_person: bool,
}

/// Why there is no PIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoPin {
    /// Why.
    pub why: String,
    /// What to do, where that is known.
    pub cure: Option<String>,
}

/// Gets a PIN from where it is kept, or from a person.
pub type Ask = Box<dyn FnMut(&Question) -> Result<Answer, NoPin> + Send>;

/// What became of a PIN in this run; shared by all that use the same token.
#[derive(Debug, Default)]
pub struct Remembered(Mutex<BTreeMap<String, State>>);

#[derive(Clone, Debug)]
enum State {
    Accepted(Pin),
    Refused(Pin),
}

/// The PINs of one token and its keys.
pub(super) struct Pins {
    ask: Ask,
    remembered: Arc<Remembered>,
}

impl fmt::Debug for Pins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pins")
    }
}

/// Whose PIN it is.
pub(super) struct Owner<'a> {
    pub(super) token: &'a Token,
    /// The key, by its URI, if it is not the token's.
    pub(super) key: Option<&'a str>,
}

impl Owner<'_> {
    fn name(&self) -> String {
        format!("{}\0{}\0{}", self.token.label, self.token.serial, self.key.unwrap_or_default())
    }

    fn question(&self) -> Question {
        let token = format!("the PKCS#11 token {}", quoted(&self.token.label));
        let what = match self.key {
            Some(key) => format!("the private key {} on {token}", quoted(key)),
            None => token,
        };
        let warning = match tries(self.token) {
            Tries::Last => Some("the last try before it is locked"),
            Tries::Fewer => Some("a wrong one was entered before"),
            Tries::Locked | Tries::Untold => None,
        };
        Question { what, warning, of_key: self.key.is_some() }
    }
}

/// Returns what a token tells of the tries that its PIN has left.
pub(super) const fn tries(token: &Token) -> Tries {
    if token.pin_locked {
        Tries::Locked
    } else if token.pin_final_try {
        Tries::Last
    } else if token.pin_count_low {
        Tries::Fewer
    } else {
        Tries::Untold
    }
}

impl Pins {
    pub(super) fn new(ask: Ask, remembered: Arc<Remembered>) -> Self {
        Self { ask, remembered }
    }

    /// Returns the PIN to try. One that was refused in this run is not returned again; and the last try is for a person: whatever runs
    /// unattended never locks a token.
    pub(super) fn get(&mut self, owner: &Owner<'_>) -> Result<Pin, Pkcs11Error> {
        let token = quoted(&owner.token.label);
        let tries = tries(owner.token);
        let known = self.state(owner);
        if let Some(State::Accepted(pin)) = &known {
            return Ok(Arc::clone(pin));
        }
        if tries == Tries::Locked {
            return Err(Pkcs11Error::PinLocked { token, locked: true, tries });
        }
        let answer = (self.ask)(&owner.question());
        let refused_before = || Pkcs11Error::PinWrong {
            token: token.clone(),
            why: String::from("it was refused earlier in this run"),
            before: true,
            tries,
        };
        let answer = match (answer, &known) {
            (Ok(answer), Some(State::Refused(refused))) if same(&answer.pin, refused) => {
                return Err(refused_before());
            }
            (Ok(answer), _) => answer,
            (Err(NoPin { why, cure }), _) => {
                return Err(Pkcs11Error::PinMissing { token, why, of_key: owner.key.is_some(), cure });
            }
        };
        if answer.pin.expose().is_empty() {
            let why = String::from("an empty one was given, which is not tried");
            return Err(Pkcs11Error::PinMissing { token, why, of_key: owner.key.is_some(), cure: None });
        }
        if !answer.by_person && tries == Tries::Last {
            return Err(Pkcs11Error::PinLocked { token, locked: false, tries });
        }
        Ok(answer.pin)
    }

    /// Remembers that a PIN was right.
    pub(super) fn accepted(&self, owner: &Owner<'_>, pin: &Pin) {
        self.set(owner, State::Accepted(Arc::clone(pin)));
    }

    /// Remembers that a PIN was wrong.
    pub(super) fn refused(&self, owner: &Owner<'_>, pin: &Pin) {
        self.set(owner, State::Refused(Arc::clone(pin)));
    }

    fn state(&self, owner: &Owner<'_>) -> Option<State> {
        let remembered = self.remembered.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.get(&owner.name()).cloned()
    }

    fn set(&self, owner: &Owner<'_>, state: State) {
        let mut remembered = self.remembered.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.insert(owner.name(), state);
    }
}

fn same(one: &Secret<String>, other: &Secret<String>) -> bool {
    one.expose() == other.expose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pin: &'static str, by_person: bool) -> Pins {
        let ask: Ask =
            Box::new(move |_| Ok(Answer { pin: Arc::new(Secret::new(String::from(pin))), by_person }));
        Pins::new(ask, Arc::default())
    }

    fn get(pins: &mut Pins, token: &Token) -> Result<String, Pkcs11Error> {
        pins.get(&Owner { token, key: None }).map(|pin| pin.expose().clone())
    }

    #[test]
    fn a_refused_pin_is_not_tried_twice() {
        let token = Token { label: String::from("t"), ..Token::default() };
        let mut pins = asked("1111", false);
        let pin = pins.get(&Owner { token: &token, key: None }).expect("a PIN");
        pins.refused(&Owner { token: &token, key: None }, &pin);
        assert!(matches!(get(&mut pins, &token), Err(Pkcs11Error::PinWrong { before: true, .. })));
        // The file was corrected meanwhile.
        let mut corrected = Pins::new(asked("2222", false).ask, Arc::clone(&pins.remembered));
        assert_eq!(get(&mut corrected, &token), Ok(String::from("2222")));
    }

    #[test]
    fn an_accepted_pin_is_asked_for_once() {
        let token = Token::default();
        let mut pins = asked("1111", true);
        let owner = Owner { token: &token, key: None };
        let pin = pins.get(&owner).expect("a PIN");
        pins.accepted(&owner, &pin);
        pins.ask = Box::new(|_| Err(NoPin { why: String::from("asked again"), cure: None }));
        assert_eq!(get(&mut pins, &token), Ok(String::from("1111")));
        let key = Owner { token: &token, key: Some("pkcs11:object=k") };
        assert!(matches!(pins.get(&key), Err(Pkcs11Error::PinMissing { of_key: true, .. })));
    }

    #[test]
    fn the_last_try_is_a_person_s() {
        for (last, locked, tries) in [(true, false, Tries::Last), (false, true, Tries::Locked)] {
            let token = Token {
                pin_count_low: true,
                pin_final_try: last,
                pin_locked: locked,
                label: String::from("t"),
                ..Token::default()
            };
            let refused = Err(Pkcs11Error::PinLocked { token: String::from("'t'"), locked, tries });
            assert_eq!(get(&mut asked("1111", false), &token), refused);
            assert_eq!(get(&mut asked("1111", true), &token).is_ok(), !locked, "a person may decide");
        }
        let token = Token { pin_count_low: true, ..Token::default() };
        assert_eq!(
            get(&mut asked("1111", false), &token),
            Ok(String::from("1111")),
            "the file was corrected"
        );
        assert!(matches!(get(&mut asked("", true), &Token::default()), Err(Pkcs11Error::PinMissing { .. })));
    }
}
