//! The way to a TPM: one command, one answer, until a point in time.

use std::io::ErrorKind;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};

use super::place::{DEVICES, TpmPlace};
use super::way::{HEADER, NoAnswer, NoWay};

/// The largest answer that is taken: what a TPM may answer at most (`TPM_PT_MAX_RESPONSE_SIZE` is 4096).
const ANSWER_LIMIT: usize = 4096;
/// How long to wait before a device that another program has open is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// An open TPM.
#[derive(Debug)]
pub(super) struct Connection {
    descriptor: OwnedFd,
}

impl From<Errno> for NoAnswer {
    fn from(errno: Errno) -> Self {
        Self::Gone(std::io::Error::from(errno).to_string())
    }
}

impl Connection {
    /// Opens a TPM; one that another program holds is waited for.
    pub(super) fn open(place: &TpmPlace, deadline: Instant) -> Result<Self, NoWay> {
        let descriptor = match place {
            TpmPlace::Path(path) => open_path(path, deadline)?.ok_or_else(|| absent(path))?,
            TpmPlace::Port { host, port } => open_port(host, *port, deadline)?,
            TpmPlace::Usual => {
                let found =
                    DEVICES.iter().find_map(|device| open_path(Path::new(device), deadline).transpose());
                found.transpose()?.ok_or_else(no_device)?
            }
        };
        Ok(Self { descriptor })
    }

    /// Sends a command and returns its answer, whose length is as its header says.
    pub(super) fn exchange(&self, command: &[u8], deadline: Instant) -> Result<Vec<u8>, NoAnswer> {
        let mut rest = command;
        while !rest.is_empty() {
            match rustix::io::write(&self.descriptor, rest) {
                Ok(count) => rest = rest.get(count..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait(PollFlags::OUT, deadline)?,
                Err(errno) => return Err(errno.into()),
            }
        }
        self.answer(deadline)
    }

    /// Waits for an answer to what was sent.
    pub(super) fn answer(&self, deadline: Instant) -> Result<Vec<u8>, NoAnswer> {
        let mut answer = vec![0; ANSWER_LIMIT];
        let mut filled = 0;
        let mut expected = HEADER;
        while filled < expected {
            match rustix::io::read(&self.descriptor, &mut answer[filled..]) {
                Ok(0) => return Err(NoAnswer::Gone(String::from("it ended the connection"))),
                Ok(count) => filled += count,
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => {
                    self.wait(PollFlags::IN, deadline)?;
                    continue;
                }
                Err(errno) => return Err(errno.into()),
            }
            if let Some(size) = answer[..filled].get(2..6).and_then(|size| size.try_into().ok()) {
                expected = usize::try_from(u32::from_be_bytes(size)).unwrap_or(usize::MAX);
                if !(HEADER..=ANSWER_LIMIT).contains(&expected) || filled > expected {
                    return Err(NoAnswer::Malformed);
                }
            }
        }
        answer.truncate(filled);
        Ok(answer)
    }

    fn wait(&self, what: PollFlags, deadline: Instant) -> Result<(), NoAnswer> {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(|_| NoAnswer::Late)?;
        match poll(&mut [PollFd::new(&self.descriptor, what)], Some(&left)) {
            Ok(0) => Err(NoAnswer::Late),
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// Opens a device or a socket; `None` where nothing is there.
fn open_path(path: &Path, deadline: Instant) -> Result<Option<OwnedFd>, NoWay> {
    let metadata = match path.metadata() {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(NoWay { why: error.to_string(), cure: None }),
    };
    let kind = metadata.file_type();
    // Anything else would be written into.
    if !kind.is_char_device() && !kind.is_socket() {
        return Err(NoWay {
            why: String::from("it is neither a device nor a socket"),
            cure: Some(format!("give {}, or what swtpm listens on", DEVICES[0])),
        });
    }
    loop {
        let opened = if kind.is_socket() {
            connect(path)
        } else {
            let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
            rustix::fs::open(path, flags, Mode::empty())
        };
        match opened {
            Ok(descriptor) => return Ok(Some(descriptor)),
            Err(Errno::AGAIN | Errno::BUSY) if Instant::now() < deadline => std::thread::sleep(PAUSE),
            // A node without a device behind it.
            Err(Errno::NODEV | Errno::NXIO | Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(not_opened(metadata.gid(), errno)),
        }
    }
}

/// Connects without waiting: a software TPM that is busy with another program says so by EAGAIN.
fn connect(path: &Path) -> Result<OwnedFd, Errno> {
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

fn open_port(host: &str, port: u16, deadline: Instant) -> Result<OwnedFd, NoWay> {
    let failed = |why: String| NoWay {
        why,
        cure: Some(String::from("start it with swtpm socket --tpm2 --server type=tcp,port=PORT")),
    };
    let mut why = String::from("the name has no address");
    for address in (host, port).to_socket_addrs().map_err(|error| failed(error.to_string()))? {
        let left = deadline.saturating_duration_since(Instant::now()).max(PAUSE);
        let stream = TcpStream::connect_timeout(&address, left).and_then(|stream| {
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            Ok(stream)
        });
        match stream {
            Ok(stream) => return Ok(stream.into()),
            Err(error) => why = error.to_string(),
        }
    }
    Err(failed(why))
}

fn absent(path: &Path) -> NoWay {
    let known = DEVICES.iter().any(|device| Path::new(device) == path);
    if known {
        no_device()
    } else {
        NoWay {
            why: String::from("nothing is there"),
            cure: Some(String::from("check --tpm-device (TPM_DEVICE)")),
        }
    }
}

fn no_device() -> NoWay {
    NoWay {
        why: format!("this host has no TPM 2.0 device, neither {} nor {}", DEVICES[0], DEVICES[1]),
        cure: Some(format!(
            "switch the TPM on in the firmware; a container gets it by docker run --device {}; another TPM is named by --tpm-device",
            DEVICES[0]
        )),
    }
}

fn not_opened(group: u32, errno: Errno) -> NoWay {
    let why = std::io::Error::from(errno).to_string();
    let cure = match errno {
        Errno::ACCESS | Errno::PERM => {
            let group = group_name(group);
            format!(
                "add this user to the group {group} (usermod -aG {group} USER; SupplementaryGroups={group} in a unit), and log in again"
            )
        }
        Errno::BUSY | Errno::AGAIN => format!("another program has it open; {} can be shared", DEVICES[0]),
        Errno::CONNREFUSED => {
            String::from("start it with swtpm socket --tpm2 --server type=unixio,path=SOCKET")
        }
        _ => return NoWay { why, cure: None },
    };
    NoWay { why, cure: Some(cure) }
}

/// Returns the name of a device's group: `tss`, as distributions have it.
fn group_name(group: u32) -> String {
    let found = nix::unistd::Group::from_gid(nix::unistd::Gid::from_raw(group)).ok().flatten();
    found.map_or_else(|| String::from("tss"), |group| group.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_no_tpm_and_is_not_written_into() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notes");
        std::fs::copy("/proc/self/comm", &path).expect("a file");
        let before = path.metadata().expect("a file").len();
        let refused = open_path(&path, Instant::now()).expect_err("refused");
        assert_eq!(refused.why, "it is neither a device nor a socket");
        assert_eq!(path.metadata().expect("a file").len(), before);
        assert!(open_path(&folder.path().join("none"), Instant::now()).is_ok_and(|found| found.is_none()));
    }
}
