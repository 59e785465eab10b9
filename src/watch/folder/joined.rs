//! After joining a mesh: withdrawing what this watch published alone and the mesh had moved on from.
//!
//! The first pull may take a while, and goes on with every pull after it. So for some time after this node started, or
//! took another root, the catalog is looked through before each scan if the log has grown. What is withdrawn is decided
//! in `withdraw.rs`, in a way that is safe at any time.

use std::time::{Duration, Instant};

use ods_store::{
    Change, Lsn, NodeId, PAGE_ROWS_MAX, Package, PackagePath, Revision, StoreError, UnixMillis, WatchOutcome,
};

use super::Folder;
use crate::watch::withdraw::to_withdraw;

/// How long after a start or a change of root the catalog is looked through.
const LOOKING: Duration = Duration::from_mins(10);

/// Where this stands.
#[derive(Debug, Default)]
pub(super) struct Joined {
    root: Option<NodeId>,
    until: Option<Instant>,
    looked_at: Option<Lsn>,
}

impl Folder {
    pub(super) fn withdraw_after_joining(&mut self, now: Instant, wall: UnixMillis) {
        let root = self.store.roster().root();
        if self.joined.root != Some(root) {
            self.joined = Joined { root: Some(root), until: Some(now + LOOKING), looked_at: None };
        }
        let head = self.store.head();
        if self.joined.until.is_none_or(|until| until < now) || self.joined.looked_at == Some(head) {
            return;
        }
        match self.withdraw_all(wall) {
            Ok(()) => self.joined.looked_at = Some(head),
            Err(error) => {
                let folder = self.rules.folder.display();
                tracing::error!(%folder, %error, "can't withdraw revisions that the mesh has moved on from; retried");
            }
        }
    }

    fn withdraw_all(&mut self, wall: UnixMillis) -> Result<(), StoreError> {
        let node = self.store.node_id();
        let mut after: Option<String> = None;
        loop {
            let mut concerned = |package: &Package| {
                let ours = package.origin == node && package.by == self.author.as_str();
                (ours || package.conflict) && package.path.is_under(&self.rules.prefix)
            };
            let page = self.store.packages(after.as_deref(), PAGE_ROWS_MAX, &mut concerned)?;
            for package in &page.items {
                self.withdraw_at(&package.path, &node, wall)?;
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    fn withdraw_at(&mut self, path: &PackagePath, node: &NodeId, wall: UnixMillis) -> Result<(), StoreError> {
        let revisions = self.revisions(path)?;
        for id in to_withdraw(&revisions, node, self.author.as_str()) {
            self.store.withdraw(id, &self.author, wall)?;
            tracing::warn!(package = %path, revision = %id, "withdrawn: the mesh has moved on from these bytes");
            if let Some(revision) = revisions.iter().find(|revision| revision.id == id) {
                self.remember_superseded(path, revision)?;
            }
        }
        Ok(())
    }

    /// The file that a withdrawn revision came from is superseded; the scan that follows lists it.
    fn remember_superseded(&mut self, path: &PackagePath, revision: &Revision) -> Result<(), StoreError> {
        let (Some(file), Change::Published { blob, .. }) = (self.file_of(path), &revision.change) else {
            return Ok(());
        };
        let Some(mut row) = self.remembered(&file).filter(|row| row.digest == Some(*blob)) else { return Ok(()) };
        row.outcome = WatchOutcome::Superseded;
        self.known.remove(&file);
        self.store.put_watched_file(&self.key(&file), &row)
    }
}
