//! Where a TPM is: a device, or the socket of a software TPM.

use std::fmt;
use std::path::PathBuf;

use crate::text::quoted;

/// The devices of a kernel: the one that can be shared first.
pub(super) const DEVICES: [&str; 2] = ["/dev/tpmrm0", "/dev/tpm0"];
/// Where swtpm listens if nobody says otherwise.
const SWTPM_HOST: &str = "127.0.0.1";
const SWTPM_PORT: u16 = 2321;

/// Where a TPM is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TpmPlace {
    /// A device, or a socket of the file system.
    Path(PathBuf),
    /// A software TPM on a port.
    Port {
        /// Its host.
        host: String,
        /// Its port.
        port: u16,
    },
    /// The devices of the kernel: `/dev/tpmrm0`, else `/dev/tpm0`.
    #[default]
    Usual,
}

/// What is written for a TPM's place is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("give a device such as /dev/tpmrm0, or swtpm:path=SOCKET, or swtpm:host=HOST,port=PORT")]
pub struct TpmPlaceError;

impl TpmPlace {
    /// Parses what a user wrote: a path, `device:PATH`, `swtpm:path=PATH`, `swtpm:host=HOST,port=PORT`; the latter without one or both
    /// of its parts, which are then `127.0.0.1` and 2321, as in the programs of TPM 2.0 ("TCTI").
    ///
    /// # Errors
    ///
    /// Fails if it is none of these.
    pub fn parse(text: &str) -> Result<Self, TpmPlaceError> {
        let path = |text: &str| {
            if text.is_empty() { Err(TpmPlaceError) } else { Ok(Self::Path(PathBuf::from(text))) }
        };
        if let Some(device) = text.strip_prefix("device:") {
            return path(device);
        }
        let Some(options) = text
            .strip_prefix("swtpm")
            .and_then(|rest| if rest.is_empty() { Some(rest) } else { rest.strip_prefix(':') })
        else {
            // `tabrmd:`, `mssim:` and others speak in other ways.
            let is_other = text.split_once(':').is_some_and(|(before, _)| !before.contains('/'));
            return if is_other { Err(TpmPlaceError) } else { path(text) };
        };
        let (mut host, mut port, mut socket) = (SWTPM_HOST.to_owned(), SWTPM_PORT, None);
        for option in options.split(',').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("host", value)) if !value.is_empty() => host = value.to_owned(),
                Some(("path", value)) => socket = Some(path(value)?),
                Some(("port", value)) => port = value.parse().map_err(|_| TpmPlaceError)?,
                Some(_) | None => return Err(TpmPlaceError),
            }
        }
        Ok(socket.unwrap_or(Self::Port { host, port }))
    }
}

/// Names it as errors do: `'/dev/tpmrm0'`, `'127.0.0.1:2321'`.
impl fmt::Display for TpmPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.write_str(&quoted(&path.to_string_lossy())),
            Self::Port { host, port } => f.write_str(&quoted(&format!("{host}:{port}"))),
            Self::Usual => f.write_str(&quoted(DEVICES[0])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_what_programs_of_tpms_write() {
        let path = |text: &str| Ok(TpmPlace::Path(PathBuf::from(text)));
        let port = |host: &str, port| Ok(TpmPlace::Port { host: host.to_owned(), port });
        assert_eq!(TpmPlace::parse("/dev/tpmrm0"), path("/dev/tpmrm0"));
        assert_eq!(TpmPlace::parse("device:/dev/tpm1"), path("/dev/tpm1"));
        assert_eq!(TpmPlace::parse("swtpm:path=/run/s"), path("/run/s"));
        assert_eq!(TpmPlace::parse("swtpm:host=tpm.test,port=2322"), port("tpm.test", 2322));
        assert_eq!(TpmPlace::parse("swtpm:port=7"), port("127.0.0.1", 7));
        assert_eq!(TpmPlace::parse("swtpm"), port("127.0.0.1", 2321));
        for wrong in [
            "",
            "device:",
            "tabrmd:",
            "mssim:port=1",
            "swtpm:path=",
            "swtpm:port=x",
            "swtpm:port=70000",
            "swtpm:x=1",
        ] {
            assert_eq!(TpmPlace::parse(wrong), Err(TpmPlaceError), "{wrong}");
        }
    }
}
