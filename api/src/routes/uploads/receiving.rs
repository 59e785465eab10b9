//! The bytes of one request: taken in turn, held against their checksum, and the whole published with the last of them.

use axum::body::{Body, HttpBody as _};
use ods_store::{StoreError, UnixMillis, UploadTurn};
use sha1::Digest as _;

use super::super::receive::{self, Sink};
use super::headers::{Algorithm, Checksum};
use crate::auth::{Leave, MayEnd as _, Uploader};
use crate::blocking::blocking;
use crate::error::{ApiError, Code};

/// What a request says of its bytes.
pub(super) struct Part {
    pub(super) offset: u64,
    pub(super) checksum: Option<Checksum>,
}

/// Where a request's bytes go.
struct Taking {
    turn: UploadTurn,
    /// Asked anew each time: a request may last for hours.
    clock: fn() -> UnixMillis,
}

enum Hasher {
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
}

impl Hasher {
    fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha1 => Self::Sha1(sha1::Sha1::new()),
            Algorithm::Sha256 => Self::Sha256(sha2::Sha256::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha1(hasher) => hasher.finalize().to_vec(),
            Self::Sha256(hasher) => hasher.finalize().to_vec(),
        }
    }
}

impl Sink for Taking {
    fn take(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.turn.write(bytes, (self.clock)())
    }
}

impl Sink for Hasher {
    fn take(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.update(bytes);
        Ok(())
    }
}

impl Taking {
    /// Takes the turn, if the upload stands where the bytes begin and has room for `bytes`.
    fn begin(uploader: &Uploader, part: &Part, bytes: Option<u64>) -> Result<Self, ApiError> {
        let (turn, total) = (uploader.take()?, uploader.status().bytes);
        let stands = turn.offset()?;
        if stands != part.offset {
            let detail =
                format!("the upload stands at {stands}, the bytes begin at {}; HEAD tells where to go on", part.offset);
            return Err(ApiError::new(Code::OffsetMismatch, detail).fact("offset", stands));
        }
        if bytes.is_some_and(|bytes| bytes > total - stands) {
            let detail = format!("the upload has {total} bytes, and these would be more; none were taken");
            return Err(ApiError::new(Code::TooLarge, detail).fact("max", total));
        }
        if part.checksum.is_some() && stands < total {
            turn.begin_checked()?;
        }
        Ok(Self { turn, clock: uploader.writer().reader().state().clock() })
    }

    /// Keeps what came, or forgets it if its checksum is wrong or it isn't whole.
    fn end(self, checked: Option<(Checksum, Hasher)>, cut: Option<ApiError>) -> Result<UploadTurn, ApiError> {
        let turn = self.turn;
        let Some((checksum, hasher)) = checked else { return cut.map_or(Ok(turn), Err) };
        if let Some(error) = cut {
            turn.reject()?;
            return Err(error);
        }
        if hasher.finish() != checksum.expected {
            turn.reject()?;
            let detail =
                "the bytes don't have the checksum of `Upload-Checksum`; none of them were taken. Send them again";
            return Err(ApiError::new(Code::ChecksumMismatch, detail));
        }
        turn.accept((self.clock)())?;
        Ok(turn)
    }
}

/// Takes a request's bytes; tells where the upload stands then.
pub(super) async fn receive(uploader: &Uploader, part: Part, body: Body) -> Result<u64, ApiError> {
    let bytes = body.size_hint().exact();
    let (taking, part) = {
        let uploader = uploader.clone();
        blocking(move || Taking::begin(&uploader, &part, bytes).map(|taking| (taking, part))).await?
    };
    let hasher = part.checksum.as_ref().map(|checksum| Hasher::new(checksum.algorithm));
    let leave = Leave::new(uploader.writer().reader().clone());
    let ((taking, hasher), cut) = match receive::receive(taking, hasher, body, &leave).await? {
        receive::Body::Whole(taken) => (taken, None),
        receive::Body::Cut(taken, error) => (taken, Some(error)),
    };
    let uploader = uploader.clone();
    blocking(move || {
        let turn = taking.end(part.checksum.zip(hasher), cut)?;
        // What came stays, for whoever goes on.
        uploader.writer().reader().must_still_hold()?;
        publish_if_whole(&uploader, &turn)
    })
    .await
}

/// Where an upload stands; one that is whole is published first.
pub(super) async fn stand(uploader: &Uploader) -> Result<u64, ApiError> {
    let uploader = uploader.clone();
    blocking(move || publish_if_whole(&uploader, &uploader.take()?)).await
}

fn publish_if_whole(uploader: &Uploader, turn: &UploadTurn) -> Result<u64, ApiError> {
    if turn.is_whole()? {
        uploader.publish(turn)?;
        return Ok(uploader.status().bytes);
    }
    Ok(turn.offset()?)
}
