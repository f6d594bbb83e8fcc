//! A relay between our program and the TPM, which listens, and answers some commands itself.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// What a relay does with the command of that number, from 0 on, and code: passes it on, or answers with a response code.
type Rule = Box<dyn FnMut(usize, u32) -> Option<u32> + Send>;

/// The commands that were sent, and what was answered.
#[derive(Clone, Default)]
pub(super) struct Record(Arc<Mutex<Vec<Exchange>>>);

/// A command and its answer.
pub(super) type Exchange = (Vec<u8>, Vec<u8>);

impl Record {
    pub(super) fn exchanges(&self) -> Vec<Exchange> {
        self.0.lock().expect("a record").clone()
    }
}

/// Listens at `at` for the TPM at `to`, as long as the test runs. Numbers begin anew with each connection.
pub(super) fn begin(at: &Path, to: &Path, mut rule: Rule) -> Record {
    let listener = UnixListener::bind(at).expect("a socket");
    let record = Record::default();
    let (heard, to) = (record.clone(), to.to_owned());
    std::thread::spawn(move || {
        for ours in listener.incoming() {
            let (Ok(mut ours), Ok(mut tpm)) = (ours, UnixStream::connect(&to)) else { return };
            let mut number = 0;
            while let Some(command) = message(&mut ours) {
                let code = u32::from_be_bytes(command[6..10].try_into().expect("four octets"));
                let answer = match rule(number, code) {
                    Some(refusal) => [&[0x80, 1, 0, 0, 0, 10][..], &refusal.to_be_bytes()].concat(),
                    None => {
                        tpm.write_all(&command).expect("the TPM listens");
                        message(&mut tpm).expect("the TPM answers")
                    }
                };
                number += 1;
                heard.0.lock().expect("a record").push((command, answer.clone()));
                if ours.write_all(&answer).is_err() {
                    break;
                }
            }
        }
    });
    record
}

/// Reads a command or an answer.
fn message(from: &mut UnixStream) -> Option<Vec<u8>> {
    let mut header = [0; 6];
    from.read_exact(&mut header).ok()?;
    let length = u32::from_be_bytes([header[2], header[3], header[4], header[5]]);
    let mut rest = vec![0; usize::try_from(length).ok()?.checked_sub(header.len())?];
    from.read_exact(&mut rest).ok()?;
    Some([&header[..], &rest].concat())
}
