//! `Authorization`: a token as Bearer (RFC 6750), or as the password of Basic (RFC 7617) under any name, for clients that
//! know nothing else.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use data_encoding::BASE64;

/// Bytes of a header that are looked at.
const HEADER_BYTES_MAX: usize = 4096;

/// What a request says about who sends it.
#[derive(PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) enum Credentials {
    /// Nothing.
    None,
    /// A token's secret.
    Secret(String),
    /// Something that is no token.
    Unreadable,
}

impl Credentials {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::None,
            (Some(value), None) => value.to_str().ok().and_then(secret).map_or(Self::Unreadable, Self::Secret),
            (Some(_), Some(_)) => Self::Unreadable,
        }
    }
}

fn secret(value: &str) -> Option<String> {
    let (scheme, rest) = value.trim().split_once(' ').filter(|_| value.len() <= HEADER_BYTES_MAX)?;
    let secret = match scheme.to_ascii_lowercase().as_str() {
        "bearer" => rest.trim().to_owned(),
        "basic" => {
            let decoded = String::from_utf8(BASE64.decode(rest.trim().as_bytes()).ok()?).ok()?;
            decoded.split_once(':')?.1.to_owned()
        }
        _ => return None,
    };
    (!secret.is_empty()).then_some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Credentials {
        let values = values.iter().map(|value| (AUTHORIZATION, value.parse().expect("a header value")));
        Credentials::of(&values.collect())
    }

    #[test]
    fn a_token_comes_as_bearer_or_as_the_password_of_basic() {
        let token = || Credentials::Secret("ods_rX".to_owned());
        assert_eq!(of(&["Bearer ods_rX"]), token());
        assert_eq!(of(&["bearer  ods_rX "]), token());
        assert_eq!(of(&[&format!("Basic {}", BASE64.encode(b"anyone:ods_rX"))]), token());
        assert_eq!(of(&[&format!("basic {}", BASE64.encode(b":ods_rX"))]), token());
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
}
