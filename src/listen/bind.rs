//! Opening a listening socket.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};

use super::limits::{BACKLOG, DEAD_PEER_PROBE};
#[cfg(target_os = "linux")]
use super::limits::{UNREAD_BYTES, UNSENT_BYTES};

/// Why a node can't listen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    /// Another socket has the port.
    #[error(
        "address {address} is in use by another program; stop that program, or choose another address with --listen \
         HOST:PORT or `listeners` in ods.toml"
    )]
    InUse {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The system says no, usually to a port below 1024.
    #[error(
        "address {address} may not be used by this user; ports below 1024 need extra rights (on Linux the capability \
         CAP_NET_BIND_SERVICE): grant them, or choose a higher port with --listen HOST:PORT"
    )]
    Forbidden {
        /// The address asked for.
        address: SocketAddr,
    },
    /// This machine doesn't have the address.
    #[error(
        "address {address} doesn't belong to this machine; use one of its own addresses, or [::]:{port} for all of them",
        port = address.port()
    )]
    NotOurs {
        /// The address asked for.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("address {address} can't be listened on: {source}")]
    Other {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl ListenError {
    fn new(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse { address },
            io::ErrorKind::PermissionDenied => Self::Forbidden { address },
            io::ErrorKind::AddrNotAvailable => Self::NotOurs { address },
            _ => Self::Other { address, source },
        }
    }
}

/// Listens on `address`. `[::]` takes IPv4 too, and stands for `0.0.0.0` on a machine without IPv6.
pub(super) fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    let opened = match open(address) {
        Err(_) if is_unspecified_v6(address) && !has_ipv6() => open((Ipv4Addr::UNSPECIFIED, address.port()).into()),
        opened => opened,
    };
    opened.and_then(TcpListener::from_std).map_err(|error| ListenError::new(address, error))
}

/// Prepares an accepted connection: answers leave at once, a peer that vanished is noticed, and little of what it is sent
/// waits in the system, where it would be lost with the connection.
pub(super) fn tune(stream: &TcpStream) {
    let keepalive = TcpKeepalive::new().with_time(DEAD_PEER_PROBE).with_interval(DEAD_PEER_PROBE);
    let socket = SockRef::from(stream);
    let tuned = stream.set_nodelay(true).and_then(|()| socket.set_tcp_keepalive(&keepalive));
    #[cfg(target_os = "linux")]
    let tuned = tuned.and_then(|()| socket.set_tcp_notsent_lowat(UNSENT_BYTES));
    if let Err(error) = tuned {
        // Harmless: the client has probably gone already.
        tracing::debug!(%error, "a new connection can't be tuned");
    }
}

/// Bounds what the connections of a listening socket hold that nobody read yet, if the system lets a program ask for as
/// much: else the system's own bound stays, which is lower by default. Before it listens, since a window begins as it is then.
#[cfg(target_os = "linux")]
fn bound_unread(socket: &Socket) -> io::Result<()> {
    let most = std::fs::read_to_string("/proc/sys/net/core/rmem_max").ok();
    let most = most.and_then(|text| text.trim().parse::<usize>().ok()).unwrap_or(0);
    if most < UNREAD_BYTES { Ok(()) } else { socket.set_recv_buffer_size(UNREAD_BYTES) }
}

fn open(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(!is_unspecified_v6(address))?;
    }
    // On Unix this only skips the wait for old connections; on Windows it would let two programs share a port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    #[cfg(target_os = "linux")]
    bound_unread(&socket)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn is_unspecified_v6(address: SocketAddr) -> bool {
    address.is_ipv6() && address.ip().is_unspecified()
}

fn has_ipv6() -> bool {
    Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(address: &str) -> TcpListener {
        bind(address.parse().unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_port_in_use_is_said_so_with_what_to_do() {
        let holder = free("127.0.0.1:0");
        let address = holder.local_addr().unwrap();
        let error = bind(address).unwrap_err();
        assert!(matches!(error, ListenError::InUse { .. }));
        let text = error.to_string();
        assert!(text.starts_with(&format!("address {address} is in use by another program;")), "{text}");
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_said_so() {
        let error = bind("192.0.2.1:0".parse().unwrap()).unwrap_err();
        assert!(matches!(error, ListenError::NotOurs { .. }), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn what_waits_in_the_system_is_bounded_on_both_ways() {
        let listener = free("127.0.0.1:0");
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        tune(&accepted);
        let (theirs, ours) = (SockRef::from(&client), SockRef::from(&accepted));
        assert_eq!(ours.tcp_notsent_lowat().unwrap(), UNSENT_BYTES);
        let may_ask = std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap().trim().parse::<usize>().unwrap();
        let bound = if may_ask < UNREAD_BYTES { theirs.recv_buffer_size().unwrap() } else { 2 * UNREAD_BYTES };
        assert_eq!(ours.recv_buffer_size().unwrap(), bound);
    }

    #[tokio::test]
    async fn the_unspecified_address_takes_ipv4_clients() {
        let listener = free("[::]:0");
        let port = listener.local_addr().unwrap().port();
        let (accepted, connected) = tokio::join!(listener.accept(), TcpStream::connect(("127.0.0.1", port)));
        assert!(connected.is_ok());
        assert_eq!(accepted.unwrap().1.ip().to_canonical().to_string(), "127.0.0.1");
    }
}
