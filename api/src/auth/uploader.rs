//! Resumable uploads of a publisher: those below its token's prefixes. Another's there may be continued as well; it is published
//! in the name of who finishes it.

use ods_store::{
    Condition, Digest, MetaPatch, NewUpload, Published, Sha256, StoreError, UploadError, UploadId, UploadStatus,
    UploadTurn,
};

use super::publisher::{PackageWriter, Publisher};
use crate::error::ApiError;

/// Rows that are looked at for one page.
const EXAMINED_MAX: usize = ods_store::PAGE_ROWS_MAX;

/// What is to be sent.
pub(crate) struct Announced {
    pub(crate) meta: MetaPatch,
    pub(crate) condition: Condition,
    pub(crate) bytes: u64,
    pub(crate) sha256: Option<Sha256>,
    pub(crate) blake3: Option<Digest>,
    pub(crate) told: String,
}

/// Leave to go on with one upload. All its calls block.
#[derive(Clone)]
pub(crate) struct Uploader {
    writer: PackageWriter,
    status: UploadStatus,
}

impl PackageWriter {
    /// Begins a resumable upload of this package.
    pub(crate) fn create_upload(&self, announced: Announced) -> Result<Uploader, ApiError> {
        let Announced { meta, condition, bytes, sha256, blake3, told } = announced;
        let new = NewUpload { request: self.request(meta, condition), bytes, sha256, blake3, told };
        let status = self.store().create_upload(&new, self.reader().now())?;
        Ok(Uploader { writer: self.clone(), status })
    }
}

impl Publisher {
    /// Leave to go on with an upload. One outside the token's prefixes is as good as none.
    pub(crate) fn upload(&self, id: UploadId) -> Result<Uploader, ApiError> {
        let found = self.reader().state().store.upload(id)?;
        let status = found.filter(|status| self.reader().covers(&status.path));
        let status = status.ok_or(StoreError::Upload(UploadError::NoSuchUpload { id }))?;
        Ok(Uploader { writer: self.at(status.path.clone())?, status })
    }

    /// Up to `limit` uploads that go on, after an id, and the id to go on after if there may be more.
    pub(crate) fn uploads(
        &self,
        after: Option<UploadId>,
        limit: usize,
    ) -> Result<(Vec<UploadStatus>, Option<UploadId>), ApiError> {
        let examined = self.reader().state().store.uploads(after, EXAMINED_MAX)?;
        let mut items: Vec<UploadStatus> =
            examined.iter().filter(|status| self.reader().covers(&status.path)).take(limit + 1).cloned().collect();
        if items.len() > limit {
            items.truncate(limit);
            let next = items.last().map(|status| status.id);
            return Ok((items, next));
        }
        let next = examined.last().filter(|_| examined.len() == EXAMINED_MAX).map(|status| status.id);
        Ok((items, next))
    }
}

impl Uploader {
    /// How it stood when it was looked up.
    pub(crate) fn status(&self) -> &UploadStatus {
        &self.status
    }

    /// The same, with how it stands now.
    pub(crate) fn again(self) -> Result<Self, ApiError> {
        let status = self.writer.store().upload(self.status.id)?.unwrap_or(self.status);
        Ok(Self { writer: self.writer, status })
    }

    /// Leave to look at the package.
    pub(crate) fn writer(&self) -> &PackageWriter {
        &self.writer
    }

    /// Takes the next turn.
    pub(crate) fn take(&self) -> Result<UploadTurn, ApiError> {
        Ok(self.writer.store().take_upload(self.status.id)?)
    }

    /// Publishes what is here whole, in the caller's name.
    pub(crate) fn publish(&self, turn: &UploadTurn) -> Result<Published, ApiError> {
        let author = self.writer.must_still_hold()?;
        Ok(turn.publish(&author, self.writer.reader().now())?)
    }

    /// Forgets it.
    pub(crate) fn remove(&self) -> Result<bool, ApiError> {
        let author = self.writer.author();
        Ok(self.writer.store().remove_upload(self.status.id, &author, self.writer.reader().now())?)
    }
}
