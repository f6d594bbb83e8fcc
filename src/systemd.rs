//! Notifies the service manager ([sd_notify]); does nothing if there is none.
//!
//! [sd_notify]: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html

use std::time::Duration;

use crate::env::Environment;

/// Sends the notifications.
#[derive(Debug)]
pub struct Notifier {
    #[cfg(unix)]
    socket: Option<(std::os::unix::net::UnixDatagram, std::os::unix::net::SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Notifier {
    /// Finds out where notifications go, and whether there is a watchdog.
    pub fn from_environment(env: &Environment) -> Self {
        let number = |name: &str| env.os_var(name)?.to_str()?.parse::<u64>().ok();
        let is_meant = number("WATCHDOG_PID").is_none_or(|process| process == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|_| is_meant).map(Duration::from_micros);
        Self {
            #[cfg(unix)]
            socket: env.os_var("NOTIFY_SOCKET").and_then(|name| unix::connect(&name)),
            watchdog,
        }
    }

    /// Returns the interval for watchdog notifications: half of the time after which the service counts as hung.
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog.map(|longest| longest / 2)
    }

    /// Sends lines such as `READY=1` or `STATUS=…`. Never waits for a service manager that does not read them.
    pub fn tell(&self, lines: &[&str]) {
        #[cfg(unix)]
        if let Some((socket, address)) = &self.socket {
            let _ = socket.send_to_addr(lines.join("\n").as_bytes(), address);
        }
        #[cfg(not(unix))]
        let _ = lines;
    }

    /// Announces that the configuration is being reloaded; `READY=1` follows.
    pub fn tell_reloading(&self) {
        #[cfg(target_os = "linux")]
        {
            // systemd compares it with the time of its request.
            let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
            let microseconds = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1000;
            self.tell(&["RELOADING=1", &format!("MONOTONIC_USEC={microseconds}")]);
        }
        #[cfg(not(target_os = "linux"))]
        self.tell(&["RELOADING=1"]);
    }
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsStr;
    use std::os::unix::net::{SocketAddr, UnixDatagram};

    /// Returns a socket of this process and the address of the service manager: a path, or an abstract name starting
    /// with `@`.
    pub(super) fn connect(name: &OsStr) -> Option<(UnixDatagram, SocketAddr)> {
        let address = address(name)?;
        let socket = UnixDatagram::unbound().ok()?;
        socket.set_nonblocking(true).ok()?;
        Some((socket, address))
    }

    #[cfg(target_os = "linux")]
    fn address(name: &OsStr) -> Option<SocketAddr> {
        use std::os::linux::net::SocketAddrExt as _;
        use std::os::unix::ffi::OsStrExt as _;
        match name.as_bytes().split_first()? {
            (b'@', name) => SocketAddr::from_abstract_name(name).ok(),
            (_, _) => SocketAddr::from_pathname(name).ok(),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn address(name: &OsStr) -> Option<SocketAddr> {
        SocketAddr::from_pathname(name).ok()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;

    #[test]
    fn who_asked_is_told_and_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let env =
            Environment::given([("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "10000000")]);
        let notifier = Notifier::from_environment(&env);
        assert_eq!(notifier.watchdog_interval(), Some(Duration::from_secs(5)));
        notifier.tell(&["READY=1", "STATUS=one session"]);
        let mut told = [0; 200];
        let length = socket.recv(&mut told).unwrap();
        assert_eq!(&told[..length], b"READY=1\nSTATUS=one session");
        notifier.tell_reloading();
        let length = socket.recv(&mut told).unwrap();
        assert!(told[..length].starts_with(b"RELOADING=1\nMONOTONIC_USEC="));

        let nobody =
            Notifier::from_environment(&Environment::given([("WATCHDOG_USEC", "1"), ("WATCHDOG_PID", "1")]));
        assert_eq!(nobody.watchdog_interval(), None);
        nobody.tell(&["READY=1"]);
    }
}
