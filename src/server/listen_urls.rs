//! Where other nodes may reach this one, as far as its listeners tell.

use std::net::{IpAddr, SocketAddr};

/// One url per address that a listener is reached at: its own, or, if that is unspecified, one per interface of the
/// machine. Loopback is named only if there is nothing else. IPv4 first, since more networks have it.
pub(super) fn listen_urls(listeners: &[(SocketAddr, bool)], interfaces: &[IpAddr]) -> Vec<String> {
    let mut addresses: Vec<(SocketAddr, bool)> = Vec::new();
    for &(listener, encrypted) in listeners {
        for ip in reached_at(listener.ip(), interfaces) {
            let address = (SocketAddr::new(ip, listener.port()), encrypted);
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
    }
    if addresses.iter().any(|(address, _)| !address.ip().is_loopback()) {
        addresses.retain(|(address, _)| !address.ip().is_loopback());
    }
    addresses.sort_by_key(|(address, encrypted)| (!encrypted, address.is_ipv6()));
    let scheme = |encrypted| if encrypted { "https" } else { "http" };
    addresses.iter().map(|&(address, encrypted)| format!("{}://{address}", scheme(encrypted))).collect()
}

fn reached_at(ip: IpAddr, interfaces: &[IpAddr]) -> Vec<IpAddr> {
    if !ip.is_unspecified() {
        return vec![ip];
    }
    // `[::]` takes IPv4 too; a link-local address means nothing on another machine.
    let usable = |interface: &IpAddr| match interface {
        IpAddr::V4(address) => !address.is_link_local(),
        IpAddr::V6(address) => ip.is_ipv6() && !address.is_unicast_link_local(),
    };
    interfaces.iter().copied().filter(usable).collect()
}

/// The addresses of this machine's interfaces.
pub(super) fn interfaces() -> Vec<IpAddr> {
    match if_addrs::get_if_addrs() {
        Ok(interfaces) => interfaces.into_iter().map(|interface| interface.ip()).collect(),
        Err(error) => {
            tracing::warn!(%error, "the addresses of this machine can't be listed; set `urls` so that peers find it");
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(listeners: &[(&str, bool)], interfaces: &[&str]) -> Vec<String> {
        let listeners: Vec<_> = listeners.iter().map(|(address, tls)| (address.parse().unwrap(), *tls)).collect();
        let interfaces: Vec<_> = interfaces.iter().map(|ip| ip.parse().unwrap()).collect();
        listen_urls(&listeners, &interfaces)
    }

    const MACHINE: &[&str] = &["127.0.0.1", "::1", "fe80::1", "2001:db8::5", "192.0.2.5", "169.254.9.9"];

    #[test]
    fn an_unspecified_address_is_one_per_interface_that_others_can_reach() {
        assert_eq!(urls(&[("[::]:8637", false)], MACHINE), ["http://192.0.2.5:8637", "http://[2001:db8::5]:8637"]);
        assert_eq!(urls(&[("0.0.0.0:8637", false)], MACHINE), ["http://192.0.2.5:8637"]);
    }

    #[test]
    fn a_machine_without_a_network_is_reached_by_loopback() {
        assert_eq!(urls(&[("[::]:1", false)], &["::1", "127.0.0.1"]), ["http://127.0.0.1:1", "http://[::1]:1"]);
        assert_eq!(urls(&[("127.0.0.1:1", false)], MACHINE), ["http://127.0.0.1:1"]);
    }

    #[test]
    fn encrypted_listeners_come_first_and_loopback_ones_give_way() {
        let listeners = [("127.0.0.1:1", false), ("10.0.0.1:80", false), ("10.0.0.1:443", true)];
        assert_eq!(urls(&listeners, MACHINE), ["https://10.0.0.1:443", "http://10.0.0.1:80"]);
    }
}
