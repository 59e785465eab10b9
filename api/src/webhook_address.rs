//! Which addresses webhooks may be sent to. Pure.
//!
//! A webhook makes this node knock at an address that somebody typed. Unless an admin allows it, that is only the public
//! internet: never this machine, the networks around it, or addresses that are other addresses in disguise. And never this
//! node itself, whatever is allowed. A name proves nothing: what counts is the address that is connected to, each time
//! ([`AddressRules::check`]); what can be told from the text alone is refused when a webhook is made ([`check_new_url`]).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;

/// Networks that are not the public internet: IANA's special-purpose registry for IPv4 (RFC 6890 and later), multicast
/// and the reserved rest. As address and prefix length.
const NOT_PUBLIC_V4: [(Ipv4Addr, u32); 17] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 52, 193, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(192, 175, 48, 0), 24),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// The same for IPv6 within `2000::/3`, outside of which nothing is public: protocol assignments with Teredo, benchmarking
/// and ORCHID; documentation; 6to4, which is an IPv4 address in disguise; AS112.
const NOT_PUBLIC_V6: [(Ipv6Addr, u32); 5] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Whether an address is on the public internet. One that carries an IPv4 address to which it leads is judged by that.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !NOT_PUBLIC_V4.iter().any(|(network, length)| within_v4(v4, *network, *length)),
        IpAddr::V6(v6) => match carried(v6) {
            Some(v4) => is_public(v4.into()),
            None => {
                within_v6(v6, Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3)
                    && !NOT_PUBLIC_V6.iter().any(|(network, length)| within_v6(v6, *network, *length))
            }
        },
    }
}

/// The IPv4 address that is really connected to: mapped (RFC 4291), or through the well-known NAT64 prefix (RFC 6052), as
/// all of IPv4 is reached on a network without it.
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let nat64 = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);
    let [.., a, b, c, d] = address.octets();
    address.to_ipv4_mapped().or_else(|| within_v6(address, nat64, 96).then(|| Ipv4Addr::new(a, b, c, d)))
}

/// The address that a connection to this one really leads to.
fn connected(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => carried(v6).map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

fn within_v4(address: Ipv4Addr, network: Ipv4Addr, length: u32) -> bool {
    (address.to_bits() ^ network.to_bits()).leading_zeros() >= length
}

fn within_v6(address: Ipv6Addr, network: Ipv6Addr, length: u32) -> bool {
    (address.to_bits() ^ network.to_bits()).leading_zeros() >= length
}

/// Where this node itself answers.
#[derive(Debug, Clone)]
pub struct OwnAddresses {
    /// The ports it listens on.
    pub ports: Vec<u16>,
    /// The addresses that its listeners name.
    pub bound: Vec<IpAddr>,
    /// Lists the addresses of this machine, which come and go. Asked at each look at one of the node's ports.
    pub interfaces: fn() -> Vec<IpAddr>,
    /// Where others are told to reach it.
    pub urls: Vec<String>,
}

impl Default for OwnAddresses {
    /// Of a node that listens nowhere.
    fn default() -> Self {
        Self { ports: Vec::new(), bound: Vec::new(), interfaces: Vec::new, urls: Vec::new() }
    }
}

impl OwnAddresses {
    /// The same with these urls besides.
    #[must_use]
    pub fn and_urls(mut self, urls: Vec<String>) -> Self {
        self.urls.extend(urls);
        self
    }

    /// Whether a connection to there would come back to this node.
    fn has(&self, address: SocketAddr) -> bool {
        if !self.ports.contains(&address.port()) {
            return false;
        }
        let ip = connected(address.ip());
        let is_ip = |own: &IpAddr| own.to_canonical() == ip;
        ip.is_loopback() || ip.is_unspecified() || self.bound.iter().any(is_ip) || (self.interfaces)().iter().any(is_ip)
    }

    fn has_url(&self, url: &Url) -> bool {
        self.urls.iter().filter_map(|own| Url::parse(own).ok()).any(|own| place(&own) == place(url))
    }
}

/// Where a url leads, spelt in one way: the parser has made the host lower-case ASCII and numbers plain already.
fn place(url: &Url) -> (Option<String>, Option<u16>) {
    let host = url.host().map(|host| match host {
        url::Host::Domain(name) => name.trim_end_matches('.').to_owned(),
        url::Host::Ipv4(v4) => v4.to_string(),
        url::Host::Ipv6(v6) => connected(v6.into()).to_string(),
    });
    (host, url.port_or_known_default())
}

/// Why an address is not sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressRefused {
    /// It is this node's own.
    #[error("{0} is this node itself")]
    Own(SocketAddr),
    /// It is not on the public internet.
    #[error("{0} is not a public address; `allow_private` lets a webhook be sent there")]
    Private(IpAddr),
}

/// What one webhook may connect to.
#[derive(Debug, Clone)]
pub struct AddressRules {
    /// Addresses that aren't public are allowed.
    pub allow_private: bool,
    /// This node's own never are.
    pub own: OwnAddresses,
}

impl AddressRules {
    /// Errs unless the webhook may connect to an address.
    pub fn check(&self, address: SocketAddr) -> Result<(), AddressRefused> {
        if self.own.has(address) {
            return Err(AddressRefused::Own(address));
        }
        if self.allow_private || is_public(address.ip()) { Ok(()) } else { Err(AddressRefused::Private(address.ip())) }
    }

    /// Errs unless the webhook may connect to the address that a url names by number; a name is judged when it was
    /// looked up.
    pub fn check_literal(&self, url: &Url) -> Result<(), AddressRefused> {
        let port = url.port_or_known_default().unwrap_or_default();
        match url.host() {
            Some(url::Host::Ipv4(v4)) => self.check(SocketAddr::new(v4.into(), port)),
            Some(url::Host::Ipv6(v6)) => self.check(SocketAddr::new(v6.into(), port)),
            Some(url::Host::Domain(_)) | None => Ok(()),
        }
    }
}

/// A webhook's url, for who typed none.
const EXAMPLE: &str = "https://hooks.example.org/ods";

/// Whether a url says `//` and then at once who is called, without blanks. The parser (WHATWG URL) mends what people mistype, so that
/// `http:///x`, `http:x` and ` http://x` would all be the host `x`, which nobody typed.
pub(crate) fn written_out(text: &str) -> bool {
    let rest =
        text.split_once("://").map(|(scheme, rest)| (scheme.bytes().all(|byte| byte.is_ascii_alphabetic()), rest));
    rest.is_some_and(|(plain, rest)| plain && !rest.starts_with(['/', '\\']))
        && !text.chars().any(|letter| letter.is_whitespace() || letter.is_control())
}

/// Whether a host is an address, or a name that DNS could have (RFC 1035 §2.3.4; with the `_` that people use all the same).
fn can_be_looked_up(host: &url::Host<&str>) -> bool {
    let url::Host::Domain(name) = host else { return true };
    let name = name.strip_suffix('.').unwrap_or(name);
    let letters = |label: &str| label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    name.len() <= 253 && name.split('.').all(|label| (1..=63).contains(&label.len()) && letters(label))
}

/// Why a url can't be a webhook's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadWebhookUrl {
    /// It can't be read, or is of a kind that isn't taken.
    #[error("{0}")]
    Malformed(String),
    /// It leads to where webhooks aren't sent.
    #[error("{0}")]
    Refused(String),
}

/// Reads the url of a webhook that is made or changed: as [`check_url`], and refuses what nobody can mean.
pub(crate) fn check_new_url(text: &str, rules: &AddressRules) -> Result<Url, BadWebhookUrl> {
    let url = check_url(text, rules)?;
    if !written_out(text) {
        return Err(malformed("`url` must be http:// or https:// and name a host, without blanks"));
    }
    if !url.host().is_some_and(|host| can_be_looked_up(&host)) {
        return Err(malformed("`url` names no host that can be looked up"));
    }
    if url.port() == Some(0) {
        return Err(malformed("`url` names port 0, on which nothing listens"));
    }
    Ok(url)
}

fn malformed(reason: &str) -> BadWebhookUrl {
    BadWebhookUrl::Malformed(format!("{reason}; write one such as {EXAMPLE}"))
}

/// Reads a webhook's url, and refuses what can be told from the text alone.
pub fn check_url(text: &str, rules: &AddressRules) -> Result<Url, BadWebhookUrl> {
    let url = Url::parse(text).map_err(|error| malformed(&format!("`url` can't be read: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(malformed("`url` must be http:// or https:// and name a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(malformed("`url` must not have a user name or password: it is shown to others"));
    }
    rules.check_literal(&url).map_err(|refused| BadWebhookUrl::Refused(refused.to_string()))?;
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let is_local = host == "localhost" || host.ends_with(".localhost");
    if is_local && !rules.allow_private {
        let reason = format!("{host} is this machine; `allow_private` lets a webhook be sent there");
        return Err(BadWebhookUrl::Refused(reason));
    }
    let own_port = url.port_or_known_default().is_some_and(|port| rules.own.ports.contains(&port));
    if rules.own.has_url(&url) || (is_local && own_port) {
        return Err(BadWebhookUrl::Refused(format!("{url} is this node itself")));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    fn rules(allow_private: bool) -> AddressRules {
        let own = OwnAddresses {
            ports: vec![8637],
            bound: vec!["198.51.100.7".parse().expect("an address")],
            interfaces: || vec!["8.8.4.4".parse().expect("an address")],
            urls: vec!["https://packages.example.org".to_owned(), "https://198.51.100.9".to_owned()],
        };
        AddressRules { allow_private, own }
    }

    /// Forms of addresses that are private, odd, or others in disguise, as they are typed in a url.
    const REFUSED: [&str; 66] = [
        "127.0.0.1",
        "127.1",
        "127.255.255.254",
        "2130706433",
        "017700000001",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.0.0.1.",
        "0",
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "012.1.2.3",
        "167772161",
        "100.64.0.1",
        "100.127.255.255",
        "169.254.1.1",
        "169.254.169.254",
        "0xa9fea9fe",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.0.170",
        "192.0.2.1",
        "192.31.196.1",
        "192.52.193.1",
        "192.88.99.1",
        "192.168.0.1",
        "192.168.255.255",
        "192.175.48.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:10.0.0.1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::10.0.0.1]",
        "[64:ff9b:1::1]",
        "[100::1]",
        "[2001::1]",
        "[2001:2::1]",
        "[2001:10::1]",
        "[2001:20::1]",
        "[2001:db8::1]",
        "[2002:7f00:1::1]",
        "[2002:808:808::1]",
        "[3fff::1]",
        "[2620:4f:8000::1]",
        "[5f00::1]",
        "[fc00::1]",
        "[fd12:3456::1]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
    ];

    #[test]
    fn private_and_odd_addresses_are_refused_in_every_spelling() {
        for host in REFUSED {
            let url = format!("http://{host}:9000/hook");
            let refused = check_new_url(&url, &rules(false));
            assert!(matches!(refused, Err(BadWebhookUrl::Refused(_))), "{url}: {refused:?}");
            assert!(check_new_url(&url, &rules(true)).is_ok(), "{url} where they are allowed");
        }
        for host in ["localhost", "LOCALHOST", "localhost.", "x.localhost", "１２７.0.0.1", "①②⑦.⓪.⓪.①"]
        {
            let url = format!("http://{host}/hook");
            assert!(matches!(check_url(&url, &rules(false)), Err(BadWebhookUrl::Refused(_))), "{url}");
        }
    }

    #[test]
    fn public_addresses_are_taken_also_through_nat64() {
        for host in [
            "8.8.8.8",
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "198.20.0.1",
            "134744072",
            "223.255.255.255",
            "[2606:4700::1111]",
            "[2a00:1450:4001::1]",
            "[::ffff:8.8.8.8]",
            "[64:ff9b::808:808]",
        ] {
            assert!(check_url(&format!("https://{host}/"), &rules(false)).is_ok(), "{host}");
        }
        for url in [
            "https://hooks.example/in?x=1",
            "HTTPS://Hooks.Example./",
            "http://a_b.example:8080",
            "https://bücher.example/",
            "http://x.example:80",
            "http://chat",
        ] {
            assert!(check_new_url(url, &rules(false)).is_ok(), "{url}");
        }
    }

    #[test]
    fn the_node_itself_is_refused_whatever_is_allowed() {
        for url in [
            "http://127.0.0.1:8637/",
            "http://[::1]:8637/",
            "http://0.0.0.0:8637/",
            "http://localhost:8637/x",
            "http://198.51.100.7:8637/",
            "http://8.8.4.4:8637/",
            "http://[::ffff:8.8.4.4]:8637/",
            "http://[64:ff9b::127.0.0.1]:8637/",
            "http://[64:ff9b::808:404]:8637/",
            "http://[64:ff9b::]:8637/",
            "https://packages.example.org/hook",
            "https://PACKAGES.example.org:443/",
            "https://packages.example.org./h",
            "https://Packages.Example.ORG.:443",
            "http://packages.example.org:443/",
            "https://packages。example。org/",
            "https://198.51.100.9./",
            "https://[::ffff:198.51.100.9]/",
        ] {
            let refused = check_url(url, &rules(true));
            assert!(
                matches!(&refused, Err(BadWebhookUrl::Refused(why)) if why.contains("itself")),
                "{url}: {refused:?}"
            );
        }
        assert!(check_url("http://127.0.0.1:9000/", &rules(true)).is_ok(), "another port is another program");
        assert!(rules(true).check("8.8.4.4:8637".parse().expect("an address")).is_err(), "also when it was looked up");
    }

    /// The machine moves to another network (DHCP, a VPN) while the node runs.
    #[test]
    fn an_address_that_the_machine_got_later_is_its_own_from_then_on() {
        static MOVED: AtomicBool = AtomicBool::new(false);
        fn interfaces() -> Vec<IpAddr> {
            let address = if MOVED.load(Ordering::SeqCst) { "9.9.9.9" } else { "8.8.4.4" };
            vec![address.parse().expect("an address")]
        }
        let rules = rules(true);
        let rules = AddressRules { own: OwnAddresses { interfaces, ..rules.own.clone() }, ..rules };
        let refused = |address: &str| rules.check(address.parse().expect("an address")).is_err();
        assert_eq!([refused("8.8.4.4:8637"), refused("9.9.9.9:8637")], [true, false]);
        MOVED.store(true, Ordering::SeqCst);
        assert_eq!([refused("8.8.4.4:8637"), refused("9.9.9.9:8637")], [false, true]);
        assert!(!refused("9.9.9.9:80"), "another program's");
        let own = rules.own.and_urls(vec!["https://hq.example.org".to_owned()]);
        let rules = AddressRules { allow_private: true, own };
        assert!(check_url("https://hq.example.org/hook", &rules).is_err(), "what the node is called by now");
    }

    #[test]
    fn what_is_no_webhook_url_is_malformed() {
        for url in [
            "",
            "x",
            "//x",
            "ftp://x.example/",
            "file:///etc/passwd",
            "unix:/run/x",
            "http://",
            "https://user:pw@x.example/",
            "http://u@x.example/",
            "http://1.2.3.4.5/",
            "http://256.1.1.1/",
            "http://[::1/",
            "http://x y/",
            "javascript:1",
            "http:///x",
            "http:////x.example/",
            "http:x.example",
            "http:/x.example/",
            "http:\\\\x.example\\",
            "http://\\x.example/",
            " http://x.example/",
            "http://x.example/ ",
            "ht\ntp://x.example/",
            "http://x.exam\tple/",
            "http://x.example:0/",
            "http://1.2.3.4:0/",
            "http://x.example:65536/",
            "http://x.example:-1/",
            "http://.",
            "http://../",
            "http://a..example/",
            "http://.example/",
            "http://a!b.example/",
            &format!("http://{}.example/", "a".repeat(64)),
            &format!("http://{}example/", "a.".repeat(130)),
        ] {
            assert!(matches!(check_new_url(url, &rules(true)), Err(BadWebhookUrl::Malformed(_))), "{url}");
        }
    }
}
