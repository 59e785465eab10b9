//! Listen addresses as people type them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

/// The port ODS listens on unless told otherwise.
pub(super) const PORT: u16 = 8637;

/// Every address of the machine, on [`PORT`].
pub(super) fn unspecified() -> SocketAddr {
    SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), PORT)
}

/// Parses `HOST:PORT`, where the host may be an address, `localhost`, a name of this machine, `*` or nothing (every
/// address), and `:PORT` may be left out.
pub(super) fn parse(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(address);
    }
    if let Ok(ip) = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, PORT));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port.parse::<u16>().map_err(|_| not_an_address(text))?),
        None => (text, PORT),
    };
    match host {
        "" | "*" if text.is_empty() => Err(not_an_address(text)),
        "" | "*" => Ok(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port)),
        "localhost" => Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)),
        name => look_up(name, port).ok_or_else(|| not_an_address(text)),
    }
}

fn look_up(name: &str, port: u16) -> Option<SocketAddr> {
    let host_name = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
    if !host_name {
        return None;
    }
    (name, port).to_socket_addrs().ok()?.next()
}

fn not_an_address(text: &str) -> String {
    format!("\"{text}\" is no address to listen on; write HOST:PORT, such as [::]:{PORT} or 127.0.0.1:{PORT}")
}

/// Serde: an address as the text that [`parse`] reads.
pub(super) mod text {
    use std::net::SocketAddr;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(in crate::config) fn serialize<S: Serializer>(address: &SocketAddr, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(address)
    }

    pub(in crate::config) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
        super::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn addresses_are_read_as_people_type_them() {
        for (typed, meant) in [
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("[::1]:0", "[::1]:0"),
            ("10.1.2.3", "10.1.2.3:8637"),
            ("::1", "[::1]:8637"),
            ("[::]", "[::]:8637"),
            ("*:443", "[::]:443"),
            (":443", "[::]:443"),
            ("localhost", "127.0.0.1:8637"),
            ("localhost:9", "127.0.0.1:9"),
        ] {
            assert_eq!(parse(typed).map(|address| address.to_string()), Ok(meant.to_owned()), "{typed:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_an_example() {
        for typed in ["", "x:y", "127.0.0.1:70000", "http://x:80", "a b:1", ":"] {
            let refusal = parse(typed).expect_err(typed);
            assert!(refusal.contains("write HOST:PORT, such as"), "{refusal}");
        }
    }
}
