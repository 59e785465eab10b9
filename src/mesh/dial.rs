//! Byte streams to peers: TCP, or TLS over it with a pinned certificate or one that this machine trusts.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ods_api::TlsTrust;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::endpoint::{Endpoint, Way};
use super::limits::CONNECT_MS;

/// A byte stream to a peer. The protocol runs over any.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Connects to peers.
#[derive(Debug)]
pub(super) struct Dialer {
    /// For certificates that this machine trusts; made once, since it may read the machine's whole store of them.
    trusting: OnceLock<Arc<ClientConfig>>,
}

impl Dialer {
    /// A dialer.
    pub(super) fn new() -> Self {
        Self { trusting: OnceLock::new() }
    }

    /// Connects within [`CONNECT_MS`].
    pub(super) async fn dial(&self, to: &Endpoint) -> io::Result<Box<dyn Stream>> {
        match tokio::time::timeout(Duration::from_millis(CONNECT_MS), self.connect(to)).await {
            Ok(connected) => connected,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no connection in time")),
        }
    }

    async fn connect(&self, to: &Endpoint) -> io::Result<Box<dyn Stream>> {
        let Way::Url(url) = &to.way else { return Err(io::Error::other("the link is gone")) };
        let stream = TcpStream::connect((url.host(), url.port())).await?;
        stream.set_nodelay(true)?;
        if !url.encrypted() {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(url.host().to_owned()).map_err(io::Error::other)?;
        let config = self.config(to.tls_pin).map_err(io::Error::other)?;
        Ok(Box::new(TlsConnector::from(config).connect(name, stream).await?))
    }

    fn config(&self, tls_pin: Option<[u8; 32]>) -> Result<Arc<ClientConfig>, rustls::Error> {
        if let Some(pin) = tls_pin {
            return TlsTrust::Pin(pin).client_config().map(Arc::new);
        }
        if let Some(config) = self.trusting.get() {
            return Ok(Arc::clone(config));
        }
        let config = Arc::new(TlsTrust::System.client_config()?);
        Ok(Arc::clone(self.trusting.get_or_init(|| config)))
    }
}
