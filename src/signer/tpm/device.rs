//! An open TPM, and the few commands that a key needs (TPM 2.0 Library, part 3).
//!
//! Whatever was made in it is given back: at the latest when [`Tpm`] is dropped, whichever way a caller leaves.

use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::code::ResponseCode;
use super::error::{TpmError, Tries};
use super::place::TpmPlace;
use super::session::{self, Salt, Session};
use super::way::{HEADER, NoAnswer};
use super::wire::{Reader, Writer};
use super::{Connection, public};
use crate::secret::Secret;
use crate::trace;

/// How long one use of a key may take, with everything that is waited for. A slow TPM signs in a second.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// How long making a key may take: a slow TPM looks for RSA primes for a minute.
pub(super) const PATIENCE_WITH_NEW_KEY: Duration = Duration::from_secs(180);
/// How long an answer is waited for that comes too late, so that what it made is given back.
const GRACE: Duration = Duration::from_secs(2);
/// How long to wait at first before a command is sent again, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

const NO_SESSIONS: u16 = 0x8001;
const SESSIONS: u16 = 0x8002;
/// `TPM_RH_NULL`: the hierarchy that everybody may use, and the handle that means none.
const NULL_HANDLE: u32 = 0x4000_0007;
/// `TPM_RS_PW`: a password that is in the command itself; here only the empty one.
const PASSWORD_SESSION: u32 = 0x4000_0009;

/// A command's code, and what is told of it.
#[derive(Clone, Copy, Debug)]
struct Command {
    code: u32,
    action: &'static str,
    makes_handle: bool,
}

const fn command(code: u32, action: &'static str, makes_handle: bool) -> Command {
    Command { code, action, makes_handle }
}

const CONTEXT_LOAD: Command = command(0x161, "load the key again", true);
const CONTEXT_SAVE: Command = command(0x162, "save the loaded key", false);
const CREATE: Command = command(0x153, "make a key", false);
const CREATE_PRIMARY: Command = command(0x131, "make the storage key", true);
const FLUSH_CONTEXT: Command = command(0x165, "give back what was loaded", false);
const GET_CAPABILITY: Command = command(0x17A, "tell its state", false);
const IMPORT: Command = command(0x156, "import the key", false);
const LOAD: Command = command(0x157, "load the key", true);
const READ_PUBLIC: Command = command(0x173, "show the public key", false);
const SIGN: Command = command(0x15D, "sign", false);
const START_AUTH_SESSION: Command = command(0x176, "start a session", true);

/// An object in the TPM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) handle: u32,
    /// What it is known by in proofs: the hash of its public area; of a hierarchy its number.
    pub(super) name: Vec<u8>,
}

impl Object {
    pub(super) fn hierarchy(handle: u32) -> Self {
        Self { handle, name: handle.to_be_bytes().to_vec() }
    }
}

/// What authorises a command.
#[derive(Clone, Copy, Debug)]
pub(super) enum Auth<'a> {
    /// The empty password.
    Empty,
    /// A password, which does not leave this program.
    Password(&'a Secret<String>),
}

/// An open TPM.
#[derive(Debug)]
pub(super) struct Tpm {
    connection: Connection,
    place: String,
    deadline: Instant,
    patience: Duration,
    /// What was made and is to be given back.
    made: Vec<u32>,
    session: Option<Session>,
    /// The command whose answer has not come.
    unanswered: Option<Command>,
    /// Whether nothing can be sent any more.
    gone: bool,
}

impl Tpm {
    pub(super) fn open(place: &TpmPlace, patience: Duration) -> Result<Self, TpmError> {
        let deadline = Instant::now() + patience;
        let connection = Connection::open(place, deadline).map_err(|no_way| TpmError::Unreachable {
            place: place.to_string(),
            why: no_way.why,
            cure: no_way.cure,
        })?;
        Ok(Self {
            connection,
            place: place.to_string(),
            deadline,
            patience,
            made: Vec::new(),
            session: None,
            unanswered: None,
            gone: false,
        })
    }

    /// Returns the TPM as errors name it.
    pub(super) fn place(&self) -> String {
        self.place.clone()
    }

    /// A person was asked: the time does not count.
    pub(super) fn begin_again(&mut self) {
        self.deadline = Instant::now() + self.patience;
    }

    /// Makes the primary key of a template, and returns it with its public area.
    pub(super) fn create_primary(
        &mut self,
        hierarchy: u32,
        template: &[u8],
        auth: Auth<'_>,
    ) -> Result<(Object, Vec<u8>), TpmError> {
        let parameters = creation(&[], template);
        let answer =
            self.authorised(CREATE_PRIMARY, &[&Object::hierarchy(hierarchy)], auth, parameters, false)?;
        let mut reader = Reader::new(&answer.parameters);
        let mut parts = || {
            let public = reader.sized()?.to_vec();
            let (_data, _hash, _tag, _hierarchy) =
                (reader.sized()?, reader.sized()?, reader.u16()?, reader.u32()?);
            let _ticket = reader.sized()?;
            Some((Object { handle: answer.handle, name: reader.sized()?.to_vec() }, public))
        };
        parts().ok_or_else(|| self.malformed(CREATE_PRIMARY))
    }

    /// Makes a key below a parent, and returns its private and its public part. Its password is sent encrypted.
    pub(super) fn create(
        &mut self,
        parent: &Object,
        auth: Auth<'_>,
        template: &[u8],
        password: Option<&Secret<String>>,
    ) -> Result<(Vec<u8>, Vec<u8>), TpmError> {
        let empty = Secret::new(String::new());
        // Only a session of ours can encrypt, and it authorises with an empty password as well.
        let auth = match (auth, password) {
            (Auth::Empty, Some(_)) => Auth::Password(&empty),
            (auth @ (Auth::Empty | Auth::Password(_)), _) => auth,
        };
        let parameters = creation(password.map(session::auth_value).unwrap_or_default(), template);
        let answer = self.authorised(CREATE, &[parent], auth, parameters, password.is_some())?;
        let mut reader = Reader::new(&answer.parameters);
        let parts = (reader.sized().map(<[u8]>::to_vec)).zip(reader.sized().map(<[u8]>::to_vec));
        parts.ok_or_else(|| self.malformed(CREATE))
    }

    /// Loads a key below its parent.
    pub(super) fn load(
        &mut self,
        parent: &Object,
        auth: Auth<'_>,
        private: &[u8],
        public: &[u8],
    ) -> Result<Object, TpmError> {
        let parameters = Writer::default().sized(private).sized(public).finish();
        let answer = self.authorised(LOAD, &[parent], auth, parameters, false)?;
        let name = Reader::new(&answer.parameters).sized().ok_or_else(|| self.malformed(LOAD))?.to_vec();
        Ok(Object { handle: answer.handle, name })
    }

    /// Wraps a key for its parent that was encrypted to it elsewhere, and returns what [`Self::load`] takes.
    pub(super) fn import(
        &mut self,
        parent: &Object,
        auth: Auth<'_>,
        private: &[u8],
        public: &[u8],
        secret: &[u8],
    ) -> Result<Vec<u8>, TpmError> {
        let parameters = Writer::default().sized(&[]).sized(public).sized(private).sized(secret);
        let parameters = parameters.u16(public::NULL).finish();
        let answer = self.authorised(IMPORT, &[parent], auth, parameters, false)?;
        Ok(Reader::new(&answer.parameters).sized().ok_or_else(|| self.malformed(IMPORT))?.to_vec())
    }

    /// Returns the object at a handle and its public area.
    pub(super) fn read_public(&mut self, handle: u32) -> Result<(Object, Vec<u8>), TpmError> {
        let answer = self.plain(READ_PUBLIC, &[handle], &[])?;
        let mut reader = Reader::new(&answer.parameters);
        let parts = reader.sized().zip(reader.sized());
        let (public, name) = parts.ok_or_else(|| self.malformed(READ_PUBLIC))?;
        Ok((Object { handle, name: name.to_vec() }, public.to_vec()))
    }

    /// Signs a hash, and returns the answer's `TPMT_SIGNATURE`.
    pub(super) fn sign(
        &mut self,
        key: &Object,
        auth: Auth<'_>,
        scheme: u16,
        hash: u16,
        digest: &[u8],
    ) -> Result<Vec<u8>, TpmError> {
        // The ticket of a hash that was made outside.
        let parameters = Writer::default().sized(digest).u16(scheme).u16(hash);
        let parameters = parameters.u16(0x8024).u32(NULL_HANDLE).sized(&[]).finish();
        Ok(self.authorised(SIGN, &[key], auth, parameters, false)?.parameters)
    }

    /// Returns what brings a loaded key back.
    pub(super) fn save(&mut self, key: &Object) -> Result<Vec<u8>, TpmError> {
        Ok(self.plain(CONTEXT_SAVE, &[key.handle], &[])?.parameters)
    }

    /// Brings back a key that was saved, until the TPM is started anew.
    pub(super) fn restore(&mut self, saved: &[u8], name: &[u8]) -> Result<Object, TpmError> {
        let answer = self.plain(CONTEXT_LOAD, &[], saved)?;
        Ok(Object { handle: answer.handle, name: name.to_vec() })
    }

    /// Gives an object or a session back.
    pub(super) fn flush(&mut self, handle: u32) -> Result<(), TpmError> {
        self.made.retain(|made| *made != handle);
        self.plain(FLUSH_CONTEXT, &[], &handle.to_be_bytes()).map(|_| ())
    }

    /// Returns how often passwords were wrong.
    pub(super) fn tries(&mut self) -> Result<Tries, TpmError> {
        // TPM_CAP_TPM_PROPERTIES, from TPM_PT_LOCKOUT_COUNTER on: counter, most, interval.
        let parameters = Writer::default().u32(6).u32(0x20E).u32(3).finish();
        let answer = self.plain(GET_CAPABILITY, &[], &parameters)?;
        let mut reader = Reader::new(&answer.parameters);
        let property = |expected: u32, reader: &mut Reader<'_>| {
            let (number, value) = (reader.u32()?, reader.u32()?);
            (number == expected).then_some(value)
        };
        let mut parts = || {
            let (_more, _capability, _count) = (reader.u8()?, reader.u32()?, reader.u32()?);
            Some(Tries {
                wrong: property(0x20E, &mut reader)?,
                most: property(0x20F, &mut reader)?,
                forgotten_after: property(0x210, &mut reader)?,
            })
        };
        parts().ok_or_else(|| self.malformed(GET_CAPABILITY))
    }

    fn malformed(&self, command: Command) -> TpmError {
        TpmError::AnswerMalformed { place: self.place.clone(), action: command.action }
    }

    /// Starts the session that proves passwords, with a salt for a key of this TPM that everybody may make.
    fn start_session(&mut self) -> Result<Session, TpmError> {
        let (key, public) = self.create_primary(NULL_HANDLE, &public::storage_parent(false), Auth::Empty)?;
        let salt = public::p256_point(&public).and_then(|point| Salt::agree(&point));
        let (salt, nonce) = salt.zip(session::nonce()).ok_or_else(|| self.malformed(START_AUTH_SESSION))?;
        // An HMAC session that can encrypt with AES-128 in CFB mode, and hashes with SHA-256.
        let parameters = Writer::default().sized(&nonce).sized(&salt.encrypted).u8(0);
        let parameters = parameters.u16(public::AES).u16(128).u16(public::CFB).u16(public::SHA256).finish();
        let answer = self.plain(START_AUTH_SESSION, &[key.handle, NULL_HANDLE], &parameters)?;
        self.flush(key.handle)?;
        let theirs = Reader::new(&answer.parameters).sized();
        let theirs = theirs.ok_or_else(|| self.malformed(START_AUTH_SESSION))?;
        Ok(Session::new(answer.handle, &salt, &nonce, theirs))
    }

    /// Sends a command that needs no authorisation.
    fn plain(&mut self, command: Command, handles: &[u32], parameters: &[u8]) -> Result<Answer, TpmError> {
        let handles = handles.iter().fold(Writer::default(), |all, handle| all.u32(*handle)).finish();
        let answer = self.send(command, NO_SESSIONS, &[&handles, parameters].concat())?;
        self.answer(command, &answer, false).map(|(answer, _)| answer)
    }

    /// Sends a command whose first object is authorised.
    fn authorised(
        &mut self,
        command: Command,
        objects: &[&Object],
        auth: Auth<'_>,
        mut parameters: Vec<u8>,
        encrypts: bool,
    ) -> Result<Answer, TpmError> {
        let handles = objects.iter().fold(Writer::default(), |all, object| all.u32(object.handle)).finish();
        let body = |area: &[u8], parameters: &[u8]| {
            let length = u32::try_from(area.len()).unwrap_or(u32::MAX);
            Writer::default().octets(&handles).u32(length).octets(area).octets(parameters).finish()
        };
        let password = match auth {
            Auth::Empty => {
                let area = Writer::default().u32(PASSWORD_SESSION).sized(&[]).u8(1).sized(&[]).finish();
                let answer = self.send(command, SESSIONS, &body(&area, &parameters))?;
                return self.answer(command, &answer, true).map(|(answer, _)| answer);
            }
            Auth::Password(password) => password,
        };
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.start_session()?,
        };
        let names: Vec<&[u8]> = objects.iter().map(|object| object.name.as_slice()).collect();
        let proof = session.prove(password, command.code, &names, &mut parameters, encrypts);
        let proof = proof.ok_or_else(|| self.malformed(command))?;
        let outcome = self
            .send(command, SESSIONS, &body(&proof.area, &parameters))
            .and_then(|answer| self.answer(command, &answer, true));
        let (answer, area) = match outcome {
            Ok(answered) => answered,
            Err(error) => {
                // It goes on as if the command had not been.
                self.session = Some(session);
                return Err(error);
            }
        };
        session
            .accept(&proof, command.code, &answer.parameters, &area)
            .ok_or_else(|| self.malformed(command))?;
        self.session = Some(session);
        Ok(answer)
    }

    /// Sends a command until the TPM does not ask for patience any more, or there is none left.
    fn send(&mut self, command: Command, tag: u16, body: &[u8]) -> Result<Vec<u8>, TpmError> {
        let length = u32::try_from(HEADER + body.len()).unwrap_or(u32::MAX);
        let octets = Writer::default().u16(tag).u32(length).u32(command.code).octets(body).finish();
        let mut pause = FIRST_PAUSE;
        loop {
            if self.gone || self.unanswered.is_some() {
                return Err(self.silent());
            }
            let answer = match self.connection.exchange(&octets, self.deadline) {
                Ok(answer) => answer,
                Err(no_answer) => return Err(self.unanswered_by(command, no_answer)),
            };
            let code = Reader::new(&answer[6..]).u32().unwrap_or(0);
            if code == 0 {
                return Ok(answer);
            }
            let code = ResponseCode(code);
            if code.passes() && Instant::now() + pause < self.deadline {
                trace::step(|| format!("the TPM at {} is busy ({code}); again in {pause:?}", self.place));
                std::thread::sleep(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
                continue;
            }
            return Err(TpmError::Refused { place: self.place.clone(), action: command.action, code });
        }
    }

    fn unanswered_by(&mut self, command: Command, no_answer: NoAnswer) -> TpmError {
        match no_answer {
            NoAnswer::Late => {
                self.unanswered = Some(command);
                self.silent()
            }
            NoAnswer::Malformed => {
                self.gone = true;
                self.malformed(command)
            }
            NoAnswer::Gone(why) => {
                self.gone = true;
                TpmError::Unreachable { place: self.place.clone(), why, cure: None }
            }
        }
    }

    fn silent(&self) -> TpmError {
        TpmError::Silent { place: self.place.clone(), seconds: self.patience.as_secs() }
    }

    /// Takes a successful answer apart: handle, parameters, authorisation area.
    fn answer(
        &mut self,
        command: Command,
        answer: &[u8],
        has_sessions: bool,
    ) -> Result<(Answer, Vec<u8>), TpmError> {
        let mut reader = Reader::new(answer.get(HEADER..).unwrap_or_default());
        let mut handle = 0;
        if command.makes_handle {
            handle = reader.u32().ok_or_else(|| self.malformed(command))?;
            self.made.push(handle);
        }
        let parameters = if has_sessions {
            let length = reader.u32().and_then(|length| usize::try_from(length).ok());
            length.and_then(|length| reader.take(length)).ok_or_else(|| self.malformed(command))?.to_vec()
        } else {
            reader.rest().to_vec()
        };
        Ok((Answer { handle, parameters }, reader.rest().to_vec()))
    }
}

/// What a command brought.
struct Answer {
    /// What it made; 0 where it makes nothing.
    handle: u32,
    parameters: Vec<u8>,
}

/// `inSensitive, inPublic, outsideInfo, creationPCR` of the two commands that make keys.
fn creation(password: &[u8], template: &[u8]) -> Vec<u8> {
    let sensitive = Zeroizing::new(Writer::default().sized(password).sized(&[]).finish());
    Writer::default().sized(&sensitive).sized(template).sized(&[]).u32(0).finish()
}

impl Drop for Tpm {
    fn drop(&mut self) {
        let deadline = Instant::now() + GRACE;
        if let Some(command) = self.unanswered.take() {
            match self.connection.answer(deadline) {
                // What came too late may have made something.
                Ok(late) if late.get(6..HEADER) == Some(&[0; 4]) => {
                    let _ = self.answer(command, &late, false);
                }
                Ok(_) => {}
                Err(_) => self.gone = true,
            }
        }
        self.deadline = deadline;
        while let Some(handle) = self.made.pop() {
            if self.gone || self.flush(handle).is_err() && self.unanswered.is_some() {
                break;
            }
        }
    }
}
