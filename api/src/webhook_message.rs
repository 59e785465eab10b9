//! What webhooks say: the body of a delivery, made from a record of the journal.
//!
//! A body is `{"type", "timestamp", "node", "data"}`: the record's type and time, the node that tells it, and the facts
//! as `/events` lists them, with `event_id`, the same on all nodes, and the package as of that event.

use ods_store::{
    Change, EventId, Happening, Package, PackagePath, PackageState, Record, Store, StoreError, WebhookFilter,
};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::convert::{self, Names};
use crate::types::PackageView;

/// A record as a webhook is told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookMessage {
    /// The `webhook-id`: the same whenever it is sent.
    pub id: String,
    /// The record's type.
    pub kind: String,
    /// The body: JSON.
    pub body: String,
}

/// Makes messages of records.
#[derive(Debug, Clone)]
pub struct WebhookMessages {
    store: Store,
    root: String,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    timestamp: jiff::Timestamp,
    node: Node,
    data: Map<String, Value>,
}

#[derive(Serialize)]
struct Node {
    id: String,
    name: String,
}

impl WebhookMessages {
    /// From the records of a store; packages link to below `/{root}/`.
    pub fn new(store: Store, root: &str) -> Self {
        Self { store, root: root.to_owned() }
    }

    /// Whether a webhook with this filter is told of a record.
    pub fn concerns(&self, record: &Record, filter: &WebhookFilter) -> Result<bool, StoreError> {
        if !filter.takes(record) || !filter.asks_for_tags() || record.what.package_path().is_none() {
            return Ok(filter.takes(record));
        }
        let package = self.package(record)?;
        Ok(filter.has_tag(package.iter().flat_map(|package| package.tags.iter().map(String::as_str))))
    }

    /// The message of a record for a webhook with this filter, unless it is none for it.
    pub fn filtered(&self, record: &Record, filter: &WebhookFilter) -> Result<Option<WebhookMessage>, StoreError> {
        if !filter.takes(record) {
            return Ok(None);
        }
        let package = self.package(record)?;
        let is_of_package = record.what.package_path().is_some();
        let tags = package.iter().flat_map(|package| package.tags.iter().map(String::as_str));
        if is_of_package && !filter.has_tag(tags) {
            return Ok(None);
        }
        self.message(record, package).map(Some)
    }

    /// The message of a record.
    pub fn of(&self, record: &Record) -> Result<WebhookMessage, StoreError> {
        self.message(record, self.package(record)?)
    }

    fn message(&self, record: &Record, package: Option<PackageView>) -> Result<WebhookMessage, StoreError> {
        let view = convert::record(record);
        let mut data = view.data;
        if let Some(package) = package {
            data.entry("event_id").or_insert_with(|| package.revision.clone().into());
            data.insert("package".to_owned(), serde_json::to_value(package).unwrap_or_default());
        }
        let node = Node { id: self.store.node_id().to_string(), name: self.store.overview()?.name };
        let body = Body { r#type: &view.kind, timestamp: view.at, node, data };
        let body = serde_json::to_string(&body).unwrap_or_default();
        Ok(WebhookMessage { id: self.store.message_id(record.lsn)?, kind: view.kind, body })
    }

    /// The package that a record is about, as of its event; of a removal, as it was.
    fn package(&self, record: &Record) -> Result<Option<PackageView>, StoreError> {
        let Some(path) = record.what.package_path().and_then(|path| PackagePath::parse(path).ok()) else {
            return Ok(None);
        };
        let current = self.store.package(&path)?;
        let package = match revision(&record.what) {
            None => current,
            Some(id) if current.as_ref().is_some_and(|package| package.revision == id) => current,
            Some(id) => self.earlier(path, id)?,
        };
        package
            .map(|package| Ok(convert::package_below(package, &Names::of_store(&self.store)?, &self.root)))
            .transpose()
    }

    fn earlier(&self, path: PackagePath, id: EventId) -> Result<Option<Package>, StoreError> {
        let Some((_, revision)) = self.store.revision(&id)? else { return Ok(None) };
        let Change::Published { blob, size, sha256, modified, meta } = revision.change else { return Ok(None) };
        Ok(Some(Package {
            path,
            revision: id,
            blob,
            size,
            sha256,
            modified,
            meta,
            published_at: revision.published_at,
            origin: revision.origin,
            by: revision.by,
            state: if revision.bytes_held { PackageState::Stored } else { PackageState::Remote },
            conflict: false,
        }))
    }
}

/// The revision that a record shows; none for the current one.
fn revision(what: &Happening) -> Option<EventId> {
    match what {
        Happening::PackagePublished { event, .. }
        | Happening::PackageReplaced { event, .. }
        | Happening::PackageStored { event, .. }
        | Happening::PackageReplicated { event, .. } => Some(*event),
        Happening::PackageRemoved { previous, .. } => Some(*previous),
        _ => None,
    }
}
