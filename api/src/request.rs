//! What the listener knows about a request and the routes need: put into its extensions before the router sees it.

use std::net::{IpAddr, Ipv6Addr};

use http::Extensions;

/// Where a request comes from, as seen behind trusted proxies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

/// Whether the client's connection is encrypted, up to this program or up to a trusted proxy: then cookies may be `Secure`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encrypted(pub bool);

/// A request's name in the log; also in the body of an error, so that one leads to the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub String);

impl ClientAddress {
    /// The address the listener noted. Without a listener (a test) it is the unspecified one.
    pub fn of(extensions: &Extensions) -> Self {
        extensions.get().copied().unwrap_or(Self(IpAddr::V6(Ipv6Addr::UNSPECIFIED)))
    }
}

impl Encrypted {
    /// What the listener noted. Without a listener (a test) it isn't.
    pub fn of(extensions: &Extensions) -> bool {
        extensions.get().is_some_and(|Self(encrypted)| *encrypted)
    }
}

impl RequestId {
    /// The id the listener gave, if there was one.
    pub fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get().cloned()
    }
}
