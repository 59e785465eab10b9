//! A response's body on its way out: counted, and watched for clients that stop reading. A stream of events has no end of its
//! own: it is ended by a drain, and where others press for its connection. Whoever follows goes on with `Last-Event-ID`.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::body::Body as AxumBody;
use bytes::Bytes;
use http::{
    HeaderMap, Method, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::{
    Shared,
    activity::Activity,
    in_flight::{Ending, InFlight},
};
use crate::worker::panic_text;

/// The body's stream panicked; the connection is cut, and the log has the panic.
#[derive(Debug, thiserror::Error)]
#[error("the response's stream panicked")]
struct BodyPanicked;

/// The body of a response.
pub(super) struct ResponseBody {
    body: AxumBody,
    in_flight: InFlight,
    expected_bytes: Option<u64>,
    /// A piece was taken, and the next one not asked for yet.
    held_up: bool,
    endless: Option<Endless>,
}

/// What ends a stream of events. It is asked at least as often as the stream says something, if only that it is there.
struct Endless {
    drain: Pin<Box<WaitForCancellationFutureOwned>>,
    shared: Arc<Shared>,
}

impl Endless {
    fn is_over(&mut self, activity: &Activity, context: &mut Context<'_>) -> bool {
        let crowd = self.shared.caps.crowd_now();
        self.drain.as_mut().poll(context).is_ready()
            || activity.ends_streams(&self.shared.limits, crowd, Instant::now())
    }
}

impl ResponseBody {
    /// Puts `response` on its way.
    pub(super) fn wrap(response: Response<AxumBody>, mut in_flight: InFlight, shared: &Arc<Shared>) -> Response<Self> {
        let (parts, body) = response.into_parts();
        in_flight.answered(parts.status);
        let expected_bytes = if has_no_body(&in_flight.facts().method, parts.status) {
            Some(0)
        } else {
            body.size_hint().exact().or_else(|| content_length(&parts.headers))
        };
        let endless = is_event_stream(&parts.headers)
            .then(|| Endless { drain: Box::pin(shared.drain.clone().cancelled_owned()), shared: shared.clone() });
        Response::from_parts(parts, Self { body, in_flight, expected_bytes, held_up: false, endless })
    }

    fn go_on(&mut self) {
        if self.held_up {
            self.held_up = false;
            self.in_flight.activity().response_goes_on();
        }
    }

    fn poll_inner(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.body).poll_frame(context)));
        polled.unwrap_or_else(|panic| {
            self.in_flight.panicked(panic_text(panic.as_ref()));
            Poll::Ready(Some(Err(axum::Error::new(BodyPanicked))))
        })
    }
}

/// An error and what caused it, outermost first.
fn with_causes(error: &axum::Error) -> String {
    let (mut text, mut next) = (error.to_string(), std::error::Error::source(error));
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        // Some say their cause themselves.
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

/// What is announced of a body that doesn't tell its size itself.
fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.go_on();
        let Self { endless, in_flight, .. } = &mut *self;
        if endless.as_mut().is_some_and(|endless| endless.is_over(in_flight.activity(), context)) {
            self.in_flight.end(Ending::Complete);
            return Poll::Ready(None);
        }
        let frame = ready!(self.poll_inner(context));
        match &frame {
            None => self.in_flight.end(Ending::Complete),
            Some(Err(error)) => self.in_flight.end(Ending::Failed(with_causes(error))),
            Some(Ok(frame)) => {
                self.in_flight.sent(frame.data_ref().map_or(0, Bytes::len));
                self.held_up = true;
                self.in_flight.activity().response_held_up(Instant::now());
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        self.go_on();
        // A body of known length is not asked for its end.
        if self.expected_bytes.is_some_and(|expected| self.in_flight.sent_bytes() >= expected) {
            self.in_flight.end(Ending::Complete);
        }
    }
}

fn has_no_body(method: &Method, status: StatusCode) -> bool {
    method == Method::HEAD
        || status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes);
    kind.is_some_and(|kind| kind.starts_with(b"text/event-stream"))
}
