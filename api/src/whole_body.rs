//! A body taken into memory whole.
//!
//! Its bytes are copied as they come: a chunk that is kept as the connection gave it keeps the connection's buffer, however
//! short it is, so that a body sent byte by byte would take thousands of times its length.

use std::error::Error as _;
use std::io;

use axum::body::Body;
use futures_util::StreamExt as _;

/// Why a body isn't taken.
#[derive(Debug)]
pub enum BodyError {
    /// It has more bytes than it may have.
    TooLong,
    /// It broke off.
    Broken(axum::Error),
}

/// What happened to a body that isn't whole, for its sender. Who gave it up has said why in an error of kind `TimedOut`.
pub(crate) fn broken(error: &axum::Error) -> String {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<io::Error>().filter(|error| error.kind() == io::ErrorKind::TimedOut) {
            return error.to_string();
        }
        source = error.source();
    }
    "the body broke off before its end".to_owned()
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
        assert_eq!(broken_by(io::ErrorKind::TimedOut).await, "it came slowly");
        assert_eq!(broken_by(io::ErrorKind::UnexpectedEof).await, "the body broke off before its end");
    }

    #[tokio::test]
    async fn no_buffer_of_the_connection_is_kept() {
        let buffer = Bytes::from(vec![7; 8192]);
        let taken = whole_body(body(vec![Ok(buffer.slice(..1))]), 9).await.expect("it is whole");
        assert_eq!(taken, [7]);
        assert!(buffer.is_unique(), "what was taken is a copy");
    }
}
