//! What a token of scope `publish` may do.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use ods_store::{
    Author, Condition, EventId, MetaPatch, PackagePath, PublishRequest, Published, Received, Scope, Store, StoreError,
    Upload,
};

use super::{AppState, MayEnd as _, Reader, Session};
use crate::error::{ApiError, Code};

/// Leave to publish, below the token's prefixes.
#[derive(Clone)]
pub(crate) struct Publisher(Reader);

impl FromRequestParts<AppState> for Publisher {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let session = Session::of(parts, state, Scope::Publish).await?;
        Ok(Self(Reader { state: state.clone(), session }))
    }
}

/// Leave to change one package. All its calls block.
#[derive(Clone)]
pub(crate) struct PackageWriter {
    reader: Reader,
    path: PackagePath,
}

impl Publisher {
    /// Who may publish may look.
    pub(crate) fn reader(&self) -> &Reader {
        &self.0
    }

    /// Leave to change the package at `path`, if the token's prefixes allow it.
    pub(crate) fn at(&self, path: PackagePath) -> Result<PackageWriter, ApiError> {
        let reader = self.0.clone();
        if reader.covers(&path) {
            return Ok(PackageWriter { reader, path });
        }
        let detail = format!("{} may publish only below its prefixes", reader.session.label());
        let error = ApiError::new(Code::NotAPublisher, detail).fact("path", path.as_str());
        Err(error.fact("prefixes", reader.session.who.prefixes().to_vec()))
    }
}

impl PackageWriter {
    pub(super) fn store(&self) -> &Store {
        &self.reader.state.store
    }

    pub(super) fn author(&self) -> Author {
        self.reader.session.author()
    }

    /// As whom it acts, unless it may no longer: for what is done once all bytes have come, which may take hours.
    pub(super) fn must_still_hold(&self) -> Result<Author, ApiError> {
        self.reader.must_still_hold()?;
        Ok(self.author())
    }

    pub(super) fn request(&self, meta: MetaPatch, condition: Condition) -> PublishRequest {
        PublishRequest { path: self.path.clone(), meta, condition, author: self.author() }
    }

    /// Who may change may look.
    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The package's path.
    pub(crate) fn path(&self) -> &PackagePath {
        &self.path
    }

    /// Refuses what would be refused anyway, and keeps room, before any byte is read.
    pub(crate) fn begin(
        &self,
        meta: &MetaPatch,
        condition: &Condition,
        bytes: Option<u64>,
    ) -> Result<Upload, ApiError> {
        self.store().check_publish(&self.request(meta.clone(), condition.clone()))?;
        Ok(self.store().begin_upload(bytes)?)
    }

    /// Makes bytes the current revision.
    pub(crate) fn publish(
        &self,
        bytes: Received,
        meta: MetaPatch,
        condition: Condition,
    ) -> Result<Published, ApiError> {
        self.must_still_hold()?;
        Ok(self.store().publish(bytes, &self.request(meta, condition), self.reader.now())?)
    }

    /// Makes the bytes of a revision, of this path or another that the token may read, the current revision.
    pub(crate) fn publish_held(
        &self,
        from: EventId,
        meta: MetaPatch,
        condition: Condition,
    ) -> Result<Published, ApiError> {
        self.must_read(from)?;
        Ok(self.store().publish_held(from, &self.request(meta, condition), self.reader.now())?)
    }

    /// Changes metadata.
    pub(crate) fn edit(&self, meta: MetaPatch, condition: Condition) -> Result<Published, ApiError> {
        Ok(self.store().edit(&self.request(meta, condition), self.reader.now())?)
    }

    /// Removes the package.
    pub(crate) fn remove(&self, condition: &Condition) -> Result<EventId, ApiError> {
        Ok(self.store().remove(&self.path, condition, &self.author(), self.reader.now())?)
    }

    /// Makes an earlier revision current, with its metadata.
    pub(crate) fn restore(&self, revision: EventId, condition: Condition) -> Result<Published, ApiError> {
        let restored = self.store().restore(revision, &self.request(MetaPatch::new(), condition), self.reader.now());
        restored.map_err(|error| match error {
            StoreError::NoSuchRevision { id } => self.not_of_this_path(id),
            other => other.into(),
        })
    }

    /// The error that a revision is none to restore of this path; whose it is, if the token may know.
    fn not_of_this_path(&self, id: EventId) -> ApiError {
        let found = match self.store().revision(&id) {
            Ok(found) => found.filter(|(path, _)| self.reader.covers(path)),
            Err(error) => return error.into(),
        };
        let Some((owner, _)) = found else { return StoreError::NoSuchRevision { id }.into() };
        let detail = if owner == self.path {
            format!("revision {id} is a removal, so there is nothing to restore; take the revision before it")
        } else {
            format!(
                "revision {id} belongs to {owner}, not to {}; restore it there, or publish its bytes here with \
                 `PUT /api/v1/packages/{{path}}?from={id}`",
                self.path
            )
        };
        let error = ApiError::new(Code::NoSuchRevision, detail).fact("revision", id.to_string());
        error.fact("path", self.path.as_str()).fact("belongs_to", owner.as_str())
    }

    /// A revision outside the token's prefixes is as good as none, so that its bytes can't be had by naming it.
    fn must_read(&self, revision: EventId) -> Result<(), ApiError> {
        let found = self.store().revision(&revision)?;
        match found {
            Some((path, _)) if self.reader.covers(&path) => Ok(()),
            Some(_) | None => Err(StoreError::NoSuchRevision { id: revision }.into()),
        }
    }
}
