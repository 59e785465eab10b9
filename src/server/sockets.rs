//! The listeners' sockets, as configured.

use std::path::Path;

use ods_api::{CertificateView, ListenerView, ListenersHandle};

use super::StartError;
use crate::{
    config::{self, Config, Surface},
    listen::{Bound, ListenLimits, Listeners, TrustedProxies},
    run_file::RunListener,
    tls::{CertificateReload, Tls, TlsFiles},
    worker::Supervisor,
};

/// A socket that will be served.
pub(super) struct Socket {
    pub(super) bound: Bound,
    pub(super) surfaces: Vec<Surface>,
    /// How it is encrypted, as `run.json` says it.
    tls: &'static str,
}

impl Socket {
    pub(super) fn offers(&self, surface: Surface) -> bool {
        self.surfaces.contains(&surface)
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.bound.tls().is_some()
    }

    /// The pin that peers need to trust it: that of a certificate which no authority vouches for.
    pub(super) fn pin_for_peers(&self) -> Option<[u8; 32]> {
        let tls = self.bound.tls().filter(|_| self.tls == SELF_SIGNED && self.offers(Surface::Peers))?;
        Some(tls.pin())
    }

    pub(super) fn run_listener(&self) -> RunListener {
        RunListener {
            address: self.bound.address(),
            tls: self.tls.to_owned(),
            surfaces: self.surfaces.iter().map(|&surface| surface_name(surface).to_owned()).collect(),
            pin: self.bound.tls().map(|tls| data_encoding::HEXLOWER.encode(&tls.pin())),
        }
    }
}

/// What the API tells of these sockets, as they are at the moment of asking.
pub(super) fn listeners_handle(sockets: &[Socket]) -> ListenersHandle {
    let seen: Vec<_> = sockets.iter().map(|socket| (socket.run_listener(), socket.bound.tls().cloned())).collect();
    ListenersHandle::new(move || seen.iter().map(|(listener, tls)| listener_view(listener, tls.as_ref())).collect())
}

fn listener_view(listener: &RunListener, tls: Option<&Tls>) -> ListenerView {
    let certificate = tls.map(|tls| CertificateView {
        sha256: data_encoding::HEXLOWER.encode(&tls.pin()),
        expires_at: tls.expires_at().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()),
    });
    let (address, tls, surfaces) = (listener.address.to_string(), listener.tls.clone(), listener.surfaces.clone());
    ListenerView { address, tls, surfaces, certificate }
}

const SELF_SIGNED: &str = "self-signed";

const fn surface_name(surface: Surface) -> &'static str {
    match surface {
        Surface::Downloads => "downloads",
        Surface::Admin => "admin",
        Surface::Peers => "peers",
    }
}

/// Listeners within the configured limits.
pub(super) fn listeners(config: &Config) -> Listeners {
    let limits = &config.limits;
    let limits = ListenLimits {
        connections_max: limits.connections_max,
        connections_per_client_max: limits.connections_per_address_max,
        tls_handshake_timeout: limits.header_timeout,
        request_head_timeout: limits.header_timeout,
        idle_timeout: limits.idle_timeout,
        body_stall_timeout: limits.body_stall_timeout,
        write_stall_timeout: limits.body_stall_timeout,
        ..ListenLimits::default()
    };
    Listeners::new(limits, TrustedProxies::new(config.trusted_proxies.clone()))
}

/// Opens all configured sockets. Certificates from files are kept up to date by workers of `supervisor`.
pub(super) fn bind_all(config: &Config, supervisor: &mut Supervisor) -> Result<Vec<Socket>, StartError> {
    let bind = |listener: &config::Listener| {
        let tls = tls(listener, config, supervisor)?;
        let kind = match listener.tls {
            config::Tls::None => "none",
            config::Tls::Files { .. } => "files",
            config::Tls::SelfSigned => SELF_SIGNED,
        };
        let bound = Bound::open(listener.address, tls)?;
        Ok(Socket { bound, surfaces: listener.surfaces.clone(), tls: kind })
    };
    config.listeners.iter().map(bind).collect()
}

fn tls(listener: &config::Listener, config: &Config, supervisor: &mut Supervisor) -> Result<Option<Tls>, StartError> {
    let failed = |source| StartError::Tls { address: listener.address, source: Box::new(source) };
    match &listener.tls {
        config::Tls::None => Ok(None),
        config::Tls::SelfSigned => self_signed(&config.data, &config.name).map(Some).map_err(failed),
        config::Tls::Files { certificate, key } => {
            let files = TlsFiles { certificate: certificate.clone(), key: key.clone() };
            let tls = Tls::from_files(&files).map_err(failed)?;
            supervisor.start(CertificateReload::new(tls.clone(), files));
            Ok(Some(tls))
        }
    }
}

/// The node's own certificate. Peers know it by its pin; the names are for browsers that were told to trust it.
fn self_signed(data: &Path, name: &str) -> Result<Tls, crate::tls::TlsError> {
    let mut names = vec!["localhost".to_owned()];
    let is_host_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    if is_host_name && name != "localhost" {
        names.push(name.to_owned());
    }
    Tls::self_signed(&data.join("self-signed.pem"), names)
}
