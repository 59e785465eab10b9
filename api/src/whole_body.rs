//! A body taken into memory whole.
//!
//! Its bytes are copied as they come: a chunk that is kept as the connection gave it keeps the connection's buffer, however
//! short it is, so that a body sent byte by byte would take thousands of times its length.

use std::error::Error as _;
use std::io;

use axum::body::Body;
use futures_util::StreamExt as _;

use crate::error::{ApiError, Code};

/// Why a body isn't taken.
#[derive(Debug)]
pub enum BodyError {
    /// It has more bytes than it may have.
    TooLong,
    /// It broke off.
    Broken(axum::Error),
}

/// What a sender is told whose body isn't whole. Who gave it up has said why: in an error of kind `TimedOut` if it hardly came, of
/// kind `ResourceBusy` if the node needs its connection for others.
pub(crate) fn broken(error: &axum::Error) -> ApiError {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            match error.kind() {
                io::ErrorKind::ResourceBusy => return ApiError::no_place(&error.to_string()),
                io::ErrorKind::TimedOut => return ApiError::new(Code::BodyIncomplete, error.to_string()),
                _ => {}
            }
        }
        source = error.source();
    }
    ApiError::new(Code::BodyIncomplete, "the body broke off before its end")
}

/// The bytes of a body that may have so many at most.
pub async fn whole_body(body: Body, bytes_max: usize) -> Result<Vec<u8>, BodyError> {
    // Before the first byte is asked for, which would tell who waits for a 100 to send them all.
    if http_body::Body::size_hint(&body).lower() > bytes_max as u64 {
        return Err(BodyError::TooLong);
    }
    let mut came = Vec::new();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(BodyError::Broken)?;
        if chunk.len() > bytes_max - came.len() {
            return Err(BodyError::TooLong);
        }
        came.extend_from_slice(&chunk);
    }
    Ok(came)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn body(chunks: Vec<std::io::Result<Bytes>>) -> Body {
        Body::from_stream(futures_util::stream::iter(chunks))
    }

    #[tokio::test]
    async fn it_is_taken_whole_or_not_at_all() {
        let some = || vec![Ok(Bytes::from_static(b"so")), Ok(Bytes::from_static(b"me"))];
        assert_eq!(whole_body(body(some()), 4).await.expect("it is whole"), b"some");
        assert!(matches!(whole_body(body(some()), 3).await, Err(BodyError::TooLong)));
        let cut = some().into_iter().chain([Err(std::io::Error::other("cut"))]).collect();
        assert!(matches!(whole_body(body(cut), 9).await, Err(BodyError::Broken(_))));
    }

    #[tokio::test]
    async fn its_sender_is_told_what_happened() {
        let broken_by = async |kind: io::ErrorKind| {
            let outcome = whole_body(body(vec![Err(io::Error::new(kind, "it came slowly"))]), 9).await;
            let Err(BodyError::Broken(error)) = outcome else { panic!("{outcome:?}") };
            broken(&error)
        };
        for (kind, code, text) in [
            (io::ErrorKind::TimedOut, Code::BodyIncomplete, "it came slowly"),
            (io::ErrorKind::ResourceBusy, Code::Busy, "it came slowly"),
            (io::ErrorKind::UnexpectedEof, Code::BodyIncomplete, "the body broke off before its end"),
        ] {
            let told = broken_by(kind).await;
            assert_eq!((told.code(), told.detail()), (code, text));
        }
    }

    #[tokio::test]
    async fn no_buffer_of_the_connection_is_kept() {
        let buffer = Bytes::from(vec![7; 8192]);
        let taken = whole_body(body(vec![Ok(buffer.slice(..1))]), 9).await.expect("it is whole");
        assert_eq!(taken, [7]);
        assert!(buffer.is_unique(), "what was taken is a copy");
    }
}
