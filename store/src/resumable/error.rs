//! What can happen to a resumable upload.

use super::UploadId;

/// Something about a resumable upload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UploadError {
    /// No resumable upload has this id, or it ended.
    #[error("there is no upload {id}; it was published, removed or abandoned. Begin a new one")]
    NoSuchUpload {
        /// The id asked for.
        id: UploadId,
    },
    /// Somebody else goes on with the upload.
    #[error("upload {id} is being continued by another request")]
    Taken {
        /// The upload.
        id: UploadId,
    },
    /// More bytes than the upload was to have.
    #[error("upload {id} has {bytes} bytes, and more were sent")]
    TooLong {
        /// The upload.
        id: UploadId,
        /// How many it was to have.
        bytes: u64,
    },
    /// An upload can't be published before all its bytes are here.
    #[error("upload {id} lacks {missing} bytes")]
    Incomplete {
        /// The upload.
        id: UploadId,
        /// How many are missing.
        missing: u64,
    },
    /// The bytes of an upload don't have the digest that was announced.
    #[error("the {algorithm} of the bytes that arrived is {actual}, announced was {expected}; nothing was published")]
    DigestMismatch {
        /// Which digest.
        algorithm: &'static str,
        /// What was announced.
        expected: String,
        /// What it is.
        actual: String,
    },
}
