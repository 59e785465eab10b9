//! Which packages' bytes this node keeps. The catalog is whole on every node; a policy is about bytes only.
//!
//! Invariants (checked by `Store::check`):
//! - A live blob that isn't held is wanted iff the policy keeps a package that has it, or somebody asked for it. Where a walk
//!   is still on its way this holds up to the place it has reached.
//! - Wants follow the catalog in the transaction that folds it, and a new policy by a walk over the live blobs: bounded
//!   steps, each a transaction, whose place is in the policy's row. A restart goes on there.
//! - While the walk is on its way this node's state calls its list of wants incomplete, so that nobody takes bytes for held
//!   that it only will want. What it holds and doesn't keep any more goes later: `evict.rs`.
//! - [`floor`] of a held blob that isn't kept is no less than the counter of any state of this node that claimed it. What may
//!   have claimed it is renounced in the very transaction after which it isn't kept any more (or isn't live: it may be again,
//!   where it isn't kept), by a change of policy for all blobs or by the catalog for one; a state described before that is
//!   never signed after it. See `evict.rs` for the use.

use redb::ReadableTable;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use crate::audit::{self, Deed, Facts};
use crate::catalog::HeadsRow;
use crate::codec::from_row;
use crate::digest::Digest;
use crate::error::{Result, StoreError};
use crate::event::Meta;
use crate::heads::HeadContent;
use crate::holding::Keeps;
use crate::journal::{self, Moment};
use crate::limits::{POLICY_STEP_BLOBS, STATE_TEXT_BYTES_MAX, STATE_TEXTS_MAX};
use crate::meta;
use crate::node_state::StatePolicy;
use crate::path_glob::path_glob;
use crate::publish::Author;
use crate::schema::{BLOBS, HEADS, LIVE_BLOBS, META, RENOUNCED};
use crate::states;
use crate::tables::Tables;
use crate::time::UnixMillis;
use crate::tx::Tx;
use crate::wants;

/// The policy, and how far this node is with it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct PolicyRow {
    pub(crate) policy: StatePolicy,
    /// How often it was changed.
    pub(crate) era: u64,
    /// States of this node up to this counter told of an earlier policy.
    pub(crate) floor: u64,
    /// How far the wants follow it; none once they do.
    pub(crate) walk: Option<Walk>,
}

/// A walk over the live blobs by digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Walk {
    /// Blobs up to this one are done.
    pub(crate) after: Option<Digest>,
}

impl PolicyRow {
    /// Whether the wants of a live blob follow the policy already.
    pub(crate) fn has_settled(&self, blob: &Digest) -> bool {
        self.walk.is_none_or(|walk| walk.after.is_some_and(|after| *blob <= after))
    }
}

/// The policy's row.
pub(crate) fn row(tables: &impl Tables) -> Result<PolicyRow> {
    Ok(meta::get(&tables.table(META)?, &meta::POLICY)?.unwrap_or_default())
}

/// What this node keeps.
pub(crate) fn of(tables: &impl Tables) -> Result<StatePolicy> {
    Ok(row(tables)?.policy)
}

/// Whether a policy keeps a package with this path and metadata, whatever clients ask for.
pub(crate) fn keeps(keeps: &Keeps, path: &str, meta: &Meta) -> bool {
    let tags = meta.get("tags").map(String::as_str).unwrap_or_default();
    keeps.selects(path, tags).unwrap_or(false)
}

/// A head that publishes a blob: where, and what it says.
pub(crate) struct LiveAt {
    pub(crate) path: String,
    pub(crate) content: HeadContent,
    pub(crate) at_ms: UnixMillis,
}

/// All heads that publish a blob.
pub(crate) fn live_at(tables: &impl Tables, blob: &Digest) -> Result<Vec<LiveAt>> {
    let mut found = Vec::new();
    let heads = tables.table(HEADS)?;
    for path in wants::live_paths(&tables.table(LIVE_BLOBS)?, blob)? {
        let Some(row) = heads.get(path.as_str())? else { continue };
        let row: HeadsRow = from_row("the heads of a package", row.value())?;
        let of_blob = row.heads.into_iter().filter_map(|head| Some((head.content?, head.at_ms)));
        let of_blob = of_blob.filter(|(content, _)| content.blob == *blob);
        found.extend(of_blob.map(|(content, at_ms)| LiveAt { path: path.clone(), content, at_ms }));
    }
    Ok(found)
}

/// Whether a policy keeps a live blob at some path.
pub(crate) fn keeps_blob(tables: &impl Tables, keep: &Keeps, blob: &Digest) -> Result<bool> {
    match keep {
        Keeps::All => Ok(true),
        Keeps::OnDemand => Ok(false),
        Keeps::Selected(..) => {
            Ok(live_at(tables, blob)?.iter().any(|live| keeps(keep, &live.path, &live.content.meta)))
        }
    }
}

/// Checks a policy that somebody gives: that it selects something, within bounds, by globs that can be read. Errs with
/// [`StoreError::BadName`].
pub fn check(policy: &StatePolicy) -> Result<()> {
    let bad = |reason: String| Err(StoreError::BadName { field: "policy", reason });
    // As it will be kept: NFC may be longer.
    let StatePolicy::Selected { paths, tags } = &in_nfc(policy) else { return Ok(()) };
    if paths.is_empty() && tags.is_empty() {
        return bad("selects nothing: it needs a path glob or a tag".to_owned());
    }
    if paths.len() > STATE_TEXTS_MAX || tags.len() > STATE_TEXTS_MAX {
        return bad(format!("may have at most {STATE_TEXTS_MAX} globs and as many tags"));
    }
    for text in paths.iter().chain(tags) {
        if text.trim().is_empty() || text.len() > STATE_TEXT_BYTES_MAX {
            return bad(format!("has a glob or tag that is not of 1 to {STATE_TEXT_BYTES_MAX} bytes"));
        }
    }
    if let Some(tag) = tags.iter().find(|tag| tag.contains(',')) {
        return bad(format!("has the tag \"{tag}\"; a tag has no comma, so give several"));
    }
    match paths.iter().find_map(|glob| path_glob(glob).err()) {
        Some(error) => bad(format!("has a glob that can't be read: {error}")),
        None => Ok(()),
    }
}

/// A policy with its globs made NFC as paths are. That is done where it is taken, not where it is read: what a node says that it
/// keeps others judge by the text.
fn in_nfc(policy: &StatePolicy) -> StatePolicy {
    match policy {
        StatePolicy::Selected { paths, tags } => {
            let paths = paths.iter().map(|glob| glob.nfc().collect()).collect();
            StatePolicy::Selected { paths, tags: tags.clone() }
        }
        StatePolicy::All | StatePolicy::OnDemand { .. } => policy.clone(),
    }
}

/// Takes a new policy, and begins the walk that makes the wants follow it.
pub(crate) fn set(tx: &Tx<'_>, policy: &StatePolicy, author: &Author, now: UnixMillis) -> Result<()> {
    let policy = &in_nfc(policy);
    let before = row(tx)?;
    if before.policy == *policy {
        author.told();
        return Ok(());
    }
    let told = told(tx)?;
    let (era, floor, walk) = (before.era + 1, told.max(before.floor), Some(Walk::default()));
    put(tx, &PolicyRow { policy: policy.clone(), era, floor, walk })?;
    tx.forget_keeps();
    let deed = Deed::changed("node.changed", "policy", facts(&before.policy), facts(policy));
    audit::append(tx, Moment::live(now), author, &deed)?;
    journal::node_edited(tx, Moment::live(now), author.as_str(), ("policy", None), &deed).map(drop)
}

/// The counter of this node's last state.
fn told(tx: &Tx<'_>) -> Result<u64> {
    Ok(states::of(tx, &tx.context.key.node_id())?.map_or(0, |held| held.state.header.counter))
}

/// Notes that the catalog took a blob from what the policy keeps, or that it came though the policy doesn't keep it; if it is held.
pub(crate) fn renounce(tx: &Tx<'_>, blob: &Digest) -> Result<()> {
    if tx.read(BLOBS)?.get(blob.as_bytes())?.is_none() {
        return Ok(());
    }
    tx.count(&meta::RENOUNCEMENTS, 1, 0)?;
    tx.changed(|effects| effects.policy_changed = true);
    tx.write(RENOUNCED)?.insert(blob.as_bytes(), told(tx)?)?;
    Ok(())
}

/// States of this node with a greater counter don't claim this blob, as long as the policy doesn't keep it.
pub(crate) fn floor(tables: &impl Tables, row: &PolicyRow, blob: &Digest) -> Result<u64> {
    let renounced = tables.table(RENOUNCED)?.get(blob.as_bytes())?.map_or(0, |counter| counter.value());
    Ok(row.floor.max(renounced))
}

/// Differs after anything was renounced.
pub(crate) fn era(tables: &impl Tables) -> Result<(u64, u64)> {
    let renouncements = meta::get(&tables.table(META)?, &meta::RENOUNCEMENTS)?.unwrap_or_default();
    Ok((row(tables)?.era, renouncements))
}

fn put(tx: &Tx<'_>, row: &PolicyRow) -> Result<()> {
    tx.changed(|effects| effects.policy_changed = true);
    tx.set_meta(&meta::POLICY, row)
}

/// A policy as the audit has it.
fn facts(policy: &StatePolicy) -> Facts {
    let mode = |mode: &str| ("mode", mode.to_owned());
    match policy {
        StatePolicy::All => audit::facts([mode("all")]),
        StatePolicy::Selected { paths, tags } => {
            audit::facts([mode("selected"), ("paths", audit::list(paths)), ("tags", audit::list(tags))])
        }
        StatePolicy::OnDemand { bytes_max } => audit::facts([mode("on-demand"), ("bytes_max", bytes_max.to_string())]),
    }
}

/// The next bounded part of the walk; whether there is more of it.
pub(crate) fn step(tx: &Tx<'_>, now: UnixMillis) -> Result<bool> {
    let Some(walk) = row(tx)?.walk else { return Ok(false) };
    let blobs = next_blobs(tx, walk.after.as_ref())?;
    let keep = tx.keeps()?;
    for blob in &blobs {
        let live = live_at(tx, blob)?;
        let kept: Vec<&LiveAt> = live.iter().filter(|live| keeps(&keep, &live.path, &live.content.meta)).collect();
        if kept.is_empty() {
            wants::drop_unless_asked(tx, blob)?;
        }
        for LiveAt { content, at_ms, .. } in kept {
            // What was published before is no news.
            wants::want(tx, Moment { now, backfill: true }, blob, content.size, *at_ms)?;
        }
    }
    let walk = blobs.last().filter(|_| blobs.len() == POLICY_STEP_BLOBS).map(|last| Walk { after: Some(*last) });
    put(tx, &PolicyRow { walk, ..row(tx)? })?;
    // Once the walk is over this node's state says what it wants in full.
    tx.changed(|effects| effects.wants_changed = true);
    Ok(walk.is_some())
}

/// The next live blobs by digest, each once.
fn next_blobs(tx: &Tx<'_>, after: Option<&Digest>) -> Result<Vec<Digest>> {
    let table = tx.read(LIVE_BLOBS)?;
    let mut blobs: Vec<Digest> = Vec::new();
    let zeros = [0; 32];
    for entry in table.range((after.map_or(&zeros, Digest::as_bytes), "")..)? {
        let blob = Digest::from_bytes(*entry?.0.value().0);
        if blobs.last() == Some(&blob) || after == Some(&blob) {
            continue;
        }
        if blobs.len() == POLICY_STEP_BLOBS {
            break;
        }
        blobs.push(blob);
    }
    Ok(blobs)
}
