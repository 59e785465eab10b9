//! A request's body that fails when the client stops sending it, and of which what nobody read is handed back.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use prometheus::IntCounter;

use super::{activity::Activity, limits::REST_BYTES_MAX};

type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The client sent nothing for too long while its body was waited for. Found as the source of an [`io::Error`] of kind
/// `TimedOut`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client sent no byte of the request's body for {} s", .timeout.as_secs_f32())]
pub(super) struct BodyStalled {
    /// How long it was waited for.
    timeout: Duration,
}

/// The body of a request. The time counts only while somebody waits for a byte: a slow disk is not the client's fault.
#[derive(Debug)]
pub(super) struct RequestBody<B> {
    /// There until it is handed back.
    body: Option<B>,
    left: Left<B>,
    timeout: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
    activity: Arc<Activity>,
    received: Option<IntCounter>,
    ended: bool,
    failed: bool,
}

impl<B: Body> RequestBody<B> {
    pub(super) fn new(body: B, timeout: Duration, activity: Arc<Activity>) -> Self {
        let ended = body.is_end_stream();
        Self {
            body: Some(body),
            left: Left::default(),
            timeout,
            waiting: None,
            activity,
            received: None,
            ended,
            failed: false,
        }
    }

    /// Where what is left of it will be.
    pub(super) fn left(&self) -> Left<B> {
        self.left.clone()
    }

    /// Adds the bytes that arrive to `received`.
    pub(super) fn counted(mut self, received: IntCounter) -> Self {
        self.received = Some(received);
        self
    }
}

impl<B> Body for RequestBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(context) {
            let ended = frame.is_none() || body.is_end_stream();
            self.waiting = None;
            if let (Some(received), Some(Ok(frame))) = (&self.received, &frame) {
                received.inc_by(frame.data_ref().map_or(0, |bytes| bytes.len() as u64));
            }
            self.ended = ended;
            self.failed |= matches!(frame, Some(Err(_)));
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let timeout = self.timeout;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + timeout)));
        match waiting.as_mut().poll(context) {
            Poll::Ready(()) => {
                self.failed = true;
                let stalled = io::Error::new(io::ErrorKind::TimedOut, BodyStalled { timeout });
                Poll::Ready(Some(Err(stalled.into())))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(B::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), B::size_hint)
    }
}

impl<B> Drop for RequestBody<B> {
    fn drop(&mut self) {
        if !self.ended {
            self.activity.body_left_unread();
            let rest = self.body.take().filter(|_| !self.failed).map_or(Rest::Broken, Rest::Unread);
            *self.left.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(rest);
        }
    }
}

/// Where what is left of a body is put when nobody reads on.
#[derive(Debug)]
pub(super) struct Left<B>(Arc<Mutex<Option<Rest<B>>>>);

/// What is left of a body that was given up before its end.
#[derive(Debug)]
pub(super) enum Rest<B> {
    /// This.
    Unread(B),
    /// Nothing that could be read: it broke.
    Broken,
}

impl<B> Left<B> {
    /// It, if the body was given up before its end.
    pub(super) fn take(&self) -> Option<Rest<B>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<B> Clone for Left<B> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<B> Default for Left<B> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// Reads what is left of a body to its end, if that is near and comes at once, so that the connection can be used again.
pub(super) async fn read_rest<B: Body<Data = Bytes> + Unpin>(rest: Rest<B>, patience: Duration) -> bool {
    let Rest::Unread(mut body) = rest else { return false };
    let mut room = REST_BYTES_MAX;
    let reading = async {
        while body.size_hint().lower() <= room {
            let Some(frame) = body.frame().await else { return true };
            let bytes = frame.ok().map(|frame| frame.data_ref().map_or(0, |bytes| bytes.len() as u64));
            let Some(left) = bytes.and_then(|bytes| room.checked_sub(bytes)) else { return false };
            room = left;
        }
        false
    };
    timeout(patience, reading).await.unwrap_or(false)
}
