//! What tus 1.0 says in headers, read and written.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use data_encoding::BASE64;
use ods_store::{BLOB_BYTES_MAX, Digest, MetaPatch, PackagePath, Sha256, UnixMillis};

use crate::error::{ApiError, Code};

pub(super) const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
pub(super) const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
pub(super) const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
pub(super) const TUS_CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
pub(super) const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
pub(super) const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
const UPLOAD_DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
const UPLOAD_CONCAT: HeaderName = HeaderName::from_static("upload-concat");

/// The one version.
pub(super) const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
/// What is spoken beyond the core.
pub(super) const EXTENSIONS: &str = "creation,creation-with-upload,checksum,expiration,termination";
/// The algorithms of `Upload-Checksum`.
pub(super) const ALGORITHMS: &str = "sha1,sha256";

/// Bytes of `Upload-Metadata`.
const METADATA_BYTES_MAX: usize = 48 << 10;

/// What the sender says of the package.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) path: PackagePath,
    pub(super) meta: MetaPatch,
    pub(super) sha256: Option<Sha256>,
    pub(super) blake3: Option<Digest>,
    /// The header, to be given back as it came.
    pub(super) told: String,
}

/// A checksum that a request's bytes must have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Checksum {
    pub(super) algorithm: Algorithm,
    pub(super) expected: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Sha1,
    Sha256,
}

/// Errs unless the sender speaks tus 1.0.0.
pub(super) fn must_be_tus(headers: &HeaderMap) -> Result<(), ApiError> {
    if headers.get(TUS_RESUMABLE).is_some_and(|version| version == VERSION) {
        return Ok(());
    }
    let detail = "send `Tus-Resumable: 1.0.0`; this address speaks the resumable upload protocol tus (tus.io)";
    Err(ApiError::new(Code::TusVersion, detail).header(TUS_VERSION, VERSION))
}

fn bad(header: &HeaderName, reason: &str) -> ApiError {
    let name = header.as_str();
    ApiError::new(Code::BadHeader, format!("header {name} can't be used: {reason}")).fact("header", name)
}

/// A number of bytes in a header; `None` if it isn't there.
fn bytes(headers: &HeaderMap, name: &HeaderName) -> Result<Option<u64>, ApiError> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let digits = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(|| bad(name, "it is not a whole number of bytes"))
}

/// `Upload-Offset`.
pub(super) fn offset(headers: &HeaderMap) -> Result<u64, ApiError> {
    bytes(headers, &UPLOAD_OFFSET)?.ok_or_else(|| bad(&UPLOAD_OFFSET, "it is missing; HEAD tells where to go on"))
}

/// `Upload-Length`.
pub(super) fn length(headers: &HeaderMap) -> Result<u64, ApiError> {
    for name in [UPLOAD_DEFER_LENGTH, UPLOAD_CONCAT] {
        if headers.contains_key(&name) {
            return Err(bad(&name, "this extension isn't spoken here; `OPTIONS` lists those that are"));
        }
    }
    let length = bytes(headers, &UPLOAD_LENGTH)?.ok_or_else(|| bad(&UPLOAD_LENGTH, "it is missing"))?;
    if length <= BLOB_BYTES_MAX {
        return Ok(length);
    }
    let detail = format!("{length} bytes are more than the {BLOB_BYTES_MAX} that a package may have");
    Err(ApiError::new(Code::TooLarge, detail).fact("bytes", length).fact("max", BLOB_BYTES_MAX))
}

/// `Upload-Checksum`; `None` if it isn't there.
pub(super) fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, ApiError> {
    let Some(value) = headers.get(UPLOAD_CHECKSUM) else { return Ok(None) };
    let refused = |reason: &str| bad(&UPLOAD_CHECKSUM, reason);
    let (algorithm, value) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(|| refused("expected `sha1 BASE64`"))?;
    let (algorithm, length) = match algorithm {
        "sha1" => (Algorithm::Sha1, 20),
        "sha256" => (Algorithm::Sha256, 32),
        _ => return Err(refused("its algorithm is none of sha1 and sha256")),
    };
    let expected = BASE64.decode(value.trim().as_bytes()).ok().filter(|bytes| bytes.len() == length);
    let expected = expected.ok_or_else(|| refused("it is not the base64 of such a digest"))?;
    Ok(Some(Checksum { algorithm, expected }))
}

/// `Upload-Metadata`: keys and base64 values. Those that this node gives no meaning to are passed over, since clients send
/// some of their own (`filetype`, `relativePath`).
pub(super) fn describe(headers: &HeaderMap) -> Result<Described, ApiError> {
    let told = headers.get(UPLOAD_METADATA).map_or(Ok(""), |value| value.to_str());
    let told = told.map_err(|_| bad(&UPLOAD_METADATA, "it is not ASCII"))?;
    if told.len() > METADATA_BYTES_MAX {
        return Err(bad(&UPLOAD_METADATA, "it has more than 48 KiB"));
    }
    let mut said = BTreeMap::new();
    for pair in told.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let value = BASE64.decode(value.trim().as_bytes()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let value = value.ok_or_else(|| bad(&UPLOAD_METADATA, &format!("{key:?} is not the base64 of UTF-8")))?;
        if said.insert(key, value).is_some() {
            return Err(bad(&UPLOAD_METADATA, &format!("{key:?} is there twice")));
        }
    }
    let path = said.get("path").or_else(|| said.get("filename")).filter(|path| !path.is_empty()).ok_or_else(|| {
        let detail = "say in Upload-Metadata what the package is called: `path`, or `filename`";
        ApiError::new(Code::Invalid, detail).fact("field", "path")
    })?;
    let path = PackagePath::parse(path)
        .map_err(|error| ApiError::new(Code::BadPath, error.to_string()).fact("path", path.as_str()))?;
    let field = |name: &str, error: ods_store::NotHex32| {
        ApiError::new(Code::Invalid, format!("`{name}`: {error}")).fact("field", name)
    };
    Ok(Described {
        path,
        meta: super::super::metadata::of_texts(&said),
        sha256: said.get("sha256").map(|text| text.parse().map_err(|error| field("sha256", error))).transpose()?,
        blake3: said.get("blake3").map(|text| text.parse().map_err(|error| field("blake3", error))).transpose()?,
        told: told.to_owned(),
    })
}

/// `Upload-Expires`: an HTTP date (RFC 9110 §5.6.7).
pub(super) fn expires(at: UnixMillis) -> HeaderValue {
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_millis(at.get());
    HeaderValue::from_str(&httpdate::fmt_http_date(at)).unwrap_or(HeaderValue::from_static("0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(rows: &[(&'static str, &str)]) -> HeaderMap {
        rows.iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value"))).collect()
    }

    fn metadata(pairs: &[(&str, &str)]) -> String {
        let pairs = pairs.iter().map(|(key, value)| format!("{key} {}", BASE64.encode(value.as_bytes())));
        pairs.collect::<Vec<_>>().join(",")
    }

    #[test]
    fn metadata_says_path_tags_and_version_and_the_rest_is_passed_over() {
        let told = metadata(&[
            ("filename", "x.pkg"),
            ("path", "mac/x.pkg"),
            ("tags", "b,a"),
            ("filetype", "y"),
            ("version", "1"),
        ]);
        let described = describe(&headers(&[("upload-metadata", &told)])).expect("understood");
        assert_eq!(described.path.as_str(), "mac/x.pkg");
        let expected = [("tags", "a,b"), ("version", "1")].map(|(key, value)| (key.to_owned(), Some(value.to_owned())));
        assert_eq!((described.meta, described.told), (MetaPatch::from(expected), told));
    }

    #[test]
    fn a_file_name_is_enough_and_no_name_is_not() {
        let told = metadata(&[("filename", "x.pkg")]);
        assert_eq!(describe(&headers(&[("upload-metadata", &told)])).expect("understood").path.as_str(), "x.pkg");
        for (told, code) in [
            ("", Code::Invalid),
            ("path", Code::Invalid),
            ("path ####", Code::BadHeader),
            ("path eA==,path eQ==", Code::BadHeader),
            (&metadata(&[("path", "../x")]), Code::BadPath),
            (&metadata(&[("path", "x"), ("blake3", "abc")]), Code::Invalid),
        ] {
            let refused = describe(&headers(&[("upload-metadata", told)])).expect_err(told);
            assert_eq!(refused.code(), code, "{told}");
        }
    }

    #[test]
    fn numbers_and_checksums_are_read_strictly() {
        assert_eq!(length(&headers(&[("upload-length", "10")])).expect("understood"), 10);
        for value in ["-1", "+1", "1.5", "", "99999999999999999999999"] {
            assert_eq!(
                length(&headers(&[("upload-length", value)])).expect_err(value).code(),
                Code::BadHeader,
                "{value}"
            );
        }
        assert_eq!(length(&headers(&[("upload-length", "9999999999999")])).expect_err("huge").code(), Code::TooLarge);
        assert_eq!(length(&headers(&[("upload-defer-length", "1")])).expect_err("later").code(), Code::BadHeader);
        let sha1 = format!("sha1 {}", BASE64.encode(&[7; 20]));
        let read = checksum(&headers(&[("upload-checksum", &sha1)])).expect("understood");
        assert_eq!(read, Some(Checksum { algorithm: Algorithm::Sha1, expected: vec![7; 20] }));
        for value in ["sha1", "md5 AAAA", "sha1 AAAA", "sha256 !"] {
            let refused = checksum(&headers(&[("upload-checksum", value)])).expect_err(value);
            assert_eq!(refused.code(), Code::BadHeader, "{value}");
        }
    }
}
