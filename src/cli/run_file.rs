//! Where the node on this machine is called, by its `run.json`.

use std::net::IpAddr;
use std::path::Path;

use ods_api::Url;

use crate::run_file::{RUN_FILE, RunFile, RunListener};

/// Where to call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) url: Url,
    /// SHA-256 of the certificate to expect, in hex.
    pub(crate) pin: Option<String>,
}

/// Reads the file in the data folder.
pub(crate) fn read(data: &Path) -> std::io::Result<RunFile> {
    let text = std::fs::read_to_string(data.join(RUN_FILE))?;
    serde_json::from_str(&text).map_err(std::io::Error::from)
}

/// Where this machine reaches the admin API: over loopback if it can, without TLS if it can.
pub(crate) fn admin(file: &RunFile) -> Option<Place> {
    let admin = file.listeners.iter().filter(|listener| listener.surfaces.iter().any(|name| name == "admin"));
    place(admin.min_by_key(|listener| (!reached_by_loopback(listener), is_encrypted(listener)))?)
}

fn is_encrypted(listener: &RunListener) -> bool {
    listener.tls != "none"
}

fn reached_by_loopback(listener: &RunListener) -> bool {
    let ip = listener.address.ip();
    ip.is_unspecified() || ip.is_loopback()
}

fn place(listener: &RunListener) -> Option<Place> {
    let scheme = if is_encrypted(listener) { "https" } else { "http" };
    let host = match listener.address.ip() {
        // Both protocols are tried: some machines have no IPv6 loopback.
        ip if ip.is_unspecified() => "localhost".to_owned(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    let url = Url::parse(&format!("{scheme}://{host}:{}", listener.address.port())).ok()?;
    Some(Place { url, pin: listener.pin.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nearest(listeners: &str) -> Option<String> {
        let text = format!(r#"{{"pid":1,"version":"1","node":"ab","listeners":[{listeners}]}}"#);
        let file: RunFile = serde_json::from_str(&text).expect("json");
        admin(&file).map(|place| format!("{} {}", place.url, place.pin.unwrap_or_default()))
    }

    #[test]
    fn the_admin_listener_that_is_nearest_is_chosen() {
        let outside = r#"{"address":"10.0.0.1:80","tls":"none","surfaces":["admin"],"pin":null}"#;
        let secure = r#"{"address":"[::]:443","tls":"self-signed","surfaces":["admin","peers"],"pin":"ab"}"#;
        let plain = r#"{"address":"[::1]:8637","tls":"none","surfaces":["downloads","admin"]}"#;
        let downloads = r#"{"address":"[::]:80","tls":"none","surfaces":["downloads"]}"#;
        let all = [outside, secure, plain, downloads].join(",");
        assert_eq!(nearest(&all).as_deref(), Some("http://[::1]:8637/ "));
        assert_eq!(nearest(&[outside, secure].join(",")).as_deref(), Some("https://localhost/ ab"));
        assert_eq!(nearest(outside).as_deref(), Some("http://10.0.0.1/ "));
        assert_eq!(nearest(downloads), None);
    }
}
