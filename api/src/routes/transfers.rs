//! `/transfers`: what moves now, both ways, and what moved lately.

use std::time::Duration;

use axum::Json;
use ods_store::UnixMillis;

use crate::auth::Reader;
use crate::blocking::blocking;
use crate::convert::timestamp;
use crate::error::ApiError;
use crate::extract::{Params, page_of};
use crate::mesh_handle::TransferStatus;
use crate::transfer_board::{Receiver, SendingNow};
use crate::transfer_history::{Moved, Way};
use crate::types::{Page, PageQuery, PastTransferView, TransferBytes, TransferView};

/// List what moves now: what this node fetches, and what it sends to peers and to clients.
///
/// Downloads below 4 MiB are not listed. A token with path prefixes sees its own packages only.
#[utoipa::path(get, path = "/api/v1/transfers", operation_id = "list_transfers", tag = "mesh", params(PageQuery),
    responses((status = 200, body = Page<TransferView>)))]
pub(crate) async fn list(
    reader: Reader,
    Params(query): Params<PageQuery>,
) -> Result<Json<Page<TransferView>>, ApiError> {
    blocking(move || {
        let mut items = incoming(&reader)?;
        items.extend(outgoing(&reader)?);
        // Paths are only told to who may see them.
        let all = reader.sees_all();
        items.retain(|item| all || item.path.is_some());
        page_of("transfers", items, &query, key)
    })
    .await
    .map(Json)
}

/// List what moved lately: what came from which node, and what went to nodes and clients, the newest first.
///
/// The last 500 since this node was started, all of them on one page; what arrived before is among the events. A token with path
/// prefixes sees its own packages only.
#[utoipa::path(get, path = "/api/v1/transfers/recent", operation_id = "list_recent_transfers", tag = "mesh",
    responses((status = 200, body = Page<PastTransferView>)))]
pub(crate) async fn recent(reader: Reader) -> Result<Json<Page<PastTransferView>>, ApiError> {
    blocking(move || {
        let history = reader.board().history().into_iter();
        let mut items = history.map(|moved| past(&reader, moved)).collect::<Result<Vec<_>, ApiError>>()?;
        let all = reader.sees_all();
        items.retain(|item| all || item.path.is_some());
        let total = Some(items.len() as u64);
        Ok::<_, ApiError>(Page { items, next: None, total })
    })
    .await
    .map(Json)
}

/// One that began and ended so long ago.
fn past(reader: &Reader, (moved, began, ended): (Moved, Duration, Duration)) -> Result<PastTransferView, ApiError> {
    let ago = |elapsed: Duration| {
        let ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        timestamp(UnixMillis::new(reader.now().get().saturating_sub(ms)))
    };
    let (peer, client) = names(moved.with);
    Ok(PastTransferView {
        direction: match moved.way {
            Way::In => "in",
            Way::Out => "out",
        }
        .to_owned(),
        peer,
        client,
        blob: moved.blob.to_string(),
        path: reader.path_of(&moved.blob)?,
        bytes: moved.bytes,
        began_at: ago(began),
        ended_at: ago(ended),
        rate_bytes_per_s: moved.rate(),
    })
}

/// The node or the client at the other side.
fn names(with: Receiver) -> (Option<String>, Option<String>) {
    match with {
        Receiver::Peer(node) => (Some(node.to_string()), None),
        Receiver::Client(address) => (None, address.map(|address| address.to_string())),
    }
}

fn key(item: &TransferView) -> String {
    let TransferView { direction, blob, peer, client, .. } = item;
    let to = peer.as_deref().or(client.as_deref()).unwrap_or_default();
    format!("{direction} {blob} {to}")
}

/// What the fetch driver has under way, as it measures it, and what was begun and has no turn at the moment.
fn incoming(reader: &Reader) -> Result<Vec<TransferView>, ApiError> {
    let mut items = Vec::new();
    let under_way = reader.transfers();
    let begun = reader.fetches();
    let resting = begun.iter().filter(|fetch| under_way.iter().all(|transfer| transfer.blob != fetch.digest()));
    let resting = resting.map(|fetch| TransferStatus {
        blob: fetch.digest(),
        size: fetch.size(),
        bytes_done: fetch.size().saturating_sub(fetch.missing_bytes()),
        rate_bytes_per_s: 0,
        sources: Vec::new(),
        waiting: Some("turn"),
    });
    for transfer in under_way.iter().cloned().chain(resting) {
        items.push(coming(reader, &transfer)?);
    }
    Ok(items)
}

fn coming(reader: &Reader, transfer: &TransferStatus) -> Result<TransferView, ApiError> {
    let TransferStatus { blob, size, bytes_done, rate_bytes_per_s, waiting, .. } = *transfer;
    // Whom bytes are asked of is known at once; the driver shows the rest a few times a second.
    let sources: Vec<String> = reader.board().sources(&blob).iter().map(ToString::to_string).collect();
    let waiting = waiting.filter(|_| sources.is_empty());
    Ok(TransferView {
        direction: "in".to_owned(),
        peer: None,
        client: None,
        blob: blob.to_string(),
        path: reader.path_of(&blob)?,
        bytes: TransferBytes { done: bytes_done, total: size },
        rate_bytes_per_s: Some(rate_bytes_per_s),
        eta_s: eta_s(size.saturating_sub(bytes_done), rate_bytes_per_s),
        sources,
        state: if waiting.is_some() { "waiting" } else { "moving" }.to_owned(),
        reason: waiting.map(|waiting| reason(waiting).to_owned()),
    })
}

/// What a transfer waits for, in words.
fn reason(waiting: &str) -> &'static str {
    match waiting {
        "no_peer" => "no peer answers",
        "no_source" => "no peer has it",
        "pieces" => "no peer has further pieces of it to give at this moment",
        "disk" => "this node's disk is busy with it",
        _ => "others come first, or it is tried again soon",
    }
}

fn outgoing(reader: &Reader) -> Result<Vec<TransferView>, ApiError> {
    let sends = reader.board().sends().into_iter().map(|now| {
        let SendingNow { to, blob, total, done, rate } = now;
        let (peer, client) = names(to);
        Ok(TransferView {
            direction: "out".to_owned(),
            peer,
            client,
            blob: blob.to_string(),
            path: reader.path_of(&blob)?,
            bytes: TransferBytes { done, total },
            rate_bytes_per_s: Some(rate),
            eta_s: eta_s(total.saturating_sub(done), rate),
            sources: Vec::new(),
            state: "moving".to_owned(),
            reason: None,
        })
    });
    sends.collect()
}

fn eta_s(bytes: u64, rate: u64) -> Option<u64> {
    if bytes == 0 { Some(0) } else { (rate > 0).then(|| bytes.div_ceil(rate)) }
}
