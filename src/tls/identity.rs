//! A certificate with its key, out of PEM.

use std::{
    io,
    path::{Path, PathBuf},
};

use rustls::{
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject},
    sign::CertifiedKey,
};
use sha2::{Digest, Sha256};

use super::provider;

/// Where a certificate and its key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// PEM: the certificate, then the ones that vouch for it.
    pub(crate) certificate: PathBuf,
    /// PEM: the private key (PKCS#8, PKCS#1 or SEC1), not encrypted.
    pub(crate) key: PathBuf,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// A file can't be read.
    #[error("{path} can't be read: {source}; check the path and that this user may read it", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file has no certificate.
    #[error(
        "{path} has no PEM certificate; it should have a block that starts with -----BEGIN CERTIFICATE-----",
        path = path.display()
    )]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The file has no private key.
    #[error(
        "{path} has no private key in PEM; it should have a block that starts with -----BEGIN PRIVATE KEY-----, \
         without a passphrase",
        path = path.display()
    )]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The key isn't the certificate's, or of a kind that TLS doesn't use.
    #[error(
        "the certificate in {certificate} and the key in {key} can't be used together: {source}",
        certificate = certificate.display(), key = key.display()
    )]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What rustls said.
        source: Box<rustls::Error>,
    },
    /// The self-signed certificate can't be made.
    #[error("a self-signed certificate can't be made for {names:?}: {source}")]
    NotMade {
        /// The names it was for.
        names: Vec<String>,
        /// What rcgen said.
        source: rcgen::Error,
    },
    /// The self-signed certificate can't be kept.
    #[error("the self-signed certificate can't be kept in {path}: {source}", path = path.display())]
    NotKept {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The TLS library doesn't offer what we need.
    #[error("TLS can't be set up: {source}")]
    Provider {
        /// What rustls said.
        source: rustls::Error,
    },
}

impl TlsFiles {
    /// Reads both files and checks that they belong together.
    pub(super) fn read(&self) -> Result<CertifiedKey, TlsError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&read(&self.certificate)?)
            .collect::<Result<_, pem::Error>>()
            .map_err(|_| TlsError::NoCertificate { path: self.certificate.clone() })?;
        if chain.is_empty() {
            return Err(TlsError::NoCertificate { path: self.certificate.clone() });
        }
        let key =
            PrivateKeyDer::from_pem_slice(&read(&self.key)?).map_err(|_| TlsError::NoKey { path: self.key.clone() })?;
        CertifiedKey::from_der(chain, key, &provider()).map_err(|source| TlsError::Mismatch {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            source: Box::new(source),
        })
    }
}

/// SHA-256 of the certificate's DER.
pub(super) fn pin(key: &CertifiedKey) -> [u8; 32] {
    key.cert.first().map(|certificate| Sha256::digest(certificate).into()).unwrap_or_default()
}

/// The end of the certificate's validity (RFC 5280 §4.1.2.5), in seconds since 1970.
pub(super) fn expires_at(key: &CertifiedKey) -> Option<i64> {
    let (_, certificate) = x509_parser::parse_x509_certificate(key.cert.first()?).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })
}
