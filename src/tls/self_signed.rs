//! A certificate of our own making, for pins instead of authorities.
//!
//! Kept in one PEM file with its key, and never replaced by itself: invites carry its pin, and a new certificate would
//! lock their holders out. To renew it, delete the file and invite again.

use std::path::Path;

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::sign::CertifiedKey;

use super::{TlsError, TlsFiles};
use crate::private_file::write_private;

/// The certificate in the file at `path`; if there is no file, a new one for `names`, kept there.
pub(super) fn load_or_make(path: &Path, names: Vec<String>) -> Result<CertifiedKey, TlsError> {
    if !path.exists() {
        let pem = make(names)?;
        write_private(path, pem.as_bytes()).map_err(|source| TlsError::NotKept { path: path.to_owned(), source })?;
    }
    TlsFiles { certificate: path.to_owned(), key: path.to_owned() }.read()
}

/// A new certificate for `names` and its key, as PEM.
fn make(names: Vec<String>) -> Result<String, TlsError> {
    let made = KeyPair::generate().and_then(|key| {
        let mut parameters = CertificateParams::new(names.clone())?;
        parameters.distinguished_name.push(DnType::CommonName, "ODS node");
        parameters.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        let certificate = parameters.self_signed(&key)?;
        Ok(format!("{}{}", certificate.pem(), key.serialize_pem()))
    });
    made.map_err(|source| TlsError::NotMade { names, source })
}
