//! Credentials from a server on this host, over its socket in the file system: for a job that may use a session but not
//! its key.
//!
//! The server identifies the caller through the kernel; this side sends no secret. Nothing is cached here: the server
//! does that.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::credentials::CredentialSet;
use crate::diagnostic::{Diagnostic, Fault};
use crate::text::quoted;

/// The ids of this module's error.
pub const IDS: &[&str] = &["via-address", "via-unreachable", "via-refused", "via-answer"];

/// The address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViaAddress(PathBuf);

impl ViaAddress {
    /// Parses `unix:PATH`.
    ///
    /// # Errors
    ///
    /// Fails if it is anything else.
    pub fn parse(text: &str) -> Result<Self, ViaError> {
        let path = text.strip_prefix("unix:").filter(|path| !path.is_empty());
        path.map(|path| Self(PathBuf::from(path))).ok_or_else(|| ViaError::Address { text: text.to_owned() })
    }
}

impl fmt::Display for ViaAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quoted(&self.0.to_string_lossy()))
    }
}

/// Why a server gave no credentials.
#[derive(Debug, thiserror::Error)]
pub enum ViaError {
    /// Not `unix:PATH`.
    #[error("--via cannot be {}", quoted(text))]
    Address {
        /// What was given.
        text: String,
    },
    /// Nobody answers there.
    #[error("no server answers at {address}")]
    Unreachable {
        /// The address.
        address: ViaAddress,
        /// Why not.
        source: std::io::Error,
    },
    /// The server closed the connection without an answer.
    #[error("the server at {address} does not answer this user")]
    NotAllowed {
        /// The address.
        address: ViaAddress,
    },
    /// The server has no such session for this user.
    #[error("the server at {address} has no session {} for this user", quoted(name))]
    NoSuchSession {
        /// The address.
        address: ViaAddress,
        /// The session's name.
        name: String,
    },
    /// The server itself has no credentials.
    #[error("the server at {address} has no credentials: {reason}")]
    NoCredentials {
        /// The address.
        address: ViaAddress,
        /// Why not, in the server's words.
        reason: String,
    },
    /// The answer is not one of such a server.
    #[error("what answers at {address} is no such server: {what}")]
    Answer {
        /// The address.
        address: ViaAddress,
        /// What is wrong with it, without values, which may be secrets.
        what: String,
    },
}

impl Diagnostic for ViaError {
    fn id(&self) -> &'static str {
        match self {
            Self::Address { .. } => "via-address",
            Self::Unreachable { .. } => "via-unreachable",
            Self::NotAllowed { .. } | Self::NoSuchSession { .. } | Self::NoCredentials { .. } => {
                "via-refused"
            }
            Self::Answer { .. } => "via-answer",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Address { .. } => Fault::Usage,
            Self::Unreachable { .. } | Self::Answer { .. } => Fault::Local,
            Self::NotAllowed { .. } | Self::NoSuchSession { .. } | Self::NoCredentials { .. } => {
                Fault::Refused
            }
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Address { .. } => String::from(
                "give --via unix:PATH, with the path that 'anyrole serve NAME --socket PATH' has",
            ),
            Self::Unreachable { address: ViaAddress(path), .. } => {
                let path = quoted(&path.to_string_lossy());
                format!(
                    "ls -l {path} tells whether it is there and whether this user may write to it; 'anyrole serve NAME --socket {path}' makes it"
                )
            }
            Self::NotAllowed { .. } | Self::NoSuchSession { .. } => {
                String::from("the server's log names this user and the flag that allows it: --allow-user")
            }
            Self::NoCredentials { .. } => {
                String::from("'anyrole status NAME' of the server's user tells more")
            }
            Self::Answer { .. } => String::from("see which program has the socket: ss -xlp"),
        })
    }
}

/// Asks a server for the credentials of a session, within `deadline`.
///
/// # Errors
///
/// Fails if no server answers, if it does not have the session for this user, or if AWS cannot have sent what it
/// answers.
#[cfg(unix)]
pub async fn credentials(
    address: &ViaAddress,
    name: &str,
    deadline: Duration,
    now: Timestamp,
) -> Result<CredentialSet, ViaError> {
    let answer = unix::ask(address, &format!("/v1/credentials/{name}"), deadline).await?;
    unix::read(address, name, answer, now)
}

/// What a server tells of one of its sessions; none of it is secret.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Served {
    /// Its name.
    pub name: String,
    /// Its last hop's role.
    pub role_arn: String,
    /// When it ends, as RFC 3339 in UTC; `None` if there is none now.
    pub expiration: Option<String>,
    /// Why it could not be renewed, in the server's words.
    pub failure: Option<String>,
}

/// Asks a server about the sessions that this user may have, within `deadline`.
///
/// # Errors
///
/// Fails if no server answers, if it does not answer this user, or if the answer is not one of such a server.
#[cfg(unix)]
pub async fn health(address: &ViaAddress, deadline: Duration) -> Result<Vec<Served>, ViaError> {
    unix::read_health(address, unix::ask(address, "/healthz", deadline).await?)
}

/// There are no such sockets on this system.
///
/// # Errors
///
/// Always fails.
#[cfg(not(unix))]
pub async fn health(address: &ViaAddress, _deadline: Duration) -> Result<Vec<Served>, ViaError> {
    Err(ViaError::Unreachable { address: address.clone(), source: std::io::ErrorKind::Unsupported.into() })
}

/// There are no such sockets on this system.
///
/// # Errors
///
/// Always fails.
#[cfg(not(unix))]
pub async fn credentials(
    address: &ViaAddress,
    _name: &str,
    _deadline: Duration,
    _now: Timestamp,
) -> Result<CredentialSet, ViaError> {
    Err(ViaError::Unreachable { address: address.clone(), source: std::io::ErrorKind::Unsupported.into() })
}

#[cfg(unix)]
mod unix {
    use std::time::Duration;

    use http_body_util::{BodyExt as _, Empty, Limited};
    use hyper::body::Bytes;
    use hyper::client::conn::http1;
    use hyper::header::HOST;
    use hyper::{Request, StatusCode};
    use hyper_util::rt::TokioIo;
    use serde::Deserialize;
    use zeroize::Zeroizing;

    use super::{Served, ViaAddress, ViaError};
    use crate::arn::RoleArn;
    use crate::clock::Timestamp;
    use crate::credentials::{CredentialSet, SessionCredentials};
    use crate::text::printable_line;

    /// The longest answer, in bytes.
    const ANSWER_BYTES: usize = 128 * 1024;

    /// The members of the container credentials document that are used. They are borrowed: none of their characters is
    /// ever escaped.
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Document<'a> {
        access_key_id: &'a str,
        secret_access_key: &'a str,
        token: &'a str,
        expiration: &'a str,
        role_arn: &'a str,
    }

    /// The member of a refusal that gives the reason.
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Refusal {
        message: String,
    }

    /// The answer about every session.
    #[derive(Deserialize)]
    struct Health {
        sessions: Vec<Served>,
    }

    /// Gets what is at a path of the server.
    pub(super) async fn ask(
        address: &ViaAddress,
        path: &str,
        deadline: Duration,
    ) -> Result<(StatusCode, Zeroizing<Vec<u8>>), ViaError> {
        tokio::time::timeout(deadline, get(address, path)).await.unwrap_or_else(|_| {
            Err(ViaError::Unreachable {
                address: address.clone(),
                source: std::io::ErrorKind::TimedOut.into(),
            })
        })
    }

    async fn get(address: &ViaAddress, path: &str) -> Result<(StatusCode, Zeroizing<Vec<u8>>), ViaError> {
        let unreachable = |source| ViaError::Unreachable { address: address.clone(), source };
        // It closes the connection of a user who may not ask.
        let closed = |_| ViaError::NotAllowed { address: address.clone() };
        let stream = tokio::net::UnixStream::connect(&address.0).await.map_err(unreachable)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(closed)?;
        let request = Request::get(path)
            .header(HOST, "localhost")
            .body(Empty::<Bytes>::new())
            .map_err(|error| ViaError::Answer { address: address.clone(), what: error.to_string() })?;
        let exchange = async {
            let answer = sender.send_request(request).await.map_err(closed)?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await;
            let body =
                body.map_err(|error| ViaError::Answer { address: address.clone(), what: error.to_string() })?;
            Ok((status, Zeroizing::new(body.to_bytes().to_vec())))
        };
        tokio::pin!(exchange, connection);
        tokio::select! {
            done = &mut exchange => done,
            // The connection may end before the answer was received.
            _ = &mut connection => exchange.await,
        }
    }

    pub(super) fn read_health(
        address: &ViaAddress,
        (status, body): (StatusCode, Zeroizing<Vec<u8>>),
    ) -> Result<Vec<Served>, ViaError> {
        let wrong = |what: String| ViaError::Answer { address: address.clone(), what };
        match status {
            // The second is that there is a session without credentials.
            StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE => serde_json::from_slice::<Health>(&body)
                .map(|health| health.sessions)
                .map_err(|_| wrong("its answer is not the document".to_owned())),
            other => Err(wrong(format!("it answers with the status {}", other.as_u16()))),
        }
    }

    pub(super) fn read(
        address: &ViaAddress,
        name: &str,
        (status, body): (StatusCode, Zeroizing<Vec<u8>>),
        now: Timestamp,
    ) -> Result<CredentialSet, ViaError> {
        let wrong = |what: &str| ViaError::Answer { address: address.clone(), what: what.to_owned() };
        if status == StatusCode::NOT_FOUND {
            return Err(ViaError::NoSuchSession { address: address.clone(), name: name.to_owned() });
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            let said = serde_json::from_slice::<Refusal>(&body).map(|refusal| refusal.message);
            let reason = printable_line(&said.unwrap_or_default());
            return Err(ViaError::NoCredentials { address: address.clone(), reason });
        }
        if status != StatusCode::OK {
            return Err(wrong(&format!("it answers with the status {}", status.as_u16())));
        }
        // serde's messages may quote a value.
        let document: Document<'_> =
            serde_json::from_slice(&body).map_err(|_| wrong("its answer is not the document"))?;
        let Document { access_key_id, secret_access_key, token, expiration, role_arn } = document;
        let credentials =
            SessionCredentials::from_answer(access_key_id, secret_access_key, token, expiration, now)
                .map_err(|error| wrong(&error.to_string()))?;
        let role_arn: RoleArn = role_arn.parse().map_err(|_| wrong("its role is none"))?;
        Ok(CredentialSet {
            role_arn,
            assumed_role_arn: None,
            source_identity: None,
            subject_arn: None,
            credentials,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_path_behind_unix() {
        assert_eq!(ViaAddress::parse("unix:/run/x").unwrap(), ViaAddress(PathBuf::from("/run/x")));
        for text in ["", "unix:", "/run/x", "http://127.0.0.1:9911"] {
            assert!(matches!(ViaAddress::parse(text), Err(ViaError::Address { .. })), "{text}");
        }
    }
}
