//! A request's body that fails when the client stops sending it, or nearly does, or breaks it off, and of which what nobody read is
//! handed back.

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
use tokio::{
    sync::watch,
    time::{Instant, Sleep, sleep_until, timeout},
};

use prometheus::IntCounter;

use super::{
    Shared,
    activity::Activity,
    crowd::Crowd,
    limits::{BODY_PROGRESS_BYTES, ListenLimits, REST_BYTES_MAX},
};

type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// Why a body isn't waited for any more, in words for its sender. Found as the source of an [`io::Error`]: of kind `TimedOut` if that
/// is the sender's fault, of kind `ResourceBusy` if others have better use of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyStalled {
    /// The client stopped sending, or nearly did.
    #[error("{} bytes of the body came in {:.1} s: it isn't waited for any more", .0.bytes, .0.waited.as_secs_f32())]
    Lately(Stretch),
    /// Others may have better use of its connection.
    #[error(
        "{} bytes of the body came in {:.1} s, which is too slow while others wait for a connection",
        .0.bytes, .0.waited.as_secs_f32()
    )]
    Crowded(Stretch),
}

/// How long a body may be waited for: at most so long until [`BODY_PROGRESS_BYTES`] more of it are here; and while others
/// press for a connection, no longer than if as many had come in each of shorter times.
#[derive(Debug, Clone)]
pub(super) struct Patience {
    timeout: Duration,
    crowded_timeout: Duration,
    crowd: watch::Receiver<Crowd>,
}

impl Patience {
    pub(super) fn of(shared: &Shared) -> Self {
        let ListenLimits { body_stall_timeout: timeout, crowded_body_stall_timeout, .. } = shared.limits;
        Self { timeout, crowded_timeout: crowded_body_stall_timeout.min(timeout), crowd: shared.caps.crowd() }
    }

    fn judge(&self, lately: Stretch, in_all: Stretch) -> Result<(), BodyStalled> {
        let steps = u32::try_from(1 + in_all.bytes / BODY_PROGRESS_BYTES).unwrap_or(u32::MAX);
        if lately.waited >= self.timeout {
            return Err(BodyStalled::Lately(lately));
        }
        if *self.crowd.borrow() == Crowd::Presses && in_all.waited >= self.crowded_timeout.saturating_mul(steps) {
            return Err(BodyStalled::Crowded(in_all));
        }
        Ok(())
    }
}

/// How much came of a body, and how long it was waited for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    bytes: u64,
    waited: Duration,
}

/// How a body comes.
#[derive(Debug, Default)]
struct Progress {
    in_all: Stretch,
    /// Since [`BODY_PROGRESS_BYTES`] had come last.
    lately: Stretch,
    /// Since when it is waited for, and until it is looked at again.
    waiting: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Progress {
    fn came(&mut self, bytes: u64) {
        self.stop_waiting();
        self.in_all.bytes += bytes;
        self.lately.bytes += bytes;
        if self.lately.bytes >= BODY_PROGRESS_BYTES {
            self.lately = Stretch::default();
        }
    }

    fn stop_waiting(&mut self) {
        if let Some((since, _)) = self.waiting.take() {
            let waited = since.elapsed();
            self.in_all.waited += waited;
            self.lately.waited += waited;
        }
    }

    /// Waits on, as long as `patience` lasts.
    fn poll_wait(&mut self, patience: &Patience, context: &mut Context<'_>) -> Poll<BodyStalled> {
        loop {
            self.stop_waiting();
            if let Err(stalled) = patience.judge(self.lately, self.in_all) {
                return Poll::Ready(stalled);
            }
            // Others may come to wait meanwhile.
            let soon = patience.timeout.saturating_sub(self.lately.waited).min(patience.crowded_timeout);
            let now = Instant::now();
            let (_, sleep) = self.waiting.insert((now, Box::pin(sleep_until(now + soon))));
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

/// The body of a request. The time counts only while somebody waits for a byte: a slow disk is not the client's fault.
#[derive(Debug)]
pub(super) struct RequestBody<B> {
    /// There until it is handed back.
    body: Option<B>,
    left: Left<B>,
    patience: Patience,
    progress: Progress,
    activity: Arc<Activity>,
    received: Option<IntCounter>,
    /// Whether the body's end is a frame of its own, as on HTTP/2: hyper takes a stream reset with `NO_ERROR` for one that ended.
    end_is_told: bool,
    ended: bool,
    failed: bool,
}

impl<B: Body> RequestBody<B> {
    pub(super) fn new(body: B, patience: Patience, activity: Arc<Activity>) -> Self {
        let ended = body.is_end_stream();
        Self {
            body: Some(body),
            left: Left::default(),
            patience,
            progress: Progress::default(),
            activity,
            received: None,
            end_is_told: false,
            ended,
            failed: false,
        }
    }

    /// Where what is left of it will be.
    pub(super) fn left(&self) -> Left<B> {
        self.left.clone()
    }

    /// Takes nothing for its end but what says so.
    pub(super) fn with_end_told(mut self, is_told: bool) -> Self {
        self.end_is_told = is_told;
        self
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
        let end_is_told = self.end_is_told;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(context) {
            if frame.is_none() && end_is_told && !body.is_end_stream() {
                self.failed = true;
                return Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())));
            }
            let ended = frame.is_none() || body.is_end_stream();
            let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
            let bytes = data.map_or(0, |bytes| bytes.len() as u64);
            self.progress.came(bytes);
            if let Some(received) = &self.received {
                received.inc_by(bytes);
            }
            self.ended = ended;
            self.failed |= matches!(frame, Some(Err(_)));
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let Self { progress, patience, .. } = &mut *self;
        progress.poll_wait(patience, context).map(|stalled| {
            self.failed = true;
            let kind = match stalled {
                BodyStalled::Lately(_) => io::ErrorKind::TimedOut,
                BodyStalled::Crowded(_) => {
                    self.activity.give_way(Instant::now());
                    io::ErrorKind::ResourceBusy
                }
            };
            Some(Err(io::Error::new(kind, stalled).into()))
        })
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
