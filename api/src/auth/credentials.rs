//! What a request says about who sends it: `Authorization` with a token as Bearer (RFC 6750), or as the password of Basic
//! (RFC 7617) under any name, for clients that know nothing else; or the cookie of a session.
//!
//! Where both are there `Authorization` counts: a program adds it on purpose. A browser adds a cookie by itself, and also Basic,
//! once somebody typed it: whoever looks at a change must tell these from Bearer, which no browser adds.

use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, COOKIE};
use data_encoding::BASE64;

/// Bytes of a header that are looked at.
const HEADER_BYTES_MAX: usize = 4096;

/// What a request says about who sends it.
#[derive(PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) enum Credentials {
    /// Nothing.
    None,
    /// A token's secret as Bearer, or a session's that a program sends.
    Bearer(String),
    /// The same as the password of Basic.
    Basic(String),
    /// A session's secret, which a browser sends.
    Cookie(String),
    /// Something that is no token.
    Unreadable,
}

impl Credentials {
    /// Those in the headers; a session's cookie has this name.
    pub(super) fn of(headers: &HeaderMap, cookie: &str) -> Self {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        match (values.next(), values.next()) {
            (None, _) => cookie_named(headers, cookie).map_or(Self::None, Self::Cookie),
            (Some(value), None) => value.to_str().ok().and_then(presented).unwrap_or(Self::Unreadable),
            (Some(_), Some(_)) => Self::Unreadable,
        }
    }
}

fn presented(value: &str) -> Option<Credentials> {
    let (scheme, rest) = value.trim().split_once(' ').filter(|_| value.len() <= HEADER_BYTES_MAX)?;
    let some = |secret: &str| (!secret.is_empty()).then(|| secret.to_owned());
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => some(rest.trim()).map(Credentials::Bearer),
        "basic" => {
            let decoded = String::from_utf8(BASE64.decode(rest.trim().as_bytes()).ok()?).ok()?;
            some(decoded.split_once(':')?.1).map(Credentials::Basic)
        }
        _ => None,
    }
}

/// The value of the cookie with this name (RFC 6265 §4.2); others are other programs' affair.
fn cookie_named(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let value = pairs.filter(|(found, _)| *found == name).map(|(_, value)| value.trim_matches('"')).next()?;
    (!value.is_empty() && value.len() <= HEADER_BYTES_MAX).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Credentials {
        let values = values.iter().map(|value| (AUTHORIZATION, value.parse().expect("a header value")));
        Credentials::of(&values.collect(), "ods_session")
    }

    #[test]
    fn a_token_comes_as_bearer_or_as_the_password_of_basic() {
        let token = || "ods_rX".to_owned();
        assert_eq!(of(&["Bearer ods_rX"]), Credentials::Bearer(token()));
        assert_eq!(of(&["bearer  ods_rX "]), Credentials::Bearer(token()));
        assert_eq!(of(&[&format!("Basic {}", BASE64.encode(b"anyone:ods_rX"))]), Credentials::Basic(token()));
        assert_eq!(of(&[&format!("basic {}", BASE64.encode(b":ods_rX"))]), Credentials::Basic(token()));
    }

    #[test]
    fn anything_else_is_unreadable_and_nothing_is_none() {
        assert_eq!(of(&[]), Credentials::None);
        for value in [
            "",
            "Bearer",
            "Bearer ",
            "ods_rX",
            "Basic ods_rX",
            "Basic !!!",
            "Basic bm9jb2xvbg==",
            "Digest x",
            "Basic Og==",
        ] {
            assert_eq!(of(&[value]), Credentials::Unreadable, "{value:?}");
        }
        assert_eq!(of(&["Bearer a", "Bearer b"]), Credentials::Unreadable);
        assert_eq!(of(&[&format!("Bearer {}", "x".repeat(5000))]), Credentials::Unreadable);
    }

    #[test]
    fn a_session_comes_as_its_cookie_among_others_and_the_header_goes_first() {
        let of = |lines: &[(&str, &str)]| {
            let lines = lines.iter().map(|(name, value)| {
                let name: axum::http::HeaderName = name.parse().expect("a name");
                (name, value.parse().expect("a value"))
            });
            Credentials::of(&lines.collect(), "ods_session")
        };
        let cookie = || Credentials::Cookie("ods_wX".to_owned());
        assert_eq!(of(&[("cookie", "a=b; ods_session=ods_wX; c=d")]), cookie());
        assert_eq!(of(&[("cookie", "a=b"), ("cookie", "ods_session=ods_wX")]), cookie());
        for other in ["ods_session2=ods_wX", "ods_session=", "ods_session", "x=ods_session=ods_wX", ""] {
            assert_eq!(of(&[("cookie", other)]), Credentials::None, "{other}");
        }
        let both = [("cookie", "ods_session=ods_wX"), ("authorization", "Bearer ods_rX")];
        assert_eq!(of(&both), Credentials::Bearer("ods_rX".to_owned()));
    }
}
