//! Sending a large file so that it can be gone on with: after a cut, and by the next `ods push` of the same file.
//!
//! The node remembers unfinished uploads, so nothing is kept here: one of the same path, size, digest and metadata is gone
//! on with, whoever began it. Two pushes of the same file at once would take it from each other, so the one that lost it begins
//! another.

use std::collections::BTreeMap;

use ods_api::{
    ClientError, Guard, PageQuery, Problem, PublishQuery, PublishedView, Upload, UploadRefusalView, UploadView,
    upload_metadata,
};
use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};

use super::Target;
use super::upload::{Order, Stopped, cannot_read};
use crate::cli::{Bar, Connected};

/// Files from this size on are sent in a way that can be gone on with; smaller ones are sent again whole.
pub(super) const RESUMABLE_BYTES: u64 = 8 << 20;

/// Pages of unfinished uploads that are looked at.
const PAGES_MAX: usize = 10;

/// The resumable upload of earlier attempts.
#[derive(Debug, Default)]
pub(super) struct Begun {
    id: Option<String>,
    /// Somebody else goes on with one like it, so this push has one of its own.
    alone: bool,
    /// The most that the node ever had of it.
    furthest: u64,
    /// That was more than before, and nobody asked yet.
    is_further: bool,
}

impl Begun {
    /// Leaves the upload to somebody else who goes on with it, if that is what an error says: another push of the same file.
    pub(super) fn leave(&mut self, error: &ClientError) -> bool {
        let is_taken = matches!(error.code(), Some("upload_taken" | "offset_mismatch" | "upload_ended"));
        if is_taken {
            // The one of its own begins anew; only once, so that two who take it from each other come to an end.
            self.furthest = if self.alone { self.furthest } else { 0 };
            (self.id, self.alone) = (None, true);
        }
        is_taken
    }

    /// Whether the node turned out to have more than ever, since this was asked last.
    pub(super) fn got_further(&mut self) -> bool {
        std::mem::take(&mut self.is_further)
    }

    fn found_at(&mut self, offset: u64) {
        self.is_further |= offset > self.furthest;
        self.furthest = self.furthest.max(offset);
    }
}

/// Sends what the node lacks of a file, and tells what became of it. `begun` is the upload of an earlier attempt.
pub(super) async fn send(
    node: &Connected,
    target: &Target,
    order: &Order,
    blake3: &str,
    begun: &mut Begun,
    bar: &Bar,
) -> Result<PublishedView, Stopped> {
    let query = PublishQuery { blake3: Some(blake3.to_owned()), ..order.metadata.clone() };
    let id = match &begun.id {
        Some(id) => id.clone(),
        None => find_or_begin(node, target, &query, &order.guard, begun.alone).await.map_err(Stopped::There)?,
    };
    begun.id = Some(id.clone());
    let offset = match node.client.upload_offset(&id).await {
        // It ended without us: refused, abandoned or removed. Begin anew.
        Err(error) if error.code().is_some() || matches!(error, ClientError::Status { status: 400..500, .. }) => {
            begun.id = None;
            return Err(Stopped::There(explained(node, &id, error).await));
        }
        other => other.map_err(Stopped::There),
    }?;
    begun.found_at(offset);
    if offset < target.size {
        let reader = from(target, offset).await.map_err(|error| Stopped::Here(cannot_read(target, &error)))?;
        let mut bar = bar.clone();
        let upload = Upload { reader, size: target.size - offset, progress: move |bytes| bar.done(offset + bytes) };
        node.client.send_bytes(&id, offset, upload).await.map_err(Stopped::There)?;
    }
    let view = node.client.upload(&id).await.map_err(Stopped::There)?;
    let package = match view.package {
        Some(package) => package,
        None => node.client.package(&target.path).await.map_err(Stopped::There)?,
    };
    Ok(PublishedView { changed: view.changed.unwrap_or(true), package })
}

/// The error that an upload ended with: an answer to HEAD has no body to say it.
async fn explained(node: &Connected, id: &str, error: ClientError) -> ClientError {
    match (node.client.upload(id).await, error) {
        (Err(better), _) => better,
        (
            Ok(UploadView { error: Some(UploadRefusalView { code, detail }), .. }),
            ClientError::Status { status, .. },
        ) => {
            let (kind, title) = (format!("urn:ods:problem:{code}"), code.clone());
            let facts = serde_json::Map::new();
            ClientError::Problem(Box::new(Problem { kind, title, status, code, detail, request_id: None, facts }))
        }
        (Ok(_), error) => error,
    }
}

async fn find_or_begin(
    node: &Connected,
    target: &Target,
    query: &PublishQuery,
    guard: &Guard,
    alone: bool,
) -> Result<String, ClientError> {
    // Which condition an upload was begun with isn't told; so one with a condition is begun anew.
    if *guard == Guard::Always
        && !alone
        && let Some(id) = find(node, target, query).await?
    {
        return Ok(id);
    }
    node.client.begin_upload(&target.path, query, guard, target.size).await
}

async fn find(node: &Connected, target: &Target, query: &PublishQuery) -> Result<Option<String>, ClientError> {
    let told: BTreeMap<String, String> =
        upload_metadata(&target.path, query).into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let mut pages = PageQuery::default();
    for _ in 0..PAGES_MAX {
        let page = node.client.uploads(&pages).await?;
        let is_same = |upload: &&UploadView| upload.length == target.size && upload.metadata == told && !upload.guarded;
        let same = page.items.iter().find(is_same);
        if same.is_some() || page.next.is_none() {
            return Ok(same.map(|upload| upload.id.clone()));
        }
        pages.after = page.next;
    }
    Ok(None)
}

/// The file from `offset` on, up to the size that was hashed, also if it has grown since.
async fn from(target: &Target, offset: u64) -> std::io::Result<tokio::io::Take<tokio::fs::File>> {
    let mut file = tokio::fs::File::open(&target.file).await?;
    file.seek(SeekFrom::Start(offset)).await?;
    Ok(file.take(target.size - offset))
}
