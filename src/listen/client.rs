//! Whose request it is: the connection's peer, or whom a trusted proxy names.
//!
//! Only a trusted proxy is believed. Proxies append, so the list is read from its end, past further trusted proxies, up
//! to the first address that is none: whatever stands before that was written by the client and may be a lie.

use std::{net::IpAddr, str::FromStr};

use http::{HeaderMap, HeaderName, header::FORWARDED};
use ipnet::IpNet;

use super::limits::REQUEST_ID_BYTES_MAX;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// The header with a request's id.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The proxies whose word on the client's address is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TrustedProxies {
    networks: Vec<IpNet>,
}

impl TrustedProxies {
    /// Trusts the proxies in these networks.
    pub(crate) fn new(networks: Vec<IpNet>) -> Self {
        Self { networks }
    }

    /// Whether `address` is a trusted proxy.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// The client of a request with these `headers` that came over a connection from `peer`.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.contains(peer) {
            return peer;
        }
        let by_forwarded = self.last_untrusted(&values(headers, &FORWARDED), forwarded_for);
        let by_x_forwarded = self.last_untrusted(&values(headers, &X_FORWARDED_FOR), node_address);
        match (by_forwarded, by_x_forwarded) {
            // The proxy wrote one and let the client's own version of the other pass: no telling which.
            (Some(one), Some(other)) if one != other => peer,
            (Some(client), _) | (None, Some(client)) => client,
            (None, None) => peer,
        }
    }

    /// Whether a trusted proxy says that its client's connection is encrypted.
    pub(super) fn encrypted(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        let by_forwarded = || {
            let last = values(headers, &FORWARDED).last().copied().unwrap_or_default().to_ascii_lowercase();
            last.split(';').any(|pair| matches!(pair.trim(), "proto=https" | "proto=\"https\""))
        };
        let by_x_forwarded = || values(headers, &X_FORWARDED_PROTO).last().is_some_and(|proto| *proto == "https");
        self.contains(peer) && (by_forwarded() || by_x_forwarded())
    }

    /// The id a trusted proxy gave the request, if it is usable.
    pub(super) fn request_id<'a>(&self, peer: IpAddr, headers: &'a HeaderMap) -> Option<&'a str> {
        let id = headers.get(X_REQUEST_ID)?.to_str().ok()?;
        let usable = !id.is_empty()
            && id.len() <= REQUEST_ID_BYTES_MAX
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:+/=".contains(&byte));
        (usable && self.contains(peer)).then_some(id)
    }

    fn last_untrusted(&self, items: &[&str], address: fn(&str) -> Option<IpAddr>) -> Option<IpAddr> {
        let mut client = None;
        for item in items.iter().rev() {
            let Some(found) = address(item) else { return client };
            client = Some(found);
            if !self.contains(found) {
                return client;
            }
        }
        client
    }
}

/// The comma-separated items of all headers called `name`, in order.
fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a str> {
    let lines = headers.get_all(name).into_iter();
    lines.flat_map(|line| line.to_str().unwrap_or_default().split(',')).map(str::trim).collect()
}

/// The `for` of one element of a Forwarded header (RFC 7239 section 4).
fn forwarded_for(element: &str) -> Option<IpAddr> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| node_address(value.trim().trim_matches('"')))?
    })
}

/// An address with or without a port: `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`.
fn node_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    if let Ok(address) = IpAddr::from_str(text) {
        return Some(address.to_canonical());
    }
    let host = match text.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']')?.0,
        None => text.split_once(':')?.0,
    };
    IpAddr::from_str(host).ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The connection's peer, the headers, the client.
    type Row = (&'static str, &'static [(&'static str, &'static str)], &'static str);

    fn proxies() -> TrustedProxies {
        let networks = ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"];
        TrustedProxies::new(networks.iter().map(|network| network.parse().unwrap()).collect())
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn the_client_is_whom_the_last_trusted_proxy_saw() {
        let table: &[Row] = &[
            // An untrusted peer can say what it wants.
            ("203.0.113.9", &[("x-forwarded-for", "198.51.100.1")], "203.0.113.9"),
            ("203.0.113.9", &[("forwarded", "for=198.51.100.1")], "203.0.113.9"),
            // A trusted one is believed, in every notation.
            ("10.1.1.1", &[], "10.1.1.1"),
            ("10.1.1.1", &[("x-forwarded-for", "198.51.100.1")], "198.51.100.1"),
            ("::ffff:10.1.1.1", &[("x-forwarded-for", "198.51.100.1:4711")], "198.51.100.1"),
            ("192.0.2.7", &[("x-forwarded-for", "2001:db8::1")], "2001:db8::1"),
            ("fd00::1", &[("forwarded", "for=\"[2001:db8::1]:4711\";proto=https")], "2001:db8::1"),
            ("10.1.1.1", &[("forwarded", "proto=https; For=198.51.100.1")], "198.51.100.1"),
            // Only the last address that isn't a proxy's counts.
            ("10.1.1.1", &[("x-forwarded-for", "1.1.1.1, 198.51.100.1")], "198.51.100.1"),
            ("10.1.1.1", &[("x-forwarded-for", "1.1.1.1, 198.51.100.1, 10.9.9.9")], "198.51.100.1"),
            ("10.1.1.1", &[("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "198.51.100.1")], "198.51.100.1"),
            // A client inside the trusted networks is the first of them.
            ("10.1.1.1", &[("x-forwarded-for", "10.5.5.5, 10.9.9.9")], "10.5.5.5"),
            // What can't be read ends the walk.
            ("10.1.1.1", &[("x-forwarded-for", "198.51.100.1, unknown")], "10.1.1.1"),
            ("10.1.1.1", &[("x-forwarded-for", "unknown, 10.9.9.9")], "10.9.9.9"),
            ("10.1.1.1", &[("forwarded", "for=_hidden")], "10.1.1.1"),
            // Two headers that disagree: believe neither.
            ("10.1.1.1", &[("x-forwarded-for", "198.51.100.1"), ("forwarded", "for=198.51.100.2")], "10.1.1.1"),
            ("10.1.1.1", &[("x-forwarded-for", "198.51.100.1"), ("forwarded", "for=198.51.100.1")], "198.51.100.1"),
        ];
        for (peer, lines, expected) in table {
            let found = proxies().client(peer.parse().unwrap(), &headers(lines));
            assert_eq!(found.to_string(), *expected, "from {peer} with {lines:?}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_says_that_the_way_to_the_client_is_encrypted() {
        let encrypted =
            |peer: &str, lines: &[(&'static str, &str)]| proxies().encrypted(peer.parse().unwrap(), &headers(lines));
        for (expected, peer, line) in [
            (true, "10.1.1.1", ("x-forwarded-proto", "https")),
            (true, "10.1.1.1", ("forwarded", "for=198.51.100.1; Proto=https")),
            (false, "10.1.1.1", ("x-forwarded-proto", "https, http")),
            (false, "10.1.1.1", ("forwarded", "for=198.51.100.1;proto=http")),
            (false, "10.1.1.1", ("host", "proto=https")),
            (false, "203.0.113.9", ("x-forwarded-proto", "https")),
        ] {
            assert_eq!(encrypted(peer, &[line]), expected, "{peer} {line:?}");
        }
    }

    #[test]
    fn a_request_id_is_taken_only_from_a_trusted_proxy_and_only_if_plain() {
        let trusted: IpAddr = "10.1.1.1".parse().unwrap();
        let stranger: IpAddr = "203.0.113.9".parse().unwrap();
        let id = |peer, id: &str| proxies().request_id(peer, &headers(&[("x-request-id", id)])).map(ToOwned::to_owned);
        assert_eq!(id(trusted, "3f-A_9.z").as_deref(), Some("3f-A_9.z"));
        assert_eq!(id(stranger, "3f-A_9.z"), None);
        assert_eq!(id(trusted, "two words"), None);
        assert_eq!(id(trusted, "\"quoted\""), None);
        assert_eq!(id(trusted, &"x".repeat(REQUEST_ID_BYTES_MAX + 1)), None);
    }
}
