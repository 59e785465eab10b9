//! Byte streams to peers: TCP, or TLS over it with a pinned certificate or one that this machine trusts.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::endpoint::Endpoint;
use super::limits::CONNECT_MS;

/// A byte stream to a peer. The protocol runs over any.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Connects to peers.
#[derive(Debug)]
pub(super) struct Dialer {
    provider: Arc<CryptoProvider>,
    /// For certificates that this machine trusts; made once, since it may read the machine's whole store of them.
    trusting: OnceLock<Arc<ClientConfig>>,
}

impl Dialer {
    /// A dialer.
    pub(super) fn new() -> Self {
        Self { provider: Arc::new(rustls::crypto::ring::default_provider()), trusting: OnceLock::new() }
    }

    /// Connects within [`CONNECT_MS`].
    pub(super) async fn dial(&self, to: &Endpoint) -> io::Result<Box<dyn Stream>> {
        match tokio::time::timeout(Duration::from_millis(CONNECT_MS), self.connect(to)).await {
            Ok(connected) => connected,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no connection in time")),
        }
    }

    async fn connect(&self, to: &Endpoint) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect((to.url.host(), to.url.port())).await?;
        stream.set_nodelay(true)?;
        if !to.url.encrypted() {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(to.url.host().to_owned()).map_err(io::Error::other)?;
        let config = self.config(to.tls_pin).map_err(io::Error::other)?;
        Ok(Box::new(TlsConnector::from(config).connect(name, stream).await?))
    }

    fn config(&self, tls_pin: Option<[u8; 32]>) -> Result<Arc<ClientConfig>, rustls::Error> {
        let provider = Arc::clone(&self.provider);
        if let Some(pin) = tls_pin {
            return self.verified_by(Arc::new(Pinned { pin, provider }));
        }
        if let Some(config) = self.trusting.get() {
            return Ok(Arc::clone(config));
        }
        let config = self.verified_by(Arc::new(rustls_platform_verifier::Verifier::new(provider)?))?;
        Ok(Arc::clone(self.trusting.get_or_init(|| config)))
    }

    fn verified_by(&self, verifier: Arc<dyn ServerCertVerifier>) -> Result<Arc<ClientConfig>, rustls::Error> {
        let provider = Arc::clone(&self.provider);
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Arc::new(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()))
    }
}

/// Takes exactly one certificate, whatever its names and dates say.
#[derive(Debug)]
struct Pinned {
    pin: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if Sha256::digest(end_entity.as_ref()).as_slice() == self.pin {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
