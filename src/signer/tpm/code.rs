//! Response codes (TPM 2.0 Library, part 2 §6.6), in words.

use std::fmt;

/// What a TPM answers instead of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseCode(pub(super) u32);

/// A code, its name after `TPM_RC_`, what it means where a key is used, and what to do.
type Known = (u32, &'static str, &'static str, Option<&'static str>);

const TOOLS: &str = "ask the TPM what it can do: tpm2_getcap properties-fixed, tpm2_getcap algorithms";
const CROWDED: &str = "use the device of the kernel's resource manager, /dev/tpmrm0; or free the TPM with tpm2_flushcontext -t, -l and -s";
const ANOTHER: &str =
    "use the key on the host where it was made; make one here with anyrole pki request --tpm";

/// The codes that users meet. Those with a number of a handle, parameter or session are listed without it.
const KNOWN: &[Known] = &[
    (
        0x01E,
        "BAD_TAG",
        "it is a TPM 1.2, and this takes a TPM 2.0",
        Some("switch the TPM to 2.0 in the firmware, if it can be"),
    ),
    (
        0x100,
        "INITIALIZE",
        "it was not started up",
        Some("the firmware does that; a software TPM is started with --flags startup-clear"),
    ),
    (
        0x101,
        "FAILURE",
        "it is in failure mode until it is reset",
        Some("restart the host; ask tpm2_gettestresult what failed"),
    ),
    (0x120, "DISABLED", "the command is disabled", None),
    (0x12F, "AUTH_UNAVAILABLE", "a password does not authorise its use: a policy does", None),
    (0x143, "COMMAND_CODE", "it does not have the command", Some(TOOLS)),
    (0x082, "ATTRIBUTES", "its attributes do not allow that", None),
    (0x083, "HASH", "it does not have the hash function", Some(TOOLS)),
    (0x084, "VALUE", "it does not accept a value", None),
    (
        0x085,
        "HIERARCHY",
        "the hierarchy is disabled, or not the right one",
        Some("enable the hierarchy in the firmware; a disabled one comes back at the next start"),
    ),
    (0x08A, "TYPE", "the object is not of the right type", None),
    (
        0x08B,
        "HANDLE",
        "there is nothing at the handle",
        Some("list what is there: tpm2_getcap handles-persistent"),
    ),
    (0x08E, "AUTH_FAIL", "the password is wrong, and the wrong try was counted", None),
    (0x092, "SCHEME", "the key does not sign that way", Some(TOOLS)),
    (0x095, "SIZE", "a part has the wrong size", None),
    (0x09C, "KEY", "the key cannot be used for that", None),
    (0x09D, "POLICY_FAIL", "its policy does not allow that", None),
    (
        0x09F,
        "INTEGRITY",
        "the key is not this TPM's: it belongs to another one, or this one was cleared since",
        Some(ANOTHER),
    ),
    (0x0A2, "BAD_AUTH", "the password is wrong", None),
    (0x0A6, "CURVE", "it does not have the curve", Some(TOOLS)),
    (0x902, "OBJECT_MEMORY", "it has no room for another key", Some(CROWDED)),
    (0x903, "SESSION_MEMORY", "it has no room for another session", Some(CROWDED)),
    (0x904, "MEMORY", "it has no memory left", Some(CROWDED)),
    (0x905, "SESSION_HANDLES", "it has no handle left for a session", Some(CROWDED)),
    (0x906, "OBJECT_HANDLES", "it has no handle left for a key", Some(CROWDED)),
    (0x908, "YIELDED", "it was interrupted, again and again", None),
    (0x90A, "TESTING", "it is testing itself, and does not come to an end", None),
    (
        0x910,
        "REFERENCE_H0",
        "there is nothing at the handle",
        Some("list what is there: tpm2_getcap handles-persistent, handles-transient"),
    ),
    (0x920, "NV_RATE", "it slows down what is written to it", None),
    (0x921, "LOCKOUT", "it is locked out after too many wrong passwords", None),
    (0x922, "RETRY", "it is busy, and stays so", None),
    (0x923, "NV_UNAVAILABLE", "its memory is not available", None),
];

impl ResponseCode {
    /// Returns the code without the number of the handle, parameter or session that it is about, and without the layer.
    const fn kind(self) -> u32 {
        let code = self.0 & 0xFFF;
        if code & 0x80 == 0 { code } else { code & 0x0BF }
    }

    fn known(self) -> Option<&'static Known> {
        KNOWN.iter().find(|(code, ..)| *code == self.kind())
    }

    /// Returns what to do, where that is known.
    pub fn cure(self) -> Option<&'static str> {
        self.known()?.3
    }

    /// Tells whether it passes: the same command is to be sent again.
    pub(super) const fn passes(self) -> bool {
        matches!(self.kind(), 0x908 | 0x90A | 0x920 | 0x922 | 0x923)
    }

    /// Tells whether a password was wrong or is lacking.
    pub(super) const fn is_wrong_password(self) -> bool {
        matches!(self.kind(), 0x08E | 0x0A2)
    }

    pub(super) const fn is_lockout(self) -> bool {
        self.kind() == 0x921
    }

    /// Tells whether nothing is at a handle.
    pub(super) const fn is_no_such_handle(self) -> bool {
        matches!(self.kind(), 0x08B | 0x910)
    }
}

/// `it is busy, and stays so (TPM_RC_RETRY, 0x922)`
impl fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known() {
            Some((_, name, what, _)) => write!(f, "{what} (TPM_RC_{name}, 0x{:03x})", self.0),
            None => write!(f, "response code 0x{:03x}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_whatever_it_is_about() {
        for (code, name) in [
            (0x98E, "AUTH_FAIL"),
            (0x9A2, "BAD_AUTH"),
            (0x18B, "HANDLE"),
            (0x1DF, "INTEGRITY"),
            (0x2DF, "INTEGRITY"),
            (0xB0143, "COMMAND_CODE"),
            (0x921, "LOCKOUT"),
        ] {
            assert!(
                ResponseCode(code).to_string().contains(&format!("TPM_RC_{name}, 0x{code:03x}")),
                "{code:x}"
            );
        }
        assert_eq!(ResponseCode(0x1C3).known().map(|known| known.1), Some("HASH"));
        assert_eq!(ResponseCode(0x14F).to_string(), "response code 0x14f");
    }

    #[test]
    fn what_passes_is_told_from_what_stays() {
        for passing in [0x908, 0x90A, 0x920, 0x922, 0x923] {
            assert!(ResponseCode(passing).passes());
        }
        for staying in [0x101, 0x921, 0x98E, 0x902] {
            assert!(!ResponseCode(staying).passes());
        }
        assert!(ResponseCode(0x98E).is_wrong_password() && ResponseCode(0x9A2).is_wrong_password());
    }
}
