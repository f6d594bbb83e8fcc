//! `pin-source=|PROGRAM`: a program that prints the PIN (RFC 7512 §2.4).

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use zeroize::Zeroizing;

use super::password::password_of;
use crate::env::Environment;
use crate::private_file;
use crate::secret::Secret;
use crate::signer::pkcs11::NoPin;
use crate::text::quoted;

/// How long the program may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest PIN that it may print, in octets.
const LONGEST_PIN: u64 = 256;
/// The variables that the program gets: enough to find its own things, and nothing that is ours.
const VARIABLES: &[&str] =
    &["DBUS_SESSION_BUS_ADDRESS", "HOME", "LANG", "LOGNAME", "PATH", "USER", "XDG_RUNTIME_DIR"];

/// Runs the program, whose path is absolute, with its arguments and no shell, and returns what it prints, but for a line feed at its end.
///
/// It must be as a module must: nobody but root and the caller can have written it, or any folder above it.
pub(super) fn run(words: &[String], env: &Environment) -> Result<Secret<String>, NoPin> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(NoPin { why: String::from("pin-source names no program"), cure: None });
    };
    let failed =
        |why: String| NoPin { why: format!("{} did not give it: {why}", quoted(program)), cure: None };
    private_file::judge_trusted(Path::new(program)).map_err(|error| failed(error.reason.to_string()))?;
    let variables = VARIABLES.iter().filter_map(|name| Some((name, env.os_var(name)?)));
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(variables)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let (sender, printed) = mpsc::channel();
    if let Some(pipe) = child.stdout.take() {
        thread::spawn(move || {
            // Room for all of it: a buffer that grows leaves copies behind.
            let mut text = Zeroizing::new(Vec::with_capacity(2 * usize::try_from(LONGEST_PIN).unwrap_or(0)));
            let read = pipe.take(LONGEST_PIN + 1).read_to_end(&mut text).map(|_| text);
            let _ = sender.send(read);
        });
    }
    let printed = printed.recv_timeout(PATIENCE);
    if printed.is_err() {
        // It has printed all, or has had its time.
        let _ = child.kill();
    }
    let status = child.wait();
    let text = match printed {
        Err(_) => return Err(failed(String::from("it took longer than 5 seconds"))),
        Ok(Err(error)) => return Err(failed(error.to_string())),
        Ok(Ok(text)) => text,
    };
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(failed(status.to_string())),
        Err(error) => return Err(failed(error.to_string())),
    }
    if text.len() as u64 > LONGEST_PIN {
        return Err(failed(format!("it printed more than {LONGEST_PIN} bytes")));
    }
    password_of(&text).map_err(|_| failed(String::from("what it printed is not UTF-8")))
}
