//! Frames: the exact bytes that are signed, stored and relayed, of events and of roster statements.
//!
//! ```text
//! format u8 ‖ kind u8 ‖ header (postcard) ‖ body length u32 LE ‖ body (postcard)
//! id        = BLAKE3 derive_key(context, frame)
//! signature = ed25519 over the id, by the key in the header; checked with verify_strict
//! ```
//!
//! Architecture invariant: a frame is never re-encoded. What was received is what is stored and sent on, so an unknown
//! kind or a longer body of a later version travels through this one unharmed.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize as _, Deserializer, Serialize};

use crate::limits::FRAME_BYTES_MAX;

/// The format byte of every frame this version writes and reads.
pub const FORMAT: u8 = 1;
/// Bytes of an ed25519 signature.
pub const SIGNATURE_BYTES: usize = 64;

/// Why bytes are not a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// More than [`FRAME_BYTES_MAX`], or than its kind may have.
    #[error("the frame has {bytes} bytes; at most {max} are allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The cap.
        max: usize,
    },
    /// The format byte is not one this version reads.
    #[error("frame format {format} is not known to this version; upgrade this node")]
    UnknownFormat {
        /// The byte.
        format: u8,
    },
    /// The header does not decode.
    #[error("the frame's header does not decode")]
    BadHeader,
    /// The body's length does not fit the frame.
    #[error("the frame's body length is wrong")]
    BadLength,
    /// The body of a known kind does not decode.
    #[error("the frame's body does not decode")]
    BadBody,
    /// A cap of `limits.rs` is exceeded.
    #[error("the frame's {what} exceeds its cap of {max}")]
    OverCap {
        /// Which part.
        what: &'static str,
        /// The cap.
        max: usize,
    },
    /// The signature is not the signer's over this frame.
    #[error("the frame's signature is wrong")]
    BadSignature,
}

/// A frame cut into its parts.
pub(crate) struct Parts<'a, H> {
    pub(crate) kind: u8,
    pub(crate) header: H,
    pub(crate) body: &'a [u8],
}

/// Reads a signature that came with a frame. One of another length is refused at once: a list of things that take two bytes
/// each on the wire would take 24 times as much in memory.
pub(crate) fn signature<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    let bytes = Vec::deserialize(from)?;
    if bytes.len() == SIGNATURE_BYTES { Ok(bytes) } else { Err(D::Error::custom("a signature has 64 bytes")) }
}

/// Writes a frame.
pub(crate) fn encode<H: Serialize, B: Serialize>(kind: u8, header: &H, body: &B) -> Vec<u8> {
    let body = to_vec(body);
    let mut frame = vec![FORMAT, kind];
    frame.extend_from_slice(&to_vec(header));
    let length = u32::try_from(body.len()).expect("a frame's caps keep its body far below 4 GiB");
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&body);
    frame
}

/// Cuts a frame into its parts; the body is left undecoded, since its kind may be unknown.
pub(crate) fn decode<H: DeserializeOwned>(frame: &[u8]) -> Result<Parts<'_, H>, FrameError> {
    decode_within(frame, FRAME_BYTES_MAX)
}

/// Cuts a frame of at most `max` bytes into its parts.
pub(crate) fn decode_within<H: DeserializeOwned>(frame: &[u8], max: usize) -> Result<Parts<'_, H>, FrameError> {
    if frame.len() > max {
        return Err(FrameError::TooLong { bytes: frame.len(), max });
    }
    let [format, kind, rest @ ..] = frame else { return Err(FrameError::BadHeader) };
    if *format != FORMAT {
        return Err(FrameError::UnknownFormat { format: *format });
    }
    let (header, rest) = postcard::take_from_bytes(rest).map_err(|_| FrameError::BadHeader)?;
    let (length, body) = rest.split_first_chunk::<4>().ok_or(FrameError::BadLength)?;
    if usize::try_from(u32::from_le_bytes(*length)) != Ok(body.len()) {
        return Err(FrameError::BadLength);
    }
    Ok(Parts { kind: *kind, header, body })
}

/// Decodes the body of a known kind; trailing bytes are a later version's additions and are left alone.
pub(crate) fn decode_body<B: DeserializeOwned>(body: &[u8]) -> Result<B, FrameError> {
    postcard::take_from_bytes(body).map(|(body, _)| body).map_err(|_| FrameError::BadBody)
}

/// Errs if `count` is over `max`.
pub(crate) fn cap(what: &'static str, count: usize, max: usize) -> Result<(), FrameError> {
    if count > max { Err(FrameError::OverCap { what, max }) } else { Ok(()) }
}

/// A frame's id in `context`.
pub(crate) fn id(context: &str, frame: &[u8]) -> [u8; 32] {
    blake3::derive_key(context, frame)
}

fn to_vec<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain data always serialises into memory")
}
