//! What an upload says its bytes are, so that bytes that changed on the way are not stored.
//!
//! `Repr-Digest` and `Content-Digest` (RFC 9530; the same thing here, since bodies are taken as they are) with `sha-256`;
//! other algorithms are ignored, as the RFC wants it. `?blake3=`, which is the blob's name.

use axum::http::HeaderMap;
use ods_store::{Digest, Received, Sha256};
use sfv::{BareItem, Dictionary, ListEntry, Parser};

use crate::error::{ApiError, Code};

/// The digests that the bytes must have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Declared {
    sha256: Vec<Sha256>,
    blake3: Option<Digest>,
}

impl Declared {
    /// Reads headers and query.
    pub(crate) fn of(headers: &HeaderMap, blake3: Option<&str>) -> Result<Self, ApiError> {
        let mut declared = Self::default();
        for name in ["repr-digest", "content-digest"] {
            declared.sha256.extend(sha256(headers, name)?);
        }
        declared.blake3 = blake3.map(str::parse).transpose().map_err(|error: ods_store::NotHex32| {
            ApiError::new(Code::BadQuery, format!("`blake3`: {error}")).fact("field", "blake3")
        })?;
        Ok(declared)
    }

    /// Errs if anything is declared: there are no bytes on the way.
    pub(crate) fn must_be_nothing(&self) -> Result<(), ApiError> {
        if *self == Self::default() {
            return Ok(());
        }
        Err(ApiError::new(Code::BadQuery, "with `from` no bytes are sent, so no digest can be announced")
            .fact("field", "from"))
    }

    /// Errs unless the bytes have them.
    pub(crate) fn check(&self, received: &Received) -> Result<(), ApiError> {
        let (sha256, blake3) = (received.sha256(), received.digest());
        if let Some(expected) = self.sha256.iter().find(|expected| **expected != sha256) {
            return Err(mismatch("sha-256", expected, &sha256));
        }
        match self.blake3 {
            Some(expected) if expected != blake3 => Err(mismatch("blake3", &expected, &blake3)),
            Some(_) | None => Ok(()),
        }
    }
}

fn mismatch(algorithm: &str, expected: &impl ToString, actual: &impl ToString) -> ApiError {
    let detail = format!("the {algorithm} of the bytes that arrived is not the announced one; nothing was stored");
    ApiError::new(Code::DigestMismatch, detail)
        .fact("algorithm", algorithm)
        .fact("expected", expected.to_string())
        .fact("actual", actual.to_string())
}

fn sha256(headers: &HeaderMap, name: &str) -> Result<Option<Sha256>, ApiError> {
    let bad = |reason: &str| {
        let detail = format!("header {name} can't be used: {reason}; expected `sha-256=:base64:`");
        ApiError::new(Code::BadHeader, detail).fact("header", name)
    };
    let values: Result<Vec<&str>, _> = headers.get_all(name).iter().map(|value| value.to_str()).collect();
    let text = values.map_err(|_| bad("it is not ASCII"))?.join(", ");
    let digests: Dictionary = Parser::new(&text).parse().map_err(|_| bad("it is not a dictionary (RFC 9651)"))?;
    match digests.get("sha-256") {
        None => Ok(None),
        Some(ListEntry::Item(item)) => match &item.bare_item {
            BareItem::ByteSequence(bytes) => {
                let bytes = bytes.as_slice().try_into().map_err(|_| bad("a sha-256 has 32 bytes"))?;
                Ok(Some(Sha256::from_bytes(bytes)))
            }
            _ => Err(bad("the digest is not a byte sequence")),
        },
        Some(ListEntry::InnerList(_)) => Err(bad("the digest is a list")),
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64;

    use super::*;

    fn of(name: &'static str, value: &str) -> Result<Declared, ApiError> {
        let headers = HeaderMap::from_iter([(name.parse().expect("a name"), value.parse().expect("a value"))]);
        Declared::of(&headers, None)
    }

    #[test]
    fn sha_256_is_read_and_others_are_ignored() {
        let own = Declared { sha256: vec![Sha256::from_bytes([7; 32])], blake3: None };
        let text = format!("sha-256=:{}:", BASE64.encode(&[7; 32]));
        assert_eq!(of("repr-digest", &text).expect("understood"), own);
        assert_eq!(of("content-digest", &format!("md5=:AAAA:, {text}, sha-512=:BBBB:")).expect("understood"), own);
        assert_eq!(of("repr-digest", "sha-512=:AAAA:").expect("understood"), Declared::default());
        assert_eq!(Declared::of(&HeaderMap::new(), None).expect("understood"), Declared::default());
    }

    #[test]
    fn what_can_not_be_read_is_refused_not_ignored() {
        for value in ["sha-256=abc", "sha-256=:AAAA:", "sha-256", "sha-256=(:AAAA:)", "=", "sha-256=:!:"] {
            assert_eq!(of("repr-digest", value).expect_err("refused").code(), Code::BadHeader, "{value}");
        }
        let error = Declared::of(&HeaderMap::new(), Some("ABC")).expect_err("refused");
        assert_eq!(error.code(), Code::BadQuery);
    }
}
