//! Vendor formats that this program does not read: recognised by how they begin, with the command that converts them.

use std::fmt;

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// Java's own keystore, JKS or JCEKS: what keytool wrote before Java 9.
    JavaKeystore,
    /// `PRIVATEKEYBLOB` of Windows.
    MicrosoftBlob,
    /// `.pvk` of Windows.
    MicrosoftPvk,
}

/// How they begin.
const BEGINNINGS: [(&[u8], Foreign); 4] = [
    (&[0xFE, 0xED, 0xFE, 0xED], Foreign::JavaKeystore),
    (&[0xCE, 0xCE, 0xCE, 0xCE], Foreign::JavaKeystore),
    (&[0x07, 0x02, 0, 0, 0, 0xA4, 0, 0], Foreign::MicrosoftBlob),
    (&[0x1E, 0xF1, 0xB5, 0xB0], Foreign::MicrosoftPvk),
];

impl Foreign {
    pub(super) fn recognise(input: &[u8]) -> Option<Self> {
        BEGINNINGS.iter().find(|(beginning, _)| input.starts_with(beginning)).map(|(_, kind)| *kind)
    }

    /// Returns the command that converts it to a supported format.
    pub const fn conversion(self) -> &'static str {
        match self {
            Self::JavaKeystore => {
                "keytool -importkeystore -srckeystore OLD.jks -destkeystore NEW.p12 -deststoretype PKCS12"
            }
            Self::MicrosoftBlob => "openssl rsa -inform MSBLOB -in OLD.key -out NEW.key",
            Self::MicrosoftPvk => "openssl rsa -inform PVK -in OLD.pvk -out NEW.key",
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::JavaKeystore => "a keystore in Java's own form (JKS)",
            Self::MicrosoftBlob => "a private key in a form of Windows (PRIVATEKEYBLOB)",
            Self::MicrosoftPvk => "a private key in a form of Windows (PVK)",
        })
    }
}
