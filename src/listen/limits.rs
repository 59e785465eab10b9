//! Every bound on connections, in one place.

use std::time::Duration;

/// The longest request head (HTTP/1.1) or header list (HTTP/2).
pub(super) const REQUEST_HEAD_BYTES_MAX: usize = 64 * 1024;

/// The longest path and query of a request: metadata of 32 KiB goes in a query, with room for percent signs.
pub(super) const TARGET_BYTES_MAX: usize = 48 * 1024;

/// HTTP/2 requests at once on one connection.
pub(super) const STREAMS_PER_CONNECTION_MAX: u32 = 200;

/// Bytes an HTTP/2 client may send ahead of the handler: on one stream, and on the whole connection.
pub(super) const STREAM_WINDOW_BYTES: u32 = 1 << 20;
/// See [`STREAM_WINDOW_BYTES`].
pub(super) const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;

/// A client that sends fewer bytes than this of a body in one body-stall timeout counts as one that stopped sending: else a
/// byte now and then would hold a connection, which needs no token.
pub(super) const BODY_PROGRESS_BYTES: u64 = 16 * 1024;

/// A client that takes fewer bytes than this in one write-stall timeout counts as one that stopped reading.
pub(super) const WRITE_PROGRESS_BYTES: u64 = 1024;

/// How long a connection is told apart from a dead one: TCP keep-alive and HTTP/2 pings.
pub(super) const DEAD_PEER_PROBE: Duration = Duration::from_secs(30);
/// Bytes of requests that wait unread in the system, a connection: so many, or twice as many where it needs little room for
/// its own use. They are lost if this process is, and uploads send them again, with what is in this process (5.5 MiB at most).
/// At 100 ms there and back a connection brings 10 MB/s at least.
#[cfg(target_os = "linux")]
pub(super) const UNREAD_BYTES: usize = 1024 * 1024;
/// Bytes of answers that wait unsent in the system, a connection. The rest waits in files.
#[cfg(target_os = "linux")]
pub(super) const UNSENT_BYTES: u32 = 1024 * 1024;

/// How long a client has to close its end of a connection that we are done with. After an answer to a request whose body
/// was not read, what still comes in is thrown away meanwhile: to close at once would destroy the answer on its way
/// (RFC 9112 section 9.6).
pub(super) const LINGER: Duration = Duration::from_secs(3);

/// What is left of a body after an early answer is read, so that the connection can go on, if it is no more than this, and comes in
/// [`ListenLimits::body_rest_timeout`]. Otherwise the answer says that the connection ends.
pub(super) const REST_BYTES_MAX: u64 = 64 * 1024;

/// The pause after a failed accept: the first, and the longest.
pub(super) const ACCEPT_PAUSE_MIN: Duration = Duration::from_millis(20);
/// See [`ACCEPT_PAUSE_MIN`].
pub(super) const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);

/// How often it is looked at whether a client that waits for room is still there: soon at first, since a whole queue of them
/// may be gone.
pub(super) const ROOM_LOOK_MIN: Duration = Duration::from_millis(4);
/// See [`ROOM_LOOK_MIN`].
pub(super) const ROOM_LOOK_MAX: Duration = Duration::from_millis(250);

/// Clients that wait for room at once, over all listeners; further ones wait in the kernel's queue.
pub(super) const WAITING_MAX: usize = 256;

/// How often at most the log says that clients wait for room.
pub(super) const ROOM_WARNING_PAUSE: Duration = Duration::from_mins(1);

/// Connections the kernel keeps for us before we accept them.
pub(super) const BACKLOG: i32 = 1024;

/// The longest request id taken over from a trusted proxy.
pub(super) const REQUEST_ID_BYTES_MAX: usize = 128;

/// What a listener puts up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ListenLimits {
    /// Connections at once, over all listeners; beyond it, clients wait in the kernel's queue.
    pub(crate) connections_max: usize,
    /// Connections at once from one client address (IPv6: from one /64); beyond it they are closed at once. Trusted
    /// proxies are exempt.
    pub(crate) connections_per_client_max: usize,
    /// For a TLS handshake.
    pub(crate) tls_handshake_timeout: Duration,
    /// For a request's head: from the connection's start, or from its first byte.
    pub(crate) request_head_timeout: Duration,
    /// Between two requests on one connection.
    pub(crate) idle_timeout: Duration,
    /// The same while [`Self::connections_max`] is reached and others wait.
    pub(crate) crowded_idle_timeout: Duration,
    /// Without [`BODY_PROGRESS_BYTES`] of a request's body, or its end, while the handler waits for them.
    pub(crate) body_stall_timeout: Duration,
    /// While others wait: for a TLS handshake, for a request's head, and for the first byte of who waits itself.
    pub(crate) crowded_head_timeout: Duration,
    /// For how long somebody must have waited before more makes room than what does nothing.
    pub(crate) crowded_patience: Duration,
    /// From then on: after so long a connection ends with the answer under way.
    pub(crate) crowded_age: Duration,
    /// And: for a body's first [`BODY_PROGRESS_BYTES`], and as long again for each that came.
    pub(crate) crowded_body_stall_timeout: Duration,
    /// For what is left of a small body that nobody read.
    pub(crate) body_rest_timeout: Duration,
    /// Without the client taking any bytes, while there are some for it.
    pub(crate) write_stall_timeout: Duration,
}

impl Default for ListenLimits {
    fn default() -> Self {
        Self {
            connections_max: 4096,
            connections_per_client_max: 1024,
            tls_handshake_timeout: Duration::from_secs(10),
            request_head_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(75),
            crowded_idle_timeout: Duration::from_secs(1),
            body_stall_timeout: Duration::from_secs(30),
            crowded_head_timeout: Duration::from_secs(5),
            crowded_patience: Duration::from_secs(2),
            crowded_age: Duration::from_secs(15),
            crowded_body_stall_timeout: Duration::from_secs(5),
            body_rest_timeout: Duration::from_millis(100),
            write_stall_timeout: Duration::from_mins(1),
        }
    }
}

impl ListenLimits {
    /// The shortest of the timeouts that a connection's watchdog looks after: no deadline that starts now is nearer.
    pub(super) fn watchdog_period(&self) -> Duration {
        self.request_head_timeout
            .min(self.idle_timeout)
            .min(self.crowded_idle_timeout)
            .min(self.crowded_head_timeout)
            .min(self.write_stall_timeout)
            .min(LINGER)
    }
}
