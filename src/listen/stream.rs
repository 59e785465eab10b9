//! A connection's byte stream, which reports what goes through it and closes politely.
//!
//! The connection's permit lives here, so that it counts for as long as the socket is open, also after an upgrade.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

use super::{activity::Activity, caps::ConnectionPermit, limits::LINGER};

const DISCARD_BYTES: usize = 16 * 1024;

/// A stream that tells the connection's [`Activity`] about its reads and writes.
#[derive(Debug)]
pub(super) struct WatchedStream<S> {
    stream: S,
    activity: Arc<Activity>,
    closing: Closing,
    _permit: ConnectionPermit,
}

#[derive(Debug)]
enum Closing {
    NotYet,
    /// Our end is closed; what still comes in is thrown away until then.
    Lingering(Pin<Box<Sleep>>),
    Done,
}

impl<S: AsyncRead + AsyncWrite + Unpin> WatchedStream<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>, permit: ConnectionPermit) -> Self {
        Self { stream, activity, closing: Closing::NotYet, _permit: permit }
    }

    fn report_write(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(bytes)) => self.activity.wrote(*bytes, Instant::now()),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.activity.write_blocked(Instant::now()),
        }
        written
    }

    fn report_flush(&self, flushed: Poll<io::Result<()>>) -> Poll<io::Result<()>> {
        match &flushed {
            Poll::Ready(_) => self.activity.flushed(),
            Poll::Pending => self.activity.write_blocked(Instant::now()),
        }
        flushed
    }

    /// Throws away what comes in until the client closes its end too; pending until then.
    fn poll_discard(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut bytes = [0; DISCARD_BYTES];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                Ok(()) | Err(_) => return Poll::Ready(()),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for WatchedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.activity.read(Instant::now());
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WatchedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.report_write(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.report_write(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.report_flush(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.closing, Closing::NotYet) {
            let shut = Pin::new(&mut self.stream).poll_shutdown(context);
            ready!(self.report_flush(shut))?;
            self.closing = if self.activity.has_unread_body() {
                Closing::Lingering(Box::pin(sleep(LINGER)))
            } else {
                Closing::Done
            };
        }
        if let Closing::Lingering(until) = &mut self.closing
            && until.as_mut().poll(context).is_pending()
        {
            ready!(self.poll_discard(context));
        }
        self.closing = Closing::Done;
        Poll::Ready(Ok(()))
    }
}
