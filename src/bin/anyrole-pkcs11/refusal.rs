//! Why a module refused, as the program is told it.

use anyrole::signer::pkcs11::wire::{Refused, RefusedKind};
use cryptoki::error::{Error, RvError};

pub(crate) fn other(text: &str) -> Refused {
    Refused { kind: RefusedKind::Other, text: text.to_owned() }
}

pub(crate) fn not_loaded(error: Error) -> Refused {
    Refused { kind: RefusedKind::NotLoaded, ..refused(error) }
}

/// Says why the module refused, in the words of the specification: `C_Login: CKR_PIN_INCORRECT`.
pub(crate) fn refused(error: Error) -> Refused {
    let (kind, text) = if let Error::Pkcs11(value, function) = &error {
        (kind_of(value), format!("C_{function:?}: CKR_{}", constant(&format!("{value:?}"))))
    } else if let Error::LibraryLoading(error) = &error {
        (RefusedKind::NotLoaded, error.to_string())
    } else if let Error::MissingSymbol(name) = &error {
        (RefusedKind::NotLoaded, format!("it is no PKCS#11 module: it has no {name}"))
    } else if let Error::NullFunctionPointer = &error {
        (RefusedKind::Unsupported, String::from("it has no such function"))
    } else {
        (RefusedKind::Other, error.to_string())
    };
    Refused { kind, text }
}

fn kind_of(value: &RvError) -> RefusedKind {
    use RvError::{
        DataInvalid, DataLenRange, DeviceRemoved, FunctionNotSupported, KeyFunctionNotPermitted,
        KeyTypeInconsistent, MechanismInvalid, MechanismParamInvalid, PinIncorrect, PinInvalid, PinLenRange,
        PinLocked, TokenNotPresent, TokenNotRecognized,
    };
    let means = |kind, is: bool| is.then_some(kind);
    means(RefusedKind::PinIncorrect, matches!(value, PinIncorrect))
        .or(means(RefusedKind::PinInvalid, matches!(value, PinInvalid | PinLenRange)))
        .or(means(RefusedKind::PinLocked, matches!(value, PinLocked)))
        .or(means(
            RefusedKind::TokenGone,
            matches!(value, DeviceRemoved | TokenNotPresent | TokenNotRecognized),
        ))
        .or(means(
            RefusedKind::Unsupported,
            matches!(value, DataInvalid | DataLenRange | FunctionNotSupported | KeyFunctionNotPermitted)
                || matches!(value, KeyTypeInconsistent | MechanismInvalid | MechanismParamInvalid),
        ))
        .unwrap_or(RefusedKind::Other)
}

/// Returns a name as the specification writes it: `PinIncorrect` is `PIN_INCORRECT`.
fn constant(name: &str) -> String {
    let mut out = String::new();
    for (index, character) in name.chars().enumerate() {
        if character.is_ascii_uppercase() && index > 0 {
            out.push('_');
        }
        out.push(character.to_ascii_uppercase());
    }
    out
}
