//! From the store's types to the wire's. One direction only: what comes in is parsed where it comes in.

mod accounts;
pub(crate) mod facts;
mod limits;
pub(crate) mod policy;
mod roster;
mod storage;
mod watches;
mod webhooks;

pub(crate) use accounts::{identity, session, token, user};
pub(crate) use limits::limits_view;
pub(crate) use roster::{member, roster};
pub(crate) use storage::{gc, storage, usage_note};
pub(crate) use watches::{configured_watch, watch};
pub(crate) use webhooks::{delivery, delivery_state, webhook};

use std::collections::{BTreeMap, HashMap};

use axum::http::HeaderValue;
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use ods_store::{
    Bandwidth, Change, EditTag, Happening, InviteRow, Meta, NodeId, Overview, Package, PackageState, PeerRow,
    Published, Record, Revision, Roster, ScrubState, ScrubStatus, SetDigest, Store, StoreError, UnixMillis,
};
use serde_json::{Map, Value, json};

use crate::auth::{AppState, Reader};
use crate::client::encode_path;
use crate::error::ApiError;
use crate::invite_line::InviteLine;
use crate::mesh_handle::{PeerState, PeerStatus};
use crate::types::{
    Author, Behind, InviteView, ListenerView, LogView, NodeView, PackageView, PeerView, Progress, PublishedView,
    RecordView, RevisionView, ScrubFindings, ScrubView, StorageView, WantsView,
};

/// A moment as people and programs write it; the end of time for what lies behind it.
pub(crate) fn timestamp(at: UnixMillis) -> Timestamp {
    i64::try_from(at.get()).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::MAX)
}

/// A text as a header's value.
pub(crate) fn header(text: &str) -> Result<HeaderValue, ApiError> {
    HeaderValue::from_str(text).map_err(ApiError::internal)
}

/// The names of the nodes that this one knows.
pub(crate) struct Names(HashMap<NodeId, String>);

impl Names {
    /// Of this node and its peers.
    pub(crate) fn load(reader: &Reader) -> Result<Self, ApiError> {
        let own = (reader.node_id(), reader.node_name()?);
        let peers = reader.peers()?.into_iter().map(|peer| (peer.node, peer.name));
        Ok(Self(peers.chain([own]).collect()))
    }

    fn of(&self, node: &NodeId) -> Option<String> {
        self.0.get(node).cloned()
    }

    /// The same, past any caller.
    pub(crate) fn of_store(store: &Store) -> Result<Self, StoreError> {
        let own = (store.node_id(), store.overview()?.name);
        let peers = store.peers()?.into_iter().map(|peer| (peer.node, peer.name));
        Ok(Self(peers.chain([own]).collect()))
    }

    fn author(&self, node: NodeId, by: String) -> Author {
        Author { node: node.to_string(), name: self.of(&node), by }
    }
}

/// Metadata by its known names.
struct Known {
    title: Option<String>,
    version: Option<String>,
    identifier: Option<String>,
    tags: Vec<String>,
    notes: Option<String>,
    priority: Option<i64>,
    other: BTreeMap<String, String>,
}

impl From<Meta> for Known {
    fn from(mut meta: Meta) -> Self {
        let tags = meta.remove("tags").map(|tags| tags.split(',').map(str::to_owned).collect());
        Self {
            title: meta.remove("title"),
            version: meta.remove("version"),
            identifier: meta.remove("identifier"),
            tags: tags.unwrap_or_default(),
            notes: meta.remove("notes"),
            priority: meta.remove("priority").and_then(|text| text.parse().ok()),
            other: meta,
        }
    }
}

/// A package.
pub(crate) fn package(package: Package, names: &Names, state: &AppState) -> PackageView {
    package_below(package, names, state.options.roots.first().map_or("Packages", String::as_str))
}

/// A package that is downloaded from below `/{root}/`.
pub(crate) fn package_below(package: Package, names: &Names, root: &str) -> PackageView {
    let url = format!("/{root}/{}", encode_path(&package.path));
    let known = Known::from(package.meta);
    PackageView {
        kind: package.path.kind(),
        path: package.path.as_str().to_owned(),
        revision: package.revision.to_string(),
        blob: package.blob.to_string(),
        size: package.size,
        sha256: package.sha256.to_string(),
        title: known.title,
        version: known.version,
        identifier: known.identifier,
        tags: known.tags,
        notes: known.notes,
        priority: known.priority,
        other: known.other,
        published_at: timestamp(package.published_at),
        published_by: names.author(package.origin, package.by),
        state: state_name(package.state).to_owned(),
        conflict: package.conflict,
        url,
        replicas: None,
    }
}

/// What the API calls a package's state.
pub(crate) const fn state_name(state: PackageState) -> &'static str {
    match state {
        PackageState::Stored => "stored",
        PackageState::Fetching => "fetching",
        PackageState::Wanted => "wanted",
        PackageState::Remote => "remote",
    }
}

/// What a change made.
pub(crate) fn published(published: Published, reader: &Reader) -> Result<PublishedView, ApiError> {
    let package = package(published.package, &Names::load(reader)?, reader.state());
    Ok(PublishedView { changed: published.changed, package })
}

/// An entry of a path's history.
pub(crate) fn revision(revision: Revision, names: &Names) -> RevisionView {
    let (change, bytes, meta) = match revision.change {
        Change::Published { blob, size, sha256, modified: _, meta } => ("published", Some((blob, size, sha256)), meta),
        Change::Removed => ("removed", None, Meta::new()),
    };
    let known = Known::from(meta);
    RevisionView {
        revision: revision.id.to_string(),
        change: change.to_owned(),
        blob: bytes.map(|(blob, _, _)| blob.to_string()),
        size: bytes.map(|(_, size, _)| size),
        sha256: bytes.map(|(_, _, sha256)| sha256.to_string()),
        title: known.title,
        version: known.version,
        identifier: known.identifier,
        tags: known.tags,
        notes: known.notes,
        priority: known.priority,
        published_at: timestamp(revision.published_at),
        published_by: names.author(revision.origin, revision.by),
        current: revision.current,
        head: revision.head,
        effective: revision.effective,
        bytes_held: bytes.map(|_| revision.bytes_held),
    }
}

/// A record of the journal.
pub(crate) fn record(record: &Record) -> RecordView {
    let data = match data(&record.what) {
        Value::Object(data) => data,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    };
    RecordView {
        lsn: record.lsn.get(),
        at: timestamp(record.at),
        kind: record.what.kind().to_owned(),
        backfill: record.backfill,
        data,
    }
}

fn data(what: &Happening) -> Value {
    let id = ToString::to_string;
    match what {
        Happening::PackagePublished { path, event }
        | Happening::PackageStored { path, event }
        | Happening::PackageReplicated { path, event } => {
            json!({"path": path, "event_id": event.to_string()})
        }
        Happening::PackageReplaced { path, event, previous } => {
            json!({"path": path, "event_id": event.to_string(), "previous": previous.to_string()})
        }
        Happening::PackageRemoved { path, event, previous } => {
            json!({"path": path, "event_id": event.as_ref().map(id), "previous": previous.to_string()})
        }
        Happening::PackageConflict { path, heads } => {
            json!({"path": path, "heads": heads.iter().map(id).collect::<Vec<_>>()})
        }
        Happening::PeerUp { node } => json!({"node": node.to_string()}),
        Happening::PeerDown { node, reason } => json!({"node": node.to_string(), "reason": reason}),
        Happening::PeerAdded { node, by } | Happening::PeerRemoved { node, by } => {
            json!({"node": node.to_string(), "by": by})
        }
        Happening::NodeAdmitted { node, role, by_node } => {
            json!({"node": node.to_string(), "role": role.as_str(), "by_node": by_node.to_string()})
        }
        Happening::NodeExpelled { node, by_node } => json!({"node": node.to_string(), "by_node": by_node.to_string()}),
        Happening::Alarm { code, detail } => json!({"code": code, "detail": detail}),
        Happening::WatchRefused { file, reason } => json!({"file": file, "reason": reason}),
        Happening::SignInRefused { from, reason } => json!({"from": from, "reason": reason}),
        Happening::TokenCreated { token, name, by } | Happening::TokenRevoked { token, name, by } => {
            json!({"token": token, "name": name, "by": by})
        }
        Happening::InviteCreated { invite, role, by } => json!({"invite": invite, "role": role.as_str(), "by": by}),
        Happening::InviteRevoked { invite, by } => json!({"invite": invite, "by": by}),
        Happening::NodeChanged { by } | Happening::SettingsChanged { by } => json!({"by": by}),
        Happening::NodeEdited { by, what, peer, before, after } => {
            json!({"by": by, "what": what, "node": peer.as_ref().map(ToString::to_string), "before": facts::values(before.clone()),
                "after": facts::values(after.clone())})
        }
        Happening::SignedIn { who, from } => json!({"who": who, "from": from}),
        Happening::UserCreated { user, name, by }
        | Happening::UserChanged { user, name, by }
        | Happening::UserRemoved { user, name, by } => json!({"user": user, "name": name, "by": by}),
        Happening::StorageCollected { blobs, bytes, orphans, orphan_bytes } => {
            json!({"blobs": blobs, "bytes": bytes, "orphans": {"files": orphans, "bytes": orphan_bytes}})
        }
        Happening::StorageEvicted { blobs, bytes } => json!({"blobs": blobs, "bytes": bytes}),
        Happening::WebhookChanged { webhook, url, change, by } => {
            json!({"webhook": webhook, "url": url, "change": change, "by": by})
        }
        Happening::WebhookTest { webhook, by } => json!({"webhook": webhook, "by": by}),
        Happening::WatchChanged { watch, folder, change, by } => {
            json!({"watch": watch, "folder": folder, "change": change, "by": by})
        }
    }
}

/// This node.
pub(crate) fn node(
    id: NodeId,
    overview: Overview,
    roster_digest: SetDigest,
    version: &str,
    (limits, tag): (&Bandwidth, EditTag),
    listeners: Vec<ListenerView>,
) -> NodeView {
    let streams = overview.vector.entries.iter();
    NodeView {
        id: id.to_string(),
        name: overview.name,
        role: overview.role.map(|role| role.as_str().to_owned()),
        version: version.to_owned(),
        root: overview.root.to_string(),
        urls: overview.urls,
        policy: policy::view(&overview.policy),
        log: LogView { id: HEXLOWER.encode(&overview.log_id), head: overview.head.get(), events: overview.log_events },
        vector: streams
            .map(|(stream, state)| (format!("{}/{:016x}", stream.origin, stream.epoch), state.last))
            .collect(),
        catalog_digest: overview.catalog_digest.to_string(),
        roster_digest: roster_digest.to_string(),
        packages: overview.packages,
        wants: WantsView { count: overview.wants.count, bytes: overview.wants.bytes },
        storage: StorageView { blobs: overview.blobs, bytes: overview.blob_bytes, free: overview.free_bytes },
        limits: limits_view(limits),
        etag: tag.to_string(),
        listeners,
    }
}

/// A peer, with what the mesh driver knows of it. One that the driver hasn't met yet is being connected.
pub(crate) fn peer(
    row: PeerRow,
    own: &NodeId,
    roster: &Roster,
    status: Option<PeerStatus>,
    (limits, tag): (&Bandwidth, EditTag),
) -> PeerView {
    let role = roster.role(&row.node).map(|role| role.as_str().to_owned());
    let expelled = if roster.is_expelled(own) {
        Some("this node was expelled from the mesh")
    } else {
        roster.is_expelled(&row.node).then_some("it was expelled from the mesh")
    };
    let state = match &status {
        _ if expelled.is_some() => PeerState::Expelled,
        _ if row.paused => PeerState::Paused,
        Some(status) => status.state,
        None => PeerState::Connecting,
    };
    let behind = status.as_ref().map(|status| Behind { events: status.behind_events, bytes: status.behind_bytes });
    PeerView {
        id: row.node.to_string(),
        name: row.name,
        urls: row.urls,
        observed_url: row.observed_url,
        tls_pin: row.tls_pin.map(|pin| HEXLOWER.encode(&pin)),
        role,
        state: state.as_str().to_owned(),
        paused: row.paused,
        last_seen: status.as_ref().and_then(|status| status.last_seen).map(timestamp),
        behind: behind.filter(|behind| behind.events.is_some() || behind.bytes.is_some()),
        error: expelled.map(str::to_owned).or_else(|| status.and_then(|status| status.error)),
        added_at: timestamp(row.added_at),
        limits: limits_view(limits),
        etag: tag.to_string(),
    }
}

/// An invite, with its line while someone can still use it.
pub(crate) fn invite(row: InviteRow, node: NodeId, overview: &Overview, state: &AppState) -> InviteView {
    let stage = match row.redeemed_by {
        Some(_) => "used",
        None if row.expires_at <= state.now() => "expired",
        None => "open",
    };
    let urls = if overview.urls.is_empty() { &state.options.listen_urls } else { &overview.urls };
    let line = InviteLine {
        id: row.id,
        secret: row.secret,
        node,
        root: overview.root,
        role: row.role,
        prefixes: row.prefixes.clone(),
        expires_at: row.expires_at,
        urls: urls.clone(),
        tls_pin: state.options.tls_pin,
    };
    let etag = row.tag().to_string();
    InviteView {
        id: HEXLOWER.encode(&row.id),
        invite: (stage == "open").then(|| line.to_string()),
        role: row.role.as_str().to_owned(),
        prefixes: row.prefixes,
        created_at: timestamp(row.created_at),
        expires_at: timestamp(row.expires_at),
        state: stage.to_owned(),
        redeemed_by: row.redeemed_by.map(|node| node.to_string()),
        etag,
    }
}

/// The scrub.
pub(crate) fn scrub(status: ScrubStatus) -> ScrubView {
    let ScrubStatus { state, problem, bytes_per_s, pass } = status;
    let state = match state {
        ScrubState::Idle => "idle",
        ScrubState::Running => "running",
        ScrubState::Paused => "paused",
    };
    let (started_at, by) = (pass.as_ref().map(|pass| timestamp(pass.started_at)), pass.as_ref().map(|p| p.by.clone()));
    let pass = pass.unwrap_or_default();
    ScrubView {
        state: state.to_owned(),
        reason: problem,
        started_at,
        finished_at: pass.finished_at.map(timestamp),
        stopped: pass.stopped,
        by,
        blobs: Progress { done: pass.blobs_done, total: pass.blobs_total },
        bytes: Progress { done: pass.bytes_done, total: pass.bytes_total },
        rate_bytes_per_s: bytes_per_s,
        findings: ScrubFindings {
            damaged: pass.damaged,
            unreadable: pass.unreadable,
            mended: pass.mended,
            outlines_mended: pass.outlines_mended,
            sha256_lies: pass.sha256_lies,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc_and_never_overflow() {
        assert_eq!(timestamp(UnixMillis::new(1_700_000_000_000)).to_string(), "2023-11-14T22:13:20Z");
        assert_eq!(timestamp(UnixMillis::new(u64::MAX)), Timestamp::MAX);
    }

    #[test]
    fn known_metadata_gets_its_field_and_the_rest_is_kept() {
        let meta = [("title", "T"), ("tags", "a,b"), ("priority", "-3"), ("x-ring", "1")];
        let known =
            Known::from(meta.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect::<Meta>());
        assert_eq!(
            (known.title.as_deref(), known.tags, known.priority),
            (Some("T"), vec!["a".into(), "b".into()], Some(-3))
        );
        assert_eq!(known.other.into_iter().collect::<Vec<_>>(), [("x-ring".to_owned(), "1".to_owned())]);
    }
}
