//! A plain connection that sends parts of files by `sendfile(2)` where its HTTP library hands it placeholders for them.
//!
//! Linux only; elsewhere a connection has no [`FileSlices`], so no body makes placeholders.

use std::{
    fs::File,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use ods_api::{FileSlices, Misplaced};
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::TcpStream,
};

/// A socket that knows placeholders.
#[derive(Debug)]
pub(super) struct SlicingStream {
    stream: TcpStream,
    slices: FileSlices,
}

/// Why some of a file wasn't sent.
#[derive(Debug)]
struct SendError(io::Error);

impl From<Misplaced> for SendError {
    fn from(misplaced: Misplaced) -> Self {
        Self(io::Error::other(misplaced))
    }
}

impl SlicingStream {
    /// The socket, and what its requests may queue slices in.
    pub(super) fn new(stream: TcpStream, slices: FileSlices) -> Self {
        Self { stream, slices }
    }

    /// Does what may block, once the socket takes bytes.
    fn poll_send(
        &self,
        context: &mut Context<'_>,
        mut send: impl FnMut() -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(context))?;
            match self.stream.try_io(Interest::WRITABLE, &mut send) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                sent => return Poll::Ready(sent),
            }
        }
    }

    fn poll_send_slice(&self, context: &mut Context<'_>, placeholder: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_send(context, || {
            let sent = self.slices.send(placeholder, |file, offset, bytes| self.send_file(file, offset, bytes));
            sent.map_err(|SendError(error)| error)
        })
    }

    fn send_file(&self, file: &File, mut offset: u64, bytes: usize) -> Result<usize, SendError> {
        match rustix::fs::sendfile(&self.stream, file, Some(&mut offset), bytes) {
            Ok(0) => Err(SendError(io::ErrorKind::UnexpectedEof.into())),
            Ok(sent) => Ok(sent),
            Err(errno) => Err(SendError(errno.into())),
        }
    }

    /// Sends what goes before a slice, for one packet with it.
    fn poll_send_more(&self, context: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.poll_send(context, || {
            let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
            Ok(sendmsg(&self.stream, pieces, &mut SendAncillaryBuffer::default(), flags)?)
        })
    }
}

impl AsyncRead for SlicingStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for SlicingStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match pieces.iter().position(|piece| FileSlices::is_placeholder(piece)) {
            None => Pin::new(&mut self.stream).poll_write_vectored(context, pieces),
            Some(at) if pieces[..at].iter().all(|piece| piece.is_empty()) => self.poll_send_slice(context, &pieces[at]),
            Some(at) => self.poll_send_more(context, &pieces[..at]),
        }
    }

    /// Always: a library that copied pieces together would copy placeholders.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
