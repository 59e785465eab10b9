//! Server-side TLS: the certificate a listener shows, from files or self-signed, exchangeable while it serves.
//!
//! Invariants:
//! - A certificate is used only with the key that belongs to it. A renewed pair that doesn't fit (yet: two files are
//!   never replaced at once) or can't be read leaves the old one in use.
//! - The pin is the SHA-256 of the certificate's DER, the same on every start: the self-signed one is kept in a file.

mod identity;
mod reload;
mod self_signed;

#[cfg(test)]
mod tests;

use std::{
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

pub(crate) use identity::{TlsError, TlsFiles};
pub(crate) use reload::CertificateReload;

/// The protocols offered, best first.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// A listener's TLS. Clones share the certificate.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    config: Arc<ServerConfig>,
    current: Arc<Current>,
}

/// The certificate in use.
#[derive(Debug)]
struct Current(RwLock<Arc<CertifiedKey>>);

impl Tls {
    /// The certificate and key in these PEM files.
    pub(crate) fn from_files(files: &TlsFiles) -> Result<Self, TlsError> {
        Self::new(files.read()?)
    }

    /// The self-signed certificate kept in the PEM file `path`, made at the first call for `names` (host names and
    /// addresses).
    pub(crate) fn self_signed(path: &Path, names: Vec<String>) -> Result<Self, TlsError> {
        Self::new(self_signed::load_or_make(path, names)?)
    }

    fn new(key: CertifiedKey) -> Result<Self, TlsError> {
        let current = Arc::new(Current(RwLock::new(Arc::new(key))));
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|source| TlsError::Provider { source })?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(current.clone());
        config.alpn_protocols = ALPN.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Self { config: Arc::new(config), current })
    }

    /// What a TLS acceptor needs.
    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }

    /// SHA-256 of the DER of the certificate in use.
    pub(crate) fn pin(&self) -> [u8; 32] {
        identity::pin(&self.current.get())
    }

    /// Until when clients take the certificate in use, in seconds since 1970; none if that can't be read.
    pub(crate) fn expires_at(&self) -> Option<i64> {
        identity::expires_at(&self.current.get())
    }

    fn replace(&self, key: CertifiedKey) {
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
    }
}

impl Current {
    fn get(&self) -> Arc<CertifiedKey> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get())
    }
}

/// The cryptography that all TLS of the node uses.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
