//! What a GET or HEAD of bytes that are here is answered with: a pure function of the request and the representation.

use data_encoding::BASE64;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, HeaderName, LAST_MODIFIED, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use ods_store::Sha256;

use super::conditional::{Modified, Validators, Verdict, entity_tag, evaluate, range_applies};
use super::disposition::attachment;
use super::multipart::{self, Segment};
use super::range::{ByteRange, Selection, select};

const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// Headers of any answer, with those that the server adds.
const HEADERS_MAX: usize = 16;

/// The bytes a URL names at this moment, and what is said about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Representation {
    pub(super) validators: Validators,
    pub(super) size: u64,
    /// `None` only for a blob that no current revision names.
    pub(super) sha256: Option<Sha256>,
    pub(super) media_type: &'static str,
    pub(super) file_name: String,
    pub(super) caching: Caching,
}

/// What a cache may do with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caching {
    /// Ask each time: another revision may be current.
    Revalidate,
    /// Keep it for ever: the URL names these bytes.
    Immutable,
    /// As `Immutable`, but only in the cache of the client that was let in.
    ImmutablePrivate,
}

impl Caching {
    fn value(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Revalidate => "no-cache",
            Self::Immutable => "public, max-age=31536000, immutable",
            Self::ImmutablePrivate => "private, max-age=31536000, immutable",
        })
    }
}

/// The answer, its bytes yet to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// 200 or 206. `segments` is empty for HEAD and for the empty blob.
    Content { status: StatusCode, headers: HeaderMap, segments: Vec<Segment> },
    /// 304.
    NotModified { headers: HeaderMap },
    /// 412.
    PreconditionFailed,
    /// 416, with `Content-Range: bytes */size`.
    RangeNotSatisfiable { content_range: HeaderValue },
}

/// Answers a GET or HEAD with these request headers.
pub(super) fn answer(method: &Method, request: &HeaderMap, current: &Representation) -> Answer {
    match evaluate(request, &current.validators) {
        Verdict::PreconditionFailed => return Answer::PreconditionFailed,
        Verdict::NotModified => return Answer::NotModified { headers: validating_headers(current) },
        Verdict::Perform => {}
    }
    match selection(method, request, current) {
        Selection::Whole => {
            let span = ByteRange::whole(current.size).map(Segment::Span);
            content(method, StatusCode::OK, current, span.into_iter().collect(), None)
        }
        Selection::One(range) => {
            let place = text(range.content_range(current.size));
            content(method, StatusCode::PARTIAL_CONTENT, current, vec![Segment::Span(range)], Some(place))
        }
        Selection::Many(ranges) => parts(method, current, &ranges),
        Selection::Unsatisfiable => {
            Answer::RangeNotSatisfiable { content_range: text(format!("bytes */{}", current.size)) }
        }
    }
}

/// Ranges are defined for GET only (RFC 9110 §14.2); a field in several lines is malformed.
fn selection(method: &Method, request: &HeaderMap, current: &Representation) -> Selection {
    let mut values = request.get_all(RANGE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Selection::Whole };
    if method != Method::GET || !range_applies(request, &current.validators) {
        return Selection::Whole;
    }
    value.to_str().map_or(Selection::Whole, |value| select(value, current.size))
}

fn parts(method: &Method, current: &Representation, ranges: &[ByteRange]) -> Answer {
    let blob = &current.validators.blob;
    let segments = multipart::segments(ranges, blob, current.size, current.media_type);
    let mut answer = content(method, StatusCode::PARTIAL_CONTENT, current, segments, None);
    if let Answer::Content { headers, .. } = &mut answer {
        headers.insert(CONTENT_TYPE, text(multipart::content_type(blob)));
    }
    answer
}

fn content(
    method: &Method,
    status: StatusCode,
    current: &Representation,
    segments: Vec<Segment>,
    content_range: Option<HeaderValue>,
) -> Answer {
    let length: u64 = segments.iter().map(Segment::bytes).sum();
    let mut headers = validating_headers(current);
    headers.insert(CONTENT_LENGTH, length.into());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(current.media_type));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_DISPOSITION, attachment(&current.file_name));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    if let Some(sha256) = &current.sha256 {
        headers.insert(REPR_DIGEST, text(repr_digest(sha256)));
    }
    if let Some(content_range) = content_range {
        headers.insert(CONTENT_RANGE, content_range);
    }
    let segments = if method == Method::HEAD { Vec::new() } else { segments };
    Answer::Content { status, headers, segments }
}

/// What 200, 206 and 304 have in common (RFC 9110 §15.4.5).
fn validating_headers(current: &Representation) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(HEADERS_MAX);
    headers.insert(ETAG, text(entity_tag(&current.validators.blob)));
    if let Some(date) = current.validators.modified.and_then(Modified::http_date) {
        headers.insert(LAST_MODIFIED, text(date));
    }
    headers.insert(CACHE_CONTROL, current.caching.value());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
}

/// The digest as RFC 9530 writes it.
fn repr_digest(sha256: &Sha256) -> String {
    let mut value = String::with_capacity(54);
    value.push_str("sha-256=:");
    BASE64.encode_append(sha256.as_bytes(), &mut value);
    value.push(':');
    value
}

fn text(value: String) -> HeaderValue {
    HeaderValue::try_from(value).expect("made of digits, hex, dates and base64, which are visible ASCII")
}
