//! `/transfers`: what moves now, both ways.

use axum::Json;
use ods_store::{Digest, NodeState};

use crate::auth::Reader;
use crate::blocking::blocking;
use crate::error::ApiError;
use crate::extract::{Params, page_of};
use crate::openapi::BadRequest;
use crate::transfer_board::{Receiver, SendingNow};
use crate::types::{Page, PageQuery, TransferBytes, TransferView};

/// List what moves now: what this node fetches, and what it sends to peers and to clients.
///
/// Downloads below 4 MiB are not listed. A token with path prefixes sees its own packages only.
#[utoipa::path(get, path = "/api/v1/transfers", operation_id = "list_transfers", tag = "mesh", params(PageQuery),
    responses((status = 200, body = Page<TransferView>), BadRequest))]
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
        page_of(items, &query, key)
    })
    .await
    .map(Json)
}

fn key(item: &TransferView) -> String {
    let TransferView { direction, blob, peer, client, .. } = item;
    let to = peer.as_deref().or(client.as_deref()).unwrap_or_default();
    format!("{direction} {blob} {to}")
}

fn incoming(reader: &Reader) -> Result<Vec<TransferView>, ApiError> {
    let told = reader.own_state()?;
    let fetches = reader.fetches().into_iter().map(|fetch| {
        let (blob, total) = (fetch.digest(), fetch.size());
        let missing = fetch.missing_bytes();
        let rate = told.as_ref().and_then(|told| rate_of(told, &blob));
        let sources: Vec<String> = reader.board().sources(&blob).iter().map(ToString::to_string).collect();
        let waits = sources.is_empty();
        Ok(TransferView {
            direction: "in".to_owned(),
            peer: None,
            client: None,
            blob: blob.to_string(),
            path: reader.path_of(&blob)?,
            bytes: TransferBytes { done: total.saturating_sub(missing), total },
            rate_bytes_per_s: rate,
            eta_s: rate.and_then(|rate| eta_s(missing, rate)),
            sources,
            state: if waits { "waiting" } else { "moving" }.to_owned(),
            reason: waits.then(|| "no peer has pieces to give at this moment".to_owned()),
        })
    });
    fetches.collect()
}

fn rate_of(told: &NodeState, blob: &Digest) -> Option<u64> {
    told.wants.iter().find(|want| want.blob == *blob).map(|want| want.rate)
}

fn outgoing(reader: &Reader) -> Result<Vec<TransferView>, ApiError> {
    let sends = reader.board().sends().into_iter().map(|now| {
        let SendingNow { to, blob, total, done, rate } = now;
        let (peer, client) = match to {
            Receiver::Peer(node) => (Some(node.to_string()), None),
            Receiver::Client(address) => (None, address.map(|address| address.to_string())),
        };
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
