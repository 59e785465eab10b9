//! A request's body that fails when the client stops sending it.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use prometheus::IntCounter;

use super::activity::Activity;

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
    body: B,
    timeout: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
    activity: Arc<Activity>,
    received: Option<IntCounter>,
    ended: bool,
}

impl<B: Body> RequestBody<B> {
    pub(super) fn new(body: B, timeout: Duration, activity: Arc<Activity>) -> Self {
        let ended = body.is_end_stream();
        Self { body, timeout, waiting: None, activity, received: None, ended }
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
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.waiting = None;
            if let (Some(received), Some(Ok(frame))) = (&self.received, &frame) {
                received.inc_by(frame.data_ref().map_or(0, |bytes| bytes.len() as u64));
            }
            self.ended = frame.is_none() || self.body.is_end_stream();
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let timeout = self.timeout;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + timeout)));
        match waiting.as_mut().poll(context) {
            Poll::Ready(()) => {
                let stalled = io::Error::new(io::ErrorKind::TimedOut, BodyStalled { timeout });
                Poll::Ready(Some(Err(stalled.into())))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<B> Drop for RequestBody<B> {
    fn drop(&mut self) {
        if !self.ended {
            self.activity.body_left_unread();
        }
    }
}
