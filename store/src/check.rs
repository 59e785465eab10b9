//! Checking a store against its invariants: derived tables against the log, counters against rows. Read-only.

use std::collections::{BTreeMap, BTreeSet};

use redb::{ReadableTable, ReadableTableMetadata};

use crate::catalog::{self, HeadsRow, PackageRow};
use crate::codec::from_row;
use crate::digest::Digest;
use crate::error::{Result, StoreError};
use crate::event::StreamId;
use crate::heads;
use crate::log;
use crate::meta;
use crate::order;
use crate::policy;
use crate::schema::{BLOBS, EVENTS, HEADS, HISTORY, LIVE_BLOBS, LOG, META, PACKAGES, STREAM_EVENTS, STREAMS, WANTS};
use crate::set_sum::SetSum;
use crate::states;
use crate::store::Store;
use crate::tx::Tx;
use crate::wants::{BlobRow, WantRow};

impl Store {
    /// Everything that is not as the invariants say, in words; empty if all is well. Reads all rows.
    pub fn check(&self) -> Result<Vec<String>> {
        if self.refuses_writes() { self.try_out(check) } else { self.write(check) }
    }
}

fn check(tx: &Tx<'_>) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    check_log(tx, &mut faults)?;
    check_catalog(tx, &mut faults)?;
    check_wants(tx, &mut faults)?;
    check_states(tx, &mut faults)?;
    Ok(faults)
}

fn check_states(tx: &Tx<'_>, faults: &mut Vec<String>) -> Result<()> {
    let mut sum = SetSum::default();
    for held in states::list(tx)? {
        sum.add(held.state.id.as_bytes());
        if !tx.roster().is_member(&held.state.header.node) {
            faults.push(format!("a state of {} is held, which is no member", held.state.header.node));
        }
    }
    if states::digest(tx)?.as_bytes() != sum.as_bytes() {
        faults.push("the sum of the node states is wrong".to_owned());
    }
    Ok(())
}

fn check_log(tx: &Tx<'_>, faults: &mut Vec<String>) -> Result<()> {
    let log = tx.read(LOG)?;
    let (events, streams) = (tx.read(EVENTS)?, tx.read(STREAM_EVENTS)?);
    let mut sums: BTreeMap<StreamId, (SetSum, BTreeSet<u64>)> = BTreeMap::new();
    for entry in log.iter()? {
        let lsn = entry?.0.value();
        let (_, event) = log::at(&log, lsn)?;
        let stream = event.header.stream;
        let (sum, seqs) = sums.entry(stream).or_default();
        sum.add(event.id.as_bytes());
        seqs.insert(event.header.seq);
        let key = (stream.origin.as_bytes(), stream.epoch, event.header.seq, event.id.as_bytes());
        if events.get(event.id.as_bytes())?.map(|at| at.value()) != Some(lsn)
            || streams.get(key)?.map(|at| at.value()) != Some(lsn)
        {
            faults.push(format!("the event at lsn {lsn} is not indexed"));
        }
    }
    let lengths = [log.len()?, events.len()?, streams.len()?];
    if lengths.iter().any(|length| *length != lengths[0]) {
        faults.push(format!("log and its indexes have {lengths:?} rows"));
    }
    for (stream, state) in log::vector(&tx.read(STREAMS)?)?.entries {
        let (sum, seqs) = sums.remove(&stream).unwrap_or_default();
        if sum != state.sum || seqs.len() as u64 != state.last || seqs.last().copied().unwrap_or(0) != state.last {
            faults.push(format!("stream {stream:?} is not as its row says"));
        }
    }
    if !sums.is_empty() {
        faults.push(format!("streams without a row: {:?}", sums.keys()));
    }
    Ok(())
}

fn check_catalog(tx: &Tx<'_>, faults: &mut Vec<String>) -> Result<()> {
    let mut paths = BTreeSet::new();
    for entry in tx.read(HISTORY)?.iter()? {
        paths.insert(entry?.0.value().0.to_owned());
    }
    let mut sum = SetSum::default();
    let mut live = BTreeSet::new();
    let mut packages = 0;
    for path in &paths {
        let (kept, mut folded) = (catalog::heads_row(tx, path)?, catalog::fold(tx, path)?);
        folded.heads.sort_by_key(|head| head.id);
        if kept != folded {
            faults.push(format!("the heads of {path} are {kept:?} and should be {folded:?}"));
        }
        sum.add(&catalog::catalog_term(path, &folded.heads));
        let contents = folded.heads.iter().filter_map(|head| head.content.as_ref());
        live.extend(contents.map(|content| (content.blob, path.clone())));
        packages += u64::from(check_package(tx, path, &folded, faults)?);
    }
    if tx.catalog_sum()? != sum {
        faults.push("the catalog's digest is wrong".to_owned());
    }
    if tx.read(PACKAGES)?.len()? != packages || tx.read(HEADS)?.len()? > paths.len() as u64 {
        faults.push("the catalog has rows of paths without history".to_owned());
    }
    if order::rows(tx)? != [packages; 2] {
        faults.push("the orders of packages have rows of others".to_owned());
    }
    let mut listed = BTreeSet::new();
    for entry in tx.read(LIVE_BLOBS)?.iter()? {
        let key = entry?.0;
        let (blob, path) = key.value();
        listed.insert((Digest::from_bytes(*blob), path.to_owned()));
    }
    if listed != live {
        faults.push(format!("live blobs are {listed:?} and should be {live:?}"));
    }
    Ok(())
}

fn check_package(tx: &Tx<'_>, path: &str, heads: &HeadsRow, faults: &mut Vec<String>) -> Result<bool> {
    let current = heads::current(&heads.heads).filter(|head| head.content.is_some());
    let table = tx.read(PACKAGES)?;
    let row = table.get(path)?.map(|row| from_row::<PackageRow>("a package", row.value())).transpose()?;
    if let Some(row) = &row
        && !order::has(tx, path, row)?
    {
        faults.push(format!("the package {path} is not in every order"));
    }
    let expected = current.map(|head| (head.id, heads::in_conflict(&heads.heads)));
    if row.map(|row| (row.revision, row.conflict)) != expected {
        faults.push(format!("the package {path} is not its current head"));
    }
    Ok(expected.is_some())
}

fn check_wants(tx: &Tx<'_>, faults: &mut Vec<String>) -> Result<()> {
    let (blobs, wants, live) = (tx.read(BLOBS)?, tx.read(WANTS)?, tx.read(LIVE_BLOBS)?);
    let mut live_blobs = BTreeSet::new();
    for entry in live.iter()? {
        live_blobs.insert(*entry?.0.value().0);
    }
    drop(live);
    let (policy, keep) = (policy::row(tx)?, tx.keeps()?);
    let must_have =
        |blob: &Digest| Ok::<_, StoreError>(policy.has_settled(blob) && policy::keeps_blob(tx, &keep, blob)?);
    for blob in &live_blobs {
        if blobs.get(blob)?.is_none() && wants.get(blob)?.is_none() && must_have(&Digest::from_bytes(*blob))? {
            faults.push(format!("blob {} is neither held nor wanted", Digest::from_bytes(*blob)));
        }
    }
    let (mut wanted_bytes, mut held_bytes) = (0, 0);
    for entry in wants.iter()? {
        let (blob, row) = entry?;
        let row: WantRow = from_row("a want", row.value())?;
        wanted_bytes += row.size;
        let digest = Digest::from_bytes(*blob.value());
        let needless = row.asked_at.is_none() && policy.walk.is_none() && !policy::keeps_blob(tx, &keep, &digest)?;
        if blobs.get(blob.value())?.is_some() || !live_blobs.contains(blob.value()) || needless {
            faults.push(format!("blob {digest} is wanted for nothing"));
        }
    }
    for entry in blobs.iter()? {
        held_bytes += from_row::<BlobRow>("a blob", entry?.1.value())?.size;
    }
    let values = tx.read(META)?;
    if meta::need(&values, &meta::WANT_BYTES)? != wanted_bytes || meta::need(&values, &meta::BLOB_BYTES)? != held_bytes
    {
        faults.push("the counters of bytes wanted or held are wrong".to_owned());
    }
    Ok(())
}
