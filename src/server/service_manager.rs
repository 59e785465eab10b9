//! What the service manager is told, where there is one that listens (`sd_notify(3)` of systemd): that the node serves,
//! that it lives, that it stops.
//!
//! By hand, since it is one datagram: the crates for it read the process's environment by themselves.

use std::{io, time::Duration};

use crate::config::Environment;

/// The way to the service manager; silent where there is none.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServiceManager {
    /// `$NOTIFY_SOCKET`: a path, or `@` and an abstract name.
    socket: Option<String>,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// The one that started process `pid` with this environment.
    pub(crate) fn of(environment: &Environment, pid: u32) -> Self {
        let Some(socket) = environment.get("NOTIFY_SOCKET").filter(|name| name.starts_with(['/', '@'])) else {
            return Self::default();
        };
        let is_ours = environment.get("WATCHDOG_PID").is_none_or(|text| text.parse() == Ok(pid));
        let period = environment.get("WATCHDOG_USEC").and_then(|text| text.parse().ok()).filter(|us| *us > 0);
        let watchdog = period.filter(|_| is_ours).map(Duration::from_micros);
        Self { socket: Some(socket.to_owned()), watchdog }
    }

    /// Whether anybody listens.
    pub(super) fn listens(&self) -> bool {
        self.socket.is_some()
    }

    /// How long the node may be silent before it is killed and started again.
    pub(super) fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    pub(super) fn serving(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    pub(super) fn alive(&self, status: &str) {
        self.tell(&format!("WATCHDOG=1\nSTATUS={status}"));
    }

    pub(super) fn troubled(&self, status: &str) {
        self.tell(&format!("STATUS={status}"));
    }

    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1\nSTATUS=stopping; requests under way may end");
    }

    fn tell(&self, text: &str) {
        if let Some(socket) = &self.socket
            && let Err(error) = send(socket, text.as_bytes())
        {
            tracing::warn!(%error, socket, "the service manager can't be told how it stands");
        }
    }
}

#[cfg(target_os = "linux")]
fn send(socket: &str, message: &[u8]) -> io::Result<()> {
    use std::os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    };

    let address = match socket.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    let datagram = UnixDatagram::unbound()?;
    // A manager that doesn't read must not hold the node up.
    datagram.set_nonblocking(true)?;
    datagram.send_to_addr(message, &address).map(drop)
}

#[cfg(not(target_os = "linux"))]
fn send(_: &str, _: &[u8]) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> ServiceManager {
        ServiceManager::of(&variables.iter().copied().collect(), 7)
    }

    #[test]
    fn without_a_socket_nobody_listens() {
        for variables in [&[][..], &[("WATCHDOG_USEC", "1000000")], &[("NOTIFY_SOCKET", "vsock:2:1234")]] {
            let manager = of(variables);
            assert!(!manager.listens() && manager.watchdog().is_none(), "{variables:?}");
            manager.alive("this goes nowhere");
        }
    }

    #[test]
    fn a_watchdog_of_another_process_is_not_ours() {
        let socket = ("NOTIFY_SOCKET", "/run/systemd/notify");
        for (variables, expected) in [
            (&[socket, ("WATCHDOG_USEC", "2000000")][..], Some(Duration::from_secs(2))),
            (&[socket, ("WATCHDOG_USEC", "2000000"), ("WATCHDOG_PID", "7")], Some(Duration::from_secs(2))),
            (&[socket, ("WATCHDOG_USEC", "2000000"), ("WATCHDOG_PID", "8")], None),
            (&[socket, ("WATCHDOG_USEC", "0")], None),
            (&[socket, ("WATCHDOG_USEC", "soon")], None),
            (&[socket], None),
        ] {
            assert_eq!(of(variables).watchdog(), expected, "{variables:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_abstract_socket_is_told_too() {
        use std::os::{
            linux::net::SocketAddrExt,
            unix::net::{SocketAddr, UnixDatagram},
        };

        let name = format!("ods-test-{}", std::process::id());
        let listening = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        of(&[("NOTIFY_SOCKET", &format!("@{name}"))]).stopping();
        let mut message = [0; 200];
        let length = listening.recv(&mut message).unwrap();
        assert!(message[..length].starts_with(b"STOPPING=1\nSTATUS="));
    }
}
