//! Which pages may have a browser change something here in its user's name: this node's own, no other.
//!
//! A browser adds a session's cookie by itself, whoever made it send the request. `SameSite=Strict` keeps other sites from
//! that; it knows no ports, so another program on this host could still. Therefore every change that comes with a cookie
//! must say where it comes from: `Sec-Fetch-Site: same-origin`, or an `Origin` that is the host which was called. Pages
//! can write neither header themselves. Basic credentials that somebody once typed are added likewise; programs send them,
//! too, so there only a change that says it comes from elsewhere is refused: browsers always say it.

use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// One of this node's pages.
    Own,
    /// Another page.
    Foreign,
    /// It doesn't say: no browser made it.
    Unsaid,
}

/// Where a request comes from.
pub(super) fn source(parts: &Parts) -> Source {
    of(&parts.headers, &parts.uri)
}

fn of(headers: &HeaderMap, uri: &Uri) -> Source {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match text("sec-fetch-site") {
        Some("same-origin") => return Source::Own,
        Some(_) => return Source::Foreign,
        None => {}
    }
    let Some(origin) = text(ORIGIN.as_str()) else { return Source::Unsaid };
    let called = uri.authority().map(axum::http::uri::Authority::as_str).or_else(|| text(HOST.as_str()));
    let same = origin.parse::<Uri>().ok().and_then(|origin| {
        let default = match origin.scheme_str()? {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let called: Uri = called?.parse().ok()?;
        let port = |uri: &Uri| uri.port_u16().unwrap_or(default);
        Some(origin.host()?.eq_ignore_ascii_case(called.host()?) && port(&origin) == port(&called))
    });
    if same == Some(true) { Source::Own } else { Source::Foreign }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_host_that_was_called_is_own() {
        let source = |lines: &[(&'static str, &'static str)]| {
            let lines = lines.iter().map(|(name, value)| {
                (axum::http::HeaderName::from_static(name), axum::http::HeaderValue::from_static(value))
            });
            of(&lines.collect(), &Uri::from_static("/api/v1/users"))
        };
        let host = ("host", "ods.example:8637");
        for (expected, lines) in [
            (Source::Own, vec![host, ("origin", "http://ods.example:8637")]),
            (Source::Own, vec![host, ("origin", "https://ODS.example:8637")]),
            (Source::Own, vec![("host", "ods.example"), ("origin", "https://ods.example")]),
            (Source::Own, vec![("host", "ods.example"), ("origin", "https://ods.example:443")]),
            (Source::Own, vec![("host", "[::1]:8637"), ("origin", "http://[::1]:8637")]),
            (Source::Own, vec![("host", "inside"), ("origin", "http://outside"), ("sec-fetch-site", "same-origin")]),
            (Source::Foreign, vec![host, ("origin", "http://ods.example")]),
            (Source::Foreign, vec![host, ("origin", "http://ods.example:8638")]),
            (Source::Foreign, vec![host, ("origin", "http://evil.example:8637")]),
            (Source::Foreign, vec![host, ("origin", "http://ods.example:8637.evil.example")]),
            (Source::Foreign, vec![host, ("origin", "http://ods.example:8637@evil.example")]),
            (Source::Foreign, vec![host, ("origin", "null")]),
            (Source::Foreign, vec![host, ("origin", "")]),
            (Source::Foreign, vec![("origin", "http://ods.example")]),
            (Source::Foreign, vec![host, ("origin", "http://ods.example:8637"), ("sec-fetch-site", "cross-site")]),
            (Source::Foreign, vec![host, ("sec-fetch-site", "same-site")]),
            (Source::Unsaid, vec![host]),
        ] {
            assert_eq!(source(&lines), expected, "{lines:?}");
        }
    }
}
