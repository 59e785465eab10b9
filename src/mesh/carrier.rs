//! How the protocol's values travel by HTTP: methods, paths, queries and headers, for caller and callee alike.

use ods_store::Digest;

use super::limits::PIECES_WAIT_MAX_MS;
use super::protocol::{BytesRequest, Call, PiecesRequest, Request};

/// RFC 9421.
pub(super) const SIGNATURE_INPUT: &str = "signature-input";
/// RFC 9421.
pub(super) const SIGNATURE: &str = "signature";
/// RFC 9530.
pub(super) const CONTENT_DIGEST: &str = "content-digest";
/// The nonce to sign the next call with; in every answer.
pub(super) const NONCE: &str = "ods-nonce";
/// Bodies are postcard.
pub(super) const CONTENT_TYPE: &str = "application/vnd.ods.peer";
/// The code of a refusal because of the nonce: the one in the answer is to be used.
pub(super) const STALE_NONCE: &str = "stale_nonce";
/// The code of a refusal because of the serial: it was used with this nonce.
pub(super) const REPLAYED: &str = "replayed";

/// What `GET /peer/v1/link` switches to: HTTP/2, in which the dialled side is the client.
pub(super) const LINK_PROTOCOL: &str = "ods-link/1";

const BASE: &str = "/peer/v1";

/// Where a question goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Location {
    /// `GET` or `POST`.
    pub(super) method: &'static str,
    /// The path.
    pub(super) path: String,
    /// The query, without `?`.
    pub(super) query: String,
    /// The value of a `Range` header.
    pub(super) range: Option<String>,
}

/// The path of a call that is a `POST`.
pub(super) const fn post_path(call: Call) -> Option<&'static str> {
    match call {
        Call::Pair => Some("/peer/v1/pair"),
        Call::Ping => Some("/peer/v1/ping"),
        Call::Roster => Some("/peer/v1/roster"),
        Call::States => Some("/peer/v1/states"),
        Call::Log => Some("/peer/v1/log"),
        Call::Goodbye => Some("/peer/v1/goodbye"),
        Call::Outline | Call::Pieces | Call::Blob | Call::Link => None,
    }
}

impl Location {
    /// Where this question goes.
    pub(super) fn of(request: &Request) -> Self {
        let get = |path, query, range| Self { method: "GET", path, query, range };
        match request {
            Request::Outline(blob) => get(format!("{BASE}/blobs/{blob}/outline"), String::new(), None),
            Request::Pieces(PiecesRequest { blob, seen, wait_ms }) => {
                get(format!("{BASE}/blobs/{blob}/pieces"), format!("seen={seen}&wait_ms={wait_ms}"), None)
            }
            Request::Link => get(format!("{BASE}/link"), String::new(), None),
            Request::Blob(BytesRequest { blob, first, last }) => {
                let last = last.map(|last| last.to_string()).unwrap_or_default();
                get(format!("{BASE}/blobs/{blob}"), String::new(), Some(format!("bytes={first}-{last}")))
            }
            Request::Pair(_)
            | Request::Ping(_)
            | Request::Roster(_)
            | Request::States(_)
            | Request::Log(_)
            | Request::Goodbye => {
                let path = post_path(request.call()).unwrap_or_default().to_owned();
                Self { method: "POST", path, query: String::new(), range: None }
            }
        }
    }
}

/// What is called at a location: a `POST`, whose question is in its body, or a `GET`, whose question this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Called {
    /// The question is in the body.
    Post(Call),
    /// This.
    Get(Request),
}

impl Called {
    /// Which call it is.
    pub(super) const fn call(&self) -> Call {
        match self {
            Self::Post(call) => *call,
            Self::Get(request) => request.call(),
        }
    }

    /// Reads a location; `None` if nothing is there.
    pub(super) fn parse(method: &str, path: &str, query: &str, range: Option<&str>) -> Option<Self> {
        if method == "POST" {
            return Call::POSTS.into_iter().find(|call| post_path(*call) == Some(path)).map(Self::Post);
        }
        let rest = path.strip_prefix(BASE)?;
        if rest == "/link" {
            return (method == "GET").then_some(Self::Get(Request::Link));
        }
        let rest = rest.strip_prefix("/blobs/")?;
        let (blob, what) = rest.split_once('/').unwrap_or((rest, ""));
        let blob: Digest = blob.parse().ok()?;
        let request = match what {
            "outline" => Request::Outline(blob),
            "pieces" => Request::Pieces(parse_pieces(blob, query)),
            "" => Request::Blob(parse_range(blob, range)?),
            _ => return None,
        };
        (method == "GET").then_some(Self::Get(request))
    }
}

/// Unknown or malformed parts of the query are passed over: they are hints.
fn parse_pieces(blob: Digest, query: &str) -> PiecesRequest {
    let mut request = PiecesRequest { blob, seen: 0, wait_ms: 0 };
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        match name {
            "seen" => request.seen = value.parse().unwrap_or(0),
            "wait_ms" => request.wait_ms = value.parse().unwrap_or(0).min(PIECES_WAIT_MAX_MS),
            _ => {}
        }
    }
    request
}

/// `bytes=FIRST-[LAST]`; peers ask for one range, always.
fn parse_range(blob: Digest, range: Option<&str>) -> Option<BytesRequest> {
    let (first, last) = range?.strip_prefix("bytes=")?.split_once('-')?;
    let last = if last.is_empty() { None } else { Some(last.parse().ok()?) };
    Some(BytesRequest { blob, first: first.parse().ok()?, last })
}

/// Reads `bytes FIRST-LAST/SIZE`.
pub(super) fn parse_content_range(value: &str) -> Option<(u64, u64, u64)> {
    let (range, size) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?, size.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blob() -> Digest {
        Digest::of(b"x")
    }

    #[test]
    fn what_is_asked_of_a_location_is_read_back() {
        for request in [
            Request::Link,
            Request::Outline(blob()),
            Request::Pieces(PiecesRequest { blob: blob(), seen: 7, wait_ms: 5000 }),
            Request::Blob(BytesRequest { blob: blob(), first: 0, last: None }),
            Request::Blob(BytesRequest { blob: blob(), first: 1 << 20, last: Some((2 << 20) - 1) }),
        ] {
            let Location { method, path, query, range } = Location::of(&request);
            assert_eq!(Called::parse(method, &path, &query, range.as_deref()), Some(Called::Get(request)));
        }
        for call in Call::POSTS {
            assert_eq!(Called::parse("POST", post_path(call).unwrap(), "", None), Some(Called::Post(call)));
        }
    }

    #[test]
    fn other_locations_are_nothing() {
        let digest = blob();
        for (method, path) in [
            ("GET", "/peer/v1/ping".to_owned()),
            ("POST", "/peer/v1/nothing".to_owned()),
            ("GET", format!("/peer/v1/blobs/{digest}/else")),
            ("GET", "/peer/v1/blobs/xyz".to_owned()),
            ("PUT", format!("/peer/v1/blobs/{digest}/outline")),
            ("GET", format!("/peer/v1/blobs/{digest}")),
        ] {
            assert_eq!(Called::parse(method, &path, "", None), None, "{method} {path}");
        }
        for range in ["bytes=", "bytes=a-", "bytes=0-1,2-3", "bytes=-5", "lines=0-1", "bytes=0-99999999999999999999"] {
            assert_eq!(Called::parse("GET", &format!("/peer/v1/blobs/{digest}"), "", Some(range)), None, "{range}");
        }
    }

    #[test]
    fn waiting_is_capped() {
        let path = format!("/peer/v1/blobs/{}/pieces", blob());
        let called = Called::parse("GET", &path, "wait_ms=4000000000&seen=x&other=1", None);
        let capped = PiecesRequest { blob: blob(), seen: 0, wait_ms: PIECES_WAIT_MAX_MS };
        assert_eq!(called, Some(Called::Get(Request::Pieces(capped))));
    }

    #[test]
    fn content_ranges_are_read() {
        assert_eq!(parse_content_range("bytes 0-4/10"), Some((0, 4, 10)));
        assert_eq!(parse_content_range("bytes */10"), None);
    }
}
