//! Requests that can't be read as HTTP: the parser refuses them with an empty answer, which gets its body and its log
//! line here.
//!
//! Invariants:
//! - Only the parser's own refusal is ever replaced: it is the first thing written after everything before it was flushed
//!   and with no request being served, it is a bare head, and it lacks the `x-request-id` that every other answer has. The
//!   bytes of a body can't meet that: a head goes before them, and they aren't flushed while their request goes on.
//! - The parser learns that its bytes are written only when all of the replacement is.

use std::{
    io,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use ods_api::{ApiError, Code};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{activity::Activity, limits::REQUEST_HEAD_BYTES_MAX, service::fresh_id};

/// The longest head of a refusal by the parser.
const REFUSAL_BYTES_MAX: usize = 256;

/// The longest body that the parser can count; a longer one it takes for a head that is too long.
const COUNTED_BYTES_MAX: u64 = u64::MAX - 2;

/// A stream below the HTTP parser that explains its refusals.
#[derive(Debug)]
pub(super) struct Explaining<S> {
    stream: S,
    activity: Arc<Activity>,
    peer: IpAddr,
    /// Nothing is on its way out, and no request is being served.
    rests: bool,
    /// What was read meanwhile: the head of the next request, or its beginning.
    head: Vec<u8>,
    replacement: Option<Replacement>,
}

#[derive(Debug)]
struct Replacement {
    bytes: Vec<u8>,
    written: usize,
    /// What the parser believes that it writes.
    replaces_bytes: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Explaining<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>, peer: IpAddr) -> Self {
        Self { stream, activity, peer, rests: true, head: Vec::new(), replacement: None }
    }

    /// The replacement for what is about to be written, if that is the parser's refusal.
    fn explain(&mut self, pieces: &[io::IoSlice<'_>]) {
        if !self.rests || self.activity.serves() {
            return;
        }
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        if length > REFUSAL_BYTES_MAX {
            return;
        }
        let head = pieces.iter().flat_map(|piece| piece.iter().copied()).collect::<Vec<u8>>();
        let Some(status) = std::str::from_utf8(&head).ok().and_then(refused_status) else { return };
        let id = fresh_id();
        tracing::info!(target: "ods::request", status, client = %self.peer, request_id = id, outcome = "unreadable", "request");
        self.replacement =
            Some(Replacement { bytes: answer(reason(status, &self.head), &id), written: 0, replaces_bytes: length });
    }

    fn poll_replacement(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<usize>>> {
        let Some(replacement) = &mut self.replacement else { return Poll::Ready(Ok(None)) };
        while replacement.written < replacement.bytes.len() {
            let rest = &replacement.bytes[replacement.written..];
            match ready!(Pin::new(&mut self.stream).poll_write(context, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => replacement.written += written,
            }
        }
        let replaces_bytes = replacement.replaces_bytes;
        self.replacement = None;
        Poll::Ready(Ok(Some(replaces_bytes)))
    }

    fn poll_explained(
        &mut self,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
        write: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if self.replacement.is_none() {
            self.explain(pieces);
        }
        if let Some(written) = ready!(self.poll_replacement(context))? {
            self.rests = false;
            return Poll::Ready(Ok(written));
        }
        (self.rests, self.head) = (false, Vec::new());
        write(Pin::new(&mut self.stream), context)
    }
}

/// The status of a bare refusal by the parser.
fn refused_status(head: &str) -> Option<u16> {
    let (line, rest) = head.split_once("\r\n")?;
    let status: u16 =
        line.strip_prefix("HTTP/1.1 ").or_else(|| line.strip_prefix("HTTP/1.0 "))?.get(..3)?.parse().ok()?;
    let rest = rest.to_ascii_lowercase();
    let is_bare =
        rest.ends_with("\r\n\r\n") && rest.contains("content-length: 0\r\n") && !rest.contains("x-request-id:");
    (is_bare && (400..500).contains(&status)).then_some(status)
}

/// Why the parser refused `head`.
fn reason(status: u16, head: &[u8]) -> (Code, &'static str) {
    match status {
        431 if is_endless(head) => (Code::TooLarge, "no body is as long as `Content-Length` says: correct it"),
        // Which of both it is shows in a head alone, and those that were sent ahead of an answer aren't kept.
        431 if head.is_empty() => (
            Code::HeadTooLarge,
            "the request's head is too long: shorten its address, or send fewer or shorter headers; or no body is as long as \
             its `Content-Length` says: correct it",
        ),
        431 => (
            Code::HeadTooLarge,
            "the request's head is too long: shorten its address, or send fewer or shorter headers",
        ),
        414 => (Code::AddressTooLong, "the request's address is too long: shorten it"),
        _ => (Code::Malformed, "this is not a request that HTTP allows (RFC 9112)"),
    }
}

/// Whether `head` announces a body of more bytes than can be counted.
fn is_endless(head: &[u8]) -> bool {
    let lines = head.split(|&byte| byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    let headers = lines.take_while(|line| !line.trim().is_empty()).filter_map(|line| line.split_once(':'));
    let lengths = headers.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths.filter_map(|(_, value)| value.trim().parse::<u64>().ok()).any(|bytes| bytes > COUNTED_BYTES_MAX)
}

fn answer((code, detail): (Code, &str), id: &str) -> Vec<u8> {
    let body = ApiError::new(code, detail).body(Some(id.to_owned()));
    let (status, length) = (code.status(), body.len());
    let mut answer = format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: application/problem+json\r\n\
         content-length: {length}\r\nx-request-id: {id}\r\n\r\n"
    )
    .into_bytes();
    answer.extend(body);
    answer
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Explaining<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if self.rests && self.head.len() < REQUEST_HEAD_BYTES_MAX && !self.activity.serves() {
            self.head.extend_from_slice(&buffer.filled()[before..]);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Explaining<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_explained(context, &[io::IoSlice::new(bytes)], |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_explained(context, pieces, |stream, context| stream.poll_write_vectored(context, pieces))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.rests = !self.activity.serves();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::{is_endless, refused_status};

    #[test]
    fn only_a_length_that_cant_be_counted_is_endless() {
        let head = |headers: &str| {
            format!("PUT /x HTTP/1.1\r\nHost: y\r\n{headers}\r\n\r\nContent-Length: 18446744073709551615")
        };
        for endless in ["Content-Length: 18446744073709551615", "x: y\r\ncontent-length:18446744073709551614 "] {
            assert!(is_endless(head(endless).as_bytes()), "{endless}");
        }
        for other in
            ["Content-Length: 18446744073709551613", "content-length: 18446744073709551616", "x: 18446744073709551615"]
        {
            assert!(!is_endless(head(other).as_bytes()), "{other}");
        }
    }

    #[test]
    fn only_the_parsers_bare_refusals_are_known() {
        let bare =
            "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\ndate: x\r\n\r\n";
        assert_eq!(refused_status(bare), Some(431));
        for other in [
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nx-request-id: a\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n",
            "\0\0\u{12}\u{4}",
            "",
        ] {
            assert_eq!(refused_status(other), None, "{other:?}");
        }
    }
}
