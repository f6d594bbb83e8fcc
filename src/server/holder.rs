//! Which process holds a socket, for the log: this leads from an event in CloudTrail to a job.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::caller::Peer;

/// The shortest time between two searches, so that under a thousand requests a second they do not become the main work.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest time for a search; other callers wait for it.
const LONGEST: Duration = Duration::from_millis(10);
/// The most processes examined.
const MOST: usize = 20_000;

/// A process and its parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    /// Its number.
    process: i32,
    /// Its name, truncated by the system to 15 octets.
    program: String,
    /// The number and the name of its parent.
    parent: Option<(i32, String)>,
}

impl Holder {
    /// Returns what is known, as pairs of name and value.
    pub(super) fn facts(self) -> Vec<(&'static str, String)> {
        let mut facts = vec![("pid", self.process.to_string()), ("program", self.program)];
        facts.extend(
            self.parent
                .into_iter()
                .flat_map(|(number, name)| [("ppid", number.to_string()), ("parent", name)]),
        );
        facts
    }
}

/// Finds holders, at a limited rate.
#[derive(Debug, Default)]
pub(super) struct Holders(Mutex<Option<Instant>>);

impl Holders {
    /// Returns the process at the other end; `None` if another user's processes are hidden from this one, or there was
    /// a search a moment ago.
    pub(super) fn of(&self, peer: Peer) -> Option<Holder> {
        if let Some(process) = peer.process {
            return describe(process);
        }
        let socket = peer.socket?;
        {
            let mut last = self.0.lock().ok()?;
            if last.is_some_and(|last| last.elapsed() < PAUSE) {
                return None;
            }
            *last = Some(Instant::now());
        }
        let link = format!("socket:[{socket}]");
        let begun = Instant::now();
        let processes = fs::read_dir("/proc").ok()?.take(MOST).map_while(Result::ok);
        let process = processes
            .take_while(|_| begun.elapsed() < LONGEST)
            .filter(|entry| entry.metadata().is_ok_and(|process| process.uid() == peer.user))
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .find(|process: &i32| holds(*process, &link))?;
        describe(process)
    }
}

fn holds(process: i32, link: &str) -> bool {
    let descriptors = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().map_while(Result::ok);
    descriptors
        .map(|entry| fs::read_link(entry.path()))
        .any(|target| target.is_ok_and(|target| target.as_os_str() == link))
}

fn describe(process: i32) -> Option<Holder> {
    let (program, parent) = name_and_parent(process)?;
    let parent = parent.and_then(|parent| Some((parent, name_and_parent(parent)?.0)));
    Some(Holder { process, program, parent })
}

/// Reads a process's name and its parent's number.
fn name_and_parent(process: i32) -> Option<(String, Option<i32>)> {
    let stat = fs::read(format!("/proc/{process}/stat")).ok()?;
    // The name is in parentheses, and may itself contain some.
    let (begin, end) =
        (stat.iter().position(|octet| *octet == b'(')?, stat.iter().rposition(|octet| *octet == b')')?);
    let name = String::from_utf8_lossy(stat.get(begin + 1..end)?).into_owned();
    let rest = std::str::from_utf8(stat.get(end + 1..)?).ok()?;
    let parent = rest
        .split_ascii_whitespace()
        .nth(1)
        .and_then(|parent| parent.parse().ok())
        .filter(|parent| *parent > 0);
    Some((name, parent))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    use super::*;
    use crate::server::caller::Caller;
    use crate::server::sockets::Sockets;

    #[test]
    fn this_process_is_found_by_its_socket() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let caller =
            Sockets::probe().unwrap().caller(stream.peer_addr().unwrap(), stream.local_addr().unwrap());
        let Caller::User(peer) = caller else { panic!("{caller}") };
        let holders = Holders::default();
        // On a busy machine one search may not get far enough.
        let holder = std::iter::repeat_with(|| holders.of(peer)).find_map(|holder| holder).unwrap();
        assert_eq!(holder.process, i32::try_from(std::process::id()).unwrap());
        assert!(holder.parent.is_some());
        assert_eq!(holders.of(peer), None, "not again at once");
    }
}
