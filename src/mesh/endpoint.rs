//! Where a peer answers: its urls, parsed, and the order in which they are tried.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ods_store::{NodeId, PeerRow};

use super::links::Place;

/// `http://host[:port]` or `https://host[:port]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct PeerUrl {
    encrypted: bool,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
}

/// A text is not a url that a peer can be called at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a url like http://host:8637")]
pub(super) struct BadUrl;

impl FromStr for PeerUrl {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Self, BadUrl> {
        let uri: http::Uri = text.parse().map_err(|_| BadUrl)?;
        let encrypted = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(BadUrl),
        };
        let authority = uri.authority().ok_or(BadUrl)?;
        let plain_path = matches!(uri.path(), "" | "/") && uri.query().is_none();
        if !plain_path || authority.as_str().contains('@') {
            return Err(BadUrl);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        // (`Authority::port` takes a port that is too large for none.)
        let port = match authority.as_str().strip_prefix(authority.host()).ok_or(BadUrl)? {
            "" if encrypted => 443,
            "" => 80,
            port => port.strip_prefix(':').and_then(|port| port.parse().ok()).ok_or(BadUrl)?,
        };
        if host.is_empty() { Err(BadUrl) } else { Ok(Self { encrypted, host, port }) }
    }
}

impl fmt::Display for PeerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.encrypted { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

impl PeerUrl {
    /// Whether TLS is spoken there.
    pub(super) const fn encrypted(&self) -> bool {
        self.encrypted
    }

    /// The host: a name or an address.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// `host:port`, as in a `Host` header.
    pub(super) fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }

    /// The same port and scheme at the address that the node was seen at.
    fn at(&self, address: IpAddr) -> Self {
        Self { host: address.to_string(), ..self.clone() }
    }
}

/// How a node is reached.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    /// At a url.
    Url(PeerUrl),
    /// Through a link that it opened to this node.
    Link(Place),
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => url.fmt(f),
            Self::Link(_) => f.write_str("the link that it opened"),
        }
    }
}

impl Way {
    /// Which link it is, if it is one.
    pub(super) const fn link(&self) -> Option<Place> {
        match self {
            Self::Link(place) => Some(*place),
            Self::Url(_) => None,
        }
    }

    /// Whether it is a link.
    pub(super) const fn is_link(&self) -> bool {
        self.link().is_some()
    }
}

/// A way to a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Endpoint {
    /// Who must answer there.
    pub(super) node: NodeId,
    /// Where.
    pub(super) way: Way,
    /// SHA-256 of the certificate (DER) it must show; without it, one that this machine trusts.
    pub(super) tls_pin: Option<[u8; 32]>,
}

/// The ways to a node, best first: where it answered last, links that it opened (whoever opens one thinks that it can't
/// be called) in this order, its urls as it names them, where it was called from.
pub(super) fn endpoints(row: &PeerRow, last_good: Option<&Way>, links: &[Place]) -> Vec<Endpoint> {
    let named = row.urls.iter().chain(&row.observed_url).filter_map(|url| url.parse().ok()).map(Way::Url);
    let links = links.iter().copied().map(Way::Link);
    let usable = |way: &Way| !way.is_link() || links.clone().any(|link| link == *way);
    let mut ways: Vec<Way> = Vec::new();
    for way in last_good.cloned().into_iter().filter(usable).chain(links.clone()).chain(named) {
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    ways.into_iter().map(|way| Endpoint { node: row.node, way, tls_pin: row.tls_pin }).collect()
}

/// Where a node may be reached, judging by the address it called from: the port and scheme of its first url there.
/// Nothing if it names that address itself.
pub(super) fn observed_url(row: &PeerRow, address: IpAddr) -> Option<String> {
    let address = address.to_canonical();
    let urls: Vec<PeerUrl> = row.urls.iter().filter_map(|url| url.parse().ok()).collect();
    let observed = urls.first()?.at(address);
    (!urls.contains(&observed)).then(|| observed.to_string())
}

#[cfg(test)]
mod tests {
    use ods_store::UnixMillis;

    use super::*;

    fn row(urls: &[&str], observed_url: Option<&str>) -> PeerRow {
        PeerRow {
            node: NodeId::from_bytes([1; 32]),
            name: "hq".to_owned(),
            urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            observed_url: observed_url.map(str::to_owned),
            tls_pin: None,
            paused: false,
            added_at: UnixMillis::new(0),
        }
    }

    fn tried(row: &PeerRow, last_good: Option<&str>) -> Vec<String> {
        let last_good: Option<Way> = last_good.map(|url| Way::Url(url.parse().unwrap()));
        endpoints(row, last_good.as_ref(), &[]).iter().map(|to| to.way.to_string()).collect()
    }

    #[test]
    fn a_link_comes_before_urls_but_for_the_one_that_answered_last_and_only_while_it_is_there() {
        let row = row(&["http://a:1", "http://b:1"], None);
        let ways = |last_good: Option<Way>, links: &[Place]| {
            endpoints(&row, last_good.as_ref(), links).into_iter().map(|to| to.way.to_string()).collect::<Vec<_>>()
        };
        let link = Way::Link(1).to_string();
        assert_eq!(ways(None, &[1]), [&link, "http://a:1", "http://b:1"]);
        assert_eq!(ways(Some(Way::Url("http://b:1".parse().unwrap())), &[1]), ["http://b:1", &link, "http://a:1"]);
        assert_eq!(ways(Some(Way::Link(1)), &[]), ["http://a:1", "http://b:1"]);
        let places = endpoints(&row, Some(&Way::Link(2)), &[3, 2]).into_iter().map(|to| to.way).filter(Way::is_link);
        assert_eq!(places.collect::<Vec<_>>(), [Way::Link(2), Way::Link(3)]);
    }

    #[test]
    fn urls_are_read_with_their_default_ports() {
        for (text, whole) in [
            ("http://hq.example", "http://hq.example:80"),
            ("https://hq.example/", "https://hq.example:443"),
            ("http://10.0.0.7:8637", "http://10.0.0.7:8637"),
            ("https://[2001:db8::5]:1", "https://[2001:db8::5]:1"),
        ] {
            assert_eq!(text.parse::<PeerUrl>().map(|url| url.to_string()), Ok(whole.to_owned()));
        }
        assert_eq!("http://[::1]:2".parse::<PeerUrl>().map(|url| url.host), Ok("::1".to_owned()));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "hq",
            "ftp://hq",
            "http://",
            "http://u@hq",
            "http://hq/path",
            "http://hq?x",
            "http://hq:99999",
            "http://hq:",
            "\n",
        ] {
            assert_eq!(text.parse::<PeerUrl>(), Err(BadUrl), "{text:?}");
        }
    }

    #[test]
    fn the_url_that_answered_last_is_tried_first_and_the_observed_one_last() {
        let row = row(&["http://a:1", "nonsense", "http://b:1"], Some("http://c:1"));
        assert_eq!(tried(&row, None), ["http://a:1", "http://b:1", "http://c:1"]);
        assert_eq!(tried(&row, Some("http://b:1")), ["http://b:1", "http://a:1", "http://c:1"]);
    }

    #[test]
    fn a_caller_is_remembered_where_it_called_from_with_the_port_it_listens_on() {
        let row = row(&["http://hq.example:8637"], None);
        let v4 = "192.0.2.9".parse().unwrap();
        assert_eq!(observed_url(&row, v4).as_deref(), Some("http://192.0.2.9:8637"));
        let mapped = "::ffff:192.0.2.9".parse().unwrap();
        assert_eq!(observed_url(&row, mapped).as_deref(), Some("http://192.0.2.9:8637"));
        let v6 = "2001:db8::9".parse().unwrap();
        assert_eq!(observed_url(&row, v6).as_deref(), Some("http://[2001:db8::9]:8637"));
    }

    #[test]
    fn an_address_that_is_known_is_not_remembered_again() {
        let row = row(&["http://192.0.2.9:8637"], None);
        assert_eq!(observed_url(&row, "192.0.2.9".parse().unwrap()), None);
    }
}
