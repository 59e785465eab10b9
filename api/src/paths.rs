//! Package paths in URLs of the API.
//!
//! `/api/v1/packages/{*path}` takes the rest of the address, percent-decoded once: `%2F` equals `/` here, since generated
//! clients send a path as one encoded segment. (Downloads have other rules; they are for machines that know no better.)

use axum::extract::{FromRequestParts, MatchedPath, Path};
use axum::http::request::Parts;
use ods_store::{PackagePath, PathError};
use percent_encoding::percent_decode_str;

use crate::error::{ApiError, Code};

/// How a route's pattern says that the rest is a package path.
const REST: &str = "{*path}";

/// The package that a request is about.
#[derive(Debug, Clone)]
pub(crate) struct AboutPath(pub(crate) PackagePath);

impl<S: Sync> FromRequestParts<S> for AboutPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let start = parts.extensions.get::<MatchedPath>().and_then(|pattern| pattern.as_str().find(REST));
        let rest = start.and_then(|start| parts.uri.path().get(start..)).unwrap_or_default();
        decode(rest).map(Self)
    }
}

/// The id that a request's address ends with, as it stands.
#[derive(Debug, Clone)]
pub(crate) struct AboutId(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for AboutId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let id = Path::from_request_parts(parts, state).await;
        id.map(|Path(id)| Self(id))
            .map_err(|_| ApiError::new(Code::BadPath, "the id is not UTF-8 after percent-decoding"))
    }
}

/// A webhook's id and one of its deliveries, from the request's address.
#[derive(Debug, Clone)]
pub(crate) struct AboutIdAndDelivery(pub(crate) String, pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for AboutIdAndDelivery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let ids = Path::<(String, String)>::from_request_parts(parts, state).await;
        ids.map(|Path((id, delivery))| Self(id, delivery))
            .map_err(|_| ApiError::new(Code::BadPath, "the ids are not UTF-8 after percent-decoding"))
    }
}

/// Decodes the rest of an address.
fn decode(raw: &str) -> Result<PackagePath, ApiError> {
    let bytes = raw.as_bytes();
    let complete = |at: usize| bytes.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
    if bytes.iter().enumerate().any(|(at, byte)| *byte == b'%' && !complete(at)) {
        return Err(ApiError::new(Code::BadPath, "a '%' in the path is not followed by two hex digits"));
    }
    let text = percent_decode_str(raw)
        .decode_utf8()
        .map_err(|_| ApiError::new(Code::BadPath, "the path is not UTF-8 after percent-decoding"))?;
    parse(&text)
}

/// A package path from a body or query.
pub(crate) fn parse(text: &str) -> Result<PackagePath, ApiError> {
    PackagePath::parse(text).map_err(|error: PathError| {
        let shown: String = text.chars().take(200).collect();
        ApiError::new(Code::BadPath, error.to_string()).fact("path", shown)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_slash_is_a_slash() {
        for raw in ["mac/a%20b.pkg", "mac%2Fa%20b.pkg", "mac%2fa b.pkg"] {
            assert_eq!(decode(raw).expect("a path").as_str(), "mac/a b.pkg", "{raw}");
        }
        assert_eq!(decode("100%25+x").expect("a path").as_str(), "100%+x");
        assert_eq!(decode("%252e%252e/x").expect("a path").as_str(), "%2e%2e/x");
    }

    #[test]
    fn hostile_paths_are_refused_with_one_code() {
        let long = "x".repeat(2000);
        for raw in [
            "",
            "..",
            "%2e%2e",
            "a/..%2Fb",
            "a/%2e/b",
            "/etc/passwd",
            "%2Fetc",
            "a//b",
            "a/",
            "a%5Cb",
            "a%00b",
            "%ff",
            "%C3%28",
            "%",
            "%2",
            "%zz",
            &long,
        ] {
            let error = decode(raw).expect_err(raw);
            assert_eq!(error.code(), Code::BadPath, "{raw}");
        }
    }
}
