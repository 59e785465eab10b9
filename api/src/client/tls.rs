//! Whom the client believes to be the server.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::BuilderVerifierExt;
use sha2::{Digest as _, Sha256};

/// Which certificates a server may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsTrust {
    /// Those that this machine trusts.
    System,
    /// The one whose DER has this SHA-256, whatever it says about itself.
    Pin([u8; 32]),
}

impl TlsTrust {
    /// TLS as clients of nodes speak it, be they people's or other nodes: ring, and this trust.
    pub fn client_config(self) -> Result<ClientConfig, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        Ok(match self {
            Self::System => builder.with_platform_verifier()?.with_no_client_auth(),
            Self::Pin(pin) => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(PinVerifier { pin, provider }))
                .with_no_client_auth(),
        })
    }
}

/// Takes exactly one certificate. Names, dates and issuers don't matter; the handshake's signature does, since it shows
/// that the server holds the certificate's key.
#[derive(Debug)]
struct PinVerifier {
    pin: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if Sha256::digest(end_entity).as_slice() == self.pin {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_takes_its_certificate_and_no_other() {
        let der = CertificateDer::from(b"not even a certificate".to_vec());
        let verify = |pin: [u8; 32]| {
            let verifier = PinVerifier { pin, provider: Arc::new(ring::default_provider()) };
            let name = ServerName::try_from("x.example").expect("a name");
            verifier.verify_server_cert(&der, &[], &name, &[], UnixTime::since_unix_epoch(std::time::Duration::ZERO))
        };
        assert!(verify(Sha256::digest(&der).into()).is_ok());
        assert!(verify([0; 32]).is_err());
    }

    #[test]
    fn both_trusts_can_be_set_up() {
        assert!(TlsTrust::Pin([1; 32]).client_config().is_ok());
        assert!(TlsTrust::System.client_config().is_ok());
    }
}
