//! What is answered: a file with its headers, 304, or 404.

use axum::body::Body;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
    IF_NONE_MATCH, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::file::{Coding, File};

/// The page's policy: its own files, this node, and nothing else; no markup from text but Lit's, which is checked at the two
/// named places. Workers are under it, too.
pub(crate) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types lit-html ods";

/// What files are under that may run or show something by themselves, a worker's script and pictures: nothing inline, nothing from
/// elsewhere. For other scripts and for styles it is the policy of the page that counts, or of the worker that imports them; who
/// opens one by itself sees its text. A first visit has sixty of them, so they don't carry it.
pub(crate) const FILE_POLICY: &str = "default-src 'self'";

/// How long a browser may keep a file without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// It asks each time whether the file is still this one.
    AskEachTime,
    /// For good: its address has its content's hash, so it has no `ETag` besides.
    Forever,
}

/// `file`, or 304 if the client has it.
pub(crate) fn file(method: &Method, headers: &HeaderMap, file: &File, keep: Keep) -> Response {
    let form = file.form(best_coding(headers));
    let mut response = Response::new(Body::empty());
    let has_it = keep == Keep::AskEachTime && is_named(headers, &form.entity_tag);
    if has_it {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        let length = form.bytes.len();
        if *method != Method::HEAD {
            *response.body_mut() = Body::from(form.bytes);
        }
        set(&mut response, CONTENT_TYPE, file.media_type());
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
        if form.coding != Coding::Identity {
            set(&mut response, CONTENT_ENCODING, form.coding.name());
        }
    }
    let kept = match keep {
        Keep::AskEachTime => "no-cache",
        Keep::Forever => "max-age=31536000, immutable",
    };
    set(&mut response, CACHE_CONTROL, kept);
    set(&mut response, VARY, "accept-encoding");
    match keep {
        Keep::AskEachTime => {
            if let Ok(tag) = HeaderValue::from_str(&form.entity_tag) {
                response.headers_mut().insert(ETAG, tag);
            }
            guarded(response)
        }
        Keep::Forever => {
            if file.stands_alone() {
                set(&mut response, CONTENT_SECURITY_POLICY, FILE_POLICY);
            }
            set(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
            response
        }
    }
}

/// There is nothing.
pub(crate) fn not_found() -> Response {
    refused(StatusCode::NOT_FOUND, "there is nothing at this address\n")
}

/// Files are only read.
pub(crate) async fn method_not_allowed() -> Response {
    refused(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are possible here\n")
}

fn refused(status: StatusCode, text: &'static str) -> Response {
    let mut response = (status, text).into_response();
    set(&mut response, CACHE_CONTROL, "no-store");
    guarded(response)
}

fn guarded(mut response: Response) -> Response {
    set(&mut response, CONTENT_SECURITY_POLICY, POLICY);
    set(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(&mut response, REFERRER_POLICY, "same-origin");
    response
}

fn set(response: &mut Response, name: HeaderName, value: &'static str) {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}

/// The best that the client takes (RFC 9110 §12.5.3): what it names, and not with weight 0. That it would rather have another
/// counts for nothing: all are made once, and read fast.
fn best_coding(headers: &HeaderMap) -> Coding {
    let values = headers.get_all(ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    let taken = values.flat_map(|value| value.split(',')).filter_map(|coding| {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = parameters.trim().strip_prefix("q=").map(|weight| weight.trim().parse::<f32>().unwrap_or(0.0));
        let known =
            [Coding::Brotli, Coding::Gzip].into_iter().find(|one| name.trim().eq_ignore_ascii_case(one.name()))?;
        weight.is_none_or(|weight| weight > 0.0).then_some(known)
    });
    taken.max().unwrap_or(Coding::Identity)
}

/// Whether `If-None-Match` names `tag`, compared weakly (RFC 9110 §13.1.2).
fn is_named(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|named| named == "*" || named.strip_prefix("W/").unwrap_or(named) == tag)
}
