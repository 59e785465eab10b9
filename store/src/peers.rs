//! Peers, the cursors on their logs, and invites: what this node knows of the nodes it has links with.

use redb::{ReadableTable, ReadableTableMetadata};
use serde::{Deserialize, Serialize};

use crate::audit::{self, Deed, Facts};
use crate::bandwidth::{self, Bandwidth};
use crate::codec::{Added, from_row, to_row};
use crate::digest::NodeId;
use crate::edit_tag::{EditTag, Expected};
use crate::error::{Result, StoreError};
use crate::joining;
use crate::journal::{self, Happening, Moment};
use crate::limits::{INVITES_MAX, PEERS_MAX};
use crate::membership::check_role;
use crate::names::check_name;
use crate::publish::Author;
use crate::pull::LogCursor;
use crate::schema::{CURSORS, INVITES, PEERS};
use crate::statement::Role;
use crate::tables::Tables;
use crate::time::UnixMillis;
use crate::tx::Tx;

/// A node this one has a link with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerRow {
    /// Which node.
    pub node: NodeId,
    /// The name it goes by.
    pub name: String,
    /// Where it says that it answers.
    pub urls: Vec<String>,
    /// Where it was last called from, with the port it listens on.
    pub observed_url: Option<String>,
    /// SHA-256 of its certificate (DER), if that is self-signed.
    pub tls_pin: Option<[u8; 32]>,
    /// No pulls, pings or fetches.
    pub paused: bool,
    /// When the link was made.
    pub added_at: UnixMillis,
}

/// A change to a peer; what is `None` stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeerEdit {
    /// The name it goes by.
    pub name: Option<String>,
    /// Where it answers.
    pub urls: Option<Vec<String>>,
    /// No pulls, pings or fetches.
    pub paused: Option<bool>,
    /// How fast packages may go over the link.
    pub limits: Option<Bandwidth>,
}

/// An invite that was made here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteRow {
    /// Its id; not secret.
    pub id: [u8; 16],
    /// The key of the MACs; never leaves but in the invite's line.
    pub secret: [u8; 32],
    /// The role it gives.
    pub role: Role,
    /// Where the node may publish; empty: everywhere.
    pub prefixes: Vec<String>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it ends.
    pub expires_at: UnixMillis,
    /// Who made it.
    pub by: String,
    /// The node that used it.
    pub redeemed_by: Option<NodeId>,
}

impl InviteRow {
    /// How it stands: whether it was used, too, so that one can be revoked only while it was not.
    pub fn tag(&self) -> EditTag {
        EditTag::of(&(self.id, self.redeemed_by))
    }
}

/// An invite that this node redeems: its inviter was asked, and may have admitted it already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoiningRow {
    /// The invite's line.
    pub invite: String,
    /// When its inviter was asked first.
    pub since: UnixMillis,
    /// Who redeems it, and from where.
    pub(crate) by: Added<Option<(String, Option<String>)>>,
}

impl JoiningRow {
    /// Who redeems it.
    pub fn author(&self) -> Author {
        match &self.by.0 {
            Some((name, Some(from))) => Author::new(name).at(from),
            Some((name, None)) => Author::new(name),
            None => Author::new("invite"),
        }
    }
}

/// An invite to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInvite {
    /// The role it gives.
    pub role: Role,
    /// Where the node may publish; empty: everywhere.
    pub prefixes: Vec<String>,
    /// When it ends.
    pub expires_at: UnixMillis,
}

/// Adds a peer or changes what is known of it.
pub(crate) fn put(tx: &Tx<'_>, moment: Moment, row: &PeerRow, author: &Author) -> Result<()> {
    let before = find(tx, &row.node)?;
    let known = before.is_some();
    if !known && tx.read(PEERS)?.len()? >= PEERS_MAX as u64 {
        return Err(StoreError::TooMany { what: "peers", max: PEERS_MAX });
    }
    tx.write(PEERS)?.insert(row.node.as_bytes(), to_row(row).as_slice())?;
    if !known {
        let by = author.as_str().to_owned();
        journal::append(tx, moment, Happening::PeerAdded { node: row.node, by })?;
    }
    let deed = match &before {
        None => Deed::made("peer.added", row.node, peer_facts(row)),
        Some(before) => Deed::changed("peer.changed", row.node, peer_facts(before), peer_facts(row)),
    };
    if !(deed.before.is_empty() && deed.after.is_empty()) {
        audit::append(tx, moment, author, &deed)?;
    }
    author.told();
    tx.changed(|effects| effects.peers_changed = true);
    Ok(())
}

/// Changes what people set of a peer, all of it or nothing, if it stands as expected; false if there is none.
pub(crate) fn edit(
    tx: &Tx<'_>,
    moment: Moment,
    node: &NodeId,
    edit: &PeerEdit,
    expected: &Expected,
    author: &Author,
) -> Result<bool> {
    let Some(before) = find(tx, node)? else { return Ok(false) };
    expected.check("the peer", tag(tx, &before)?)?;
    if let Some(name) = &edit.name {
        check_name("name", name)?;
    }
    let row = PeerRow {
        name: edit.name.clone().unwrap_or_else(|| before.name.clone()),
        urls: edit.urls.clone().unwrap_or_else(|| before.urls.clone()),
        paused: edit.paused.unwrap_or(before.paused),
        ..before
    };
    put(tx, moment, &row, author)?;
    if let Some(limits) = &edit.limits {
        bandwidth::set(tx, node, limits, author, moment.now)?;
    }
    Ok(true)
}

/// Notes where a peer called from. It is looked up anew, so that what people set meanwhile stays.
pub(crate) fn observe(tx: &Tx<'_>, node: &NodeId, url: &str) -> Result<()> {
    let Some(row) = find(tx, node)?.filter(|row| row.observed_url.as_deref() != Some(url)) else { return Ok(()) };
    let row = PeerRow { observed_url: Some(url.to_owned()), ..row };
    tx.write(PEERS)?.insert(node.as_bytes(), to_row(&row).as_slice())?;
    tx.changed(|effects| effects.peers_changed = true);
    Ok(())
}

/// One peer.
pub(crate) fn find(tables: &impl Tables, node: &NodeId) -> Result<Option<PeerRow>> {
    tables.table(PEERS)?.get(node.as_bytes())?.map(|row| from_row("a peer", row.value())).transpose()
}

/// How a peer stands, as far as people set it.
pub(crate) fn tag(tables: &impl Tables, row: &PeerRow) -> Result<EditTag> {
    Ok(EditTag::of(&(row.node, &row.name, &row.urls, row.paused, bandwidth::of(tables, &row.node)?)))
}

/// Removes a peer and the cursor on its log, if it stands as expected; false if there is none. Says nothing about its
/// place in the mesh.
pub(crate) fn remove(tx: &Tx<'_>, moment: Moment, node: &NodeId, expected: &Expected, author: &Author) -> Result<bool> {
    let Some(row) = find(tx, node)? else { return Ok(false) };
    expected.check("the peer", tag(tx, &row)?)?;
    audit::append(tx, moment, author, &Deed::ended("peer.removed", node, peer_facts(&row)))?;
    tx.write(PEERS)?.remove(node.as_bytes())?;
    tx.write(CURSORS)?.remove(node.as_bytes())?;
    journal::append(tx, moment, Happening::PeerRemoved { node: *node, by: author.as_str().to_owned() })?;
    tx.changed(|effects| effects.peers_changed = true);
    Ok(true)
}

/// What the audit tells of a peer. Where it was seen last is none of anybody's doing.
fn peer_facts(row: &PeerRow) -> Facts {
    let paused = if row.paused { "true".to_owned() } else { String::new() };
    audit::facts([("name", row.name.clone()), ("urls", audit::list(&row.urls)), ("paused", paused)])
}

/// All peers, by id.
pub(crate) fn list(table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>) -> Result<Vec<PeerRow>> {
    table.iter()?.map(|entry| from_row("a peer", entry?.1.value())).collect()
}

/// How far a peer's log was read.
pub(crate) fn cursor(
    table: &impl ReadableTable<&'static [u8; 32], &'static [u8]>,
    node: &NodeId,
) -> Result<Option<LogCursor>> {
    table.get(node.as_bytes())?.map(|row| from_row("a cursor", row.value())).transpose()
}

/// Notes how far a peer's log was read, in the transaction of the events.
pub(crate) fn set_cursor(tx: &Tx<'_>, node: &NodeId, cursor: &LogCursor) -> Result<()> {
    // A pull that brought nothing and moved nothing costs no commit.
    if self::cursor(&tx.read(CURSORS)?, node)?.as_ref() != Some(cursor) {
        tx.write(CURSORS)?.insert(node.as_bytes(), to_row(cursor).as_slice())?;
    }
    Ok(())
}

/// Makes an invite.
pub(crate) fn invite(tx: &Tx<'_>, moment: Moment, new: &NewInvite, author: &Author) -> Result<InviteRow> {
    let prefixes = check_role(new.role, &new.prefixes)?;
    if tx.read(INVITES)?.len()? >= INVITES_MAX as u64 {
        drop_expired(tx, moment.now)?;
        if tx.read(INVITES)?.len()? >= INVITES_MAX as u64 {
            return Err(StoreError::TooMany { what: "invites", max: INVITES_MAX });
        }
    }
    let row = InviteRow {
        id: tx.context.entropy.bytes(),
        secret: tx.context.entropy.bytes(),
        role: new.role,
        prefixes,
        created_at: moment.now,
        expires_at: new.expires_at,
        by: author.as_str().to_owned(),
        redeemed_by: None,
    };
    tx.write(INVITES)?.insert(&row.id, to_row(&row).as_slice())?;
    let invite = data_encoding::HEXLOWER.encode(&row.id);
    audit::append(tx, moment, author, &Deed::made("invite.created", &invite, invite_facts(&row)))?;
    journal::append(tx, moment, Happening::InviteCreated { invite, role: row.role, by: row.by.clone() })?;
    Ok(row)
}

fn invite_facts(row: &InviteRow) -> Facts {
    audit::facts([("role", row.role.as_str().to_owned()), ("prefixes", audit::list(&row.prefixes))])
}

fn drop_expired(tx: &Tx<'_>, now: UnixMillis) -> Result<()> {
    let expired: Vec<InviteRow> =
        invites(&tx.read(INVITES)?)?.into_iter().filter(|row| row.expires_at <= now).collect();
    let mut table = tx.write(INVITES)?;
    for row in expired {
        table.remove(&row.id)?;
    }
    Ok(())
}

/// All invites, oldest first.
pub(crate) fn invites(table: &impl ReadableTable<&'static [u8; 16], &'static [u8]>) -> Result<Vec<InviteRow>> {
    let rows: Result<Vec<InviteRow>> = table.iter()?.map(|entry| from_row("an invite", entry?.1.value())).collect();
    let mut rows = rows?;
    rows.sort_by_key(|row| (row.created_at, row.id));
    Ok(rows)
}

/// One invite.
pub(crate) fn find_invite(
    table: &impl ReadableTable<&'static [u8; 16], &'static [u8]>,
    id: &[u8; 16],
) -> Result<Option<InviteRow>> {
    table.get(id)?.map(|row| from_row("an invite", row.value())).transpose()
}

/// Takes an invite back, if it stands as expected; false if there is none.
pub(crate) fn revoke_invite(
    tx: &Tx<'_>,
    moment: Moment,
    id: &[u8; 16],
    expected: &Expected,
    author: &Author,
) -> Result<bool> {
    let Some(row) = find_invite(&tx.read(INVITES)?, id)? else { return Ok(false) };
    expected.check("the invite", row.tag())?;
    tx.write(INVITES)?.remove(id)?;
    let invite = data_encoding::HEXLOWER.encode(id);
    audit::append(tx, moment, author, &Deed::ended("invite.revoked", &invite, invite_facts(&row)))?;
    journal::append(tx, moment, Happening::InviteRevoked { invite, by: author.as_str().to_owned() })?;
    Ok(true)
}

/// Uses an invite for a node. Again by the same node is the same; an expired one is good only for who used it in time.
pub(crate) fn redeem(tx: &Tx<'_>, id: &[u8; 16], node: &NodeId, now: UnixMillis) -> Result<InviteRow> {
    let row = find_invite(&tx.read(INVITES)?, id)?.ok_or(StoreError::NoSuchInvite)?;
    match row.redeemed_by {
        Some(by) if by == *node => Ok(row),
        Some(_) => Err(StoreError::InviteUsed),
        None if row.expires_at <= now => Err(StoreError::InviteExpired),
        None => {
            // One of an earlier version may have what would be refused after it was used.
            check_role(row.role, &row.prefixes)?;
            joining::check(tx, now)?;
            let row = InviteRow { redeemed_by: Some(*node), ..row };
            tx.write(INVITES)?.insert(id, to_row(&row).as_slice())?;
            Ok(row)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::testing::SimDisk;
    use crate::{Store, StoreOptions};

    #[test]
    fn an_invite_of_an_earlier_version_that_nobody_can_be_admitted_by_is_not_used_up() {
        let options = StoreOptions { cache_bytes: 16 << 20, entropy: [1; 32], name: "hq".to_owned() };
        let store = Store::open(Arc::new(SimDisk::new()), Path::new("/data"), &options).expect("it opens");
        let (now, node) = (UnixMillis::new(1), NodeId::from_bytes([2; 32]));
        let made = store.create_invite(
            &NewInvite { role: Role::Publisher, prefixes: vec!["mac".to_owned()], expires_at: UnixMillis::new(9) },
            &Author::new("ada"),
            now,
        );
        let row = InviteRow { prefixes: vec!["mac\u{202E}".to_owned()], ..made.expect("made") };
        let (id, kept) = (row.id, row.clone());
        let put = move |tx: &Tx<'_>| Ok(tx.write(INVITES)?.insert(&kept.id, to_row(&kept).as_slice()).map(drop)?);
        store.write(put).expect("as it was made once");
        let refused = store.redeem_invite(&id, &node, now).expect_err("refused");
        assert!(matches!(refused, StoreError::BadName { field: "prefixes", .. }), "{refused}");
        assert_eq!(store.invite(&id).expect("read"), Some(row));
    }
}
