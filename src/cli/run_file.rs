//! `<data>/run.json`, as clients read it: where the node on this machine listens.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use ods_api::Url;
use serde::Deserialize;

/// What is read of the file; more may be there.
#[derive(Debug, Deserialize)]
pub(crate) struct RunFile {
    /// The node's process.
    pub(crate) pid: u32,
    listeners: Vec<RunListener>,
}

#[derive(Debug, Deserialize)]
struct RunListener {
    address: SocketAddr,
    tls: String,
    surfaces: Vec<String>,
    #[serde(default)]
    pin: Option<String>,
}

/// Where to call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) url: Url,
    /// SHA-256 of the certificate to expect, in hex.
    pub(crate) pin: Option<String>,
}

impl RunFile {
    /// Reads the file in the data folder.
    pub(crate) fn read(data: &Path) -> std::io::Result<Self> {
        let text = std::fs::read_to_string(data.join("run.json"))?;
        serde_json::from_str(&text).map_err(std::io::Error::from)
    }

    /// Where this machine reaches the admin API: over loopback if it can, without TLS if it can.
    pub(crate) fn admin(&self) -> Option<Place> {
        let admin = self.listeners.iter().filter(|listener| listener.surfaces.iter().any(|name| name == "admin"));
        admin.min_by_key(|listener| (!listener.reached_by_loopback(), listener.is_encrypted()))?.place()
    }
}

impl RunListener {
    fn is_encrypted(&self) -> bool {
        self.tls != "none"
    }

    fn reached_by_loopback(&self) -> bool {
        self.address.ip().is_unspecified() || self.address.ip().is_loopback()
    }

    fn place(&self) -> Option<Place> {
        let scheme = if self.is_encrypted() { "https" } else { "http" };
        let port = self.address.port();
        let host = match self.address.ip() {
            // Both protocols are tried: some machines have no IPv6 loopback.
            ip if ip.is_unspecified() => "localhost".to_owned(),
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let url = Url::parse(&format!("{scheme}://{host}:{port}")).ok()?;
        Some(Place { url, pin: self.pin.clone().filter(|_| self.is_encrypted()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admin(listeners: &str) -> Option<String> {
        let file: RunFile = serde_json::from_str(&format!(r#"{{"pid":1,"listeners":[{listeners}]}}"#)).expect("json");
        file.admin().map(|place| format!("{} {}", place.url, place.pin.unwrap_or_default()))
    }

    #[test]
    fn the_admin_listener_that_is_nearest_is_chosen() {
        let outside = r#"{"address":"10.0.0.1:80","tls":"none","surfaces":["admin"],"pin":null}"#;
        let secure = r#"{"address":"[::]:443","tls":"self-signed","surfaces":["admin","peers"],"pin":"ab"}"#;
        let plain = r#"{"address":"[::1]:8637","tls":"none","surfaces":["downloads","admin"]}"#;
        let downloads = r#"{"address":"[::]:80","tls":"none","surfaces":["downloads"]}"#;
        let all = [outside, secure, plain, downloads].join(",");
        assert_eq!(admin(&all).as_deref(), Some("http://[::1]:8637/ "));
        assert_eq!(admin(&[outside, secure].join(",")).as_deref(), Some("https://localhost/ ab"));
        assert_eq!(admin(outside).as_deref(), Some("http://10.0.0.1/ "));
        assert_eq!(admin(downloads), None);
    }
}
