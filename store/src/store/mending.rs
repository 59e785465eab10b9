//! Disk errors: what is wrong, what may not be done meanwhile, and trying again.

use std::sync::PoisonError;

use super::Store;
use crate::custody::{self, Custody};
use crate::digest::Digest;
use crate::error::{Result, StoreError};
use crate::journal::{self, Moment};
use crate::limits::DOUBTFUL_BLOBS_MAX;
use crate::time::UnixMillis;
use crate::trouble::DiskTrouble;
use crate::tx::Tx;

impl Store {
    /// What is wrong with the disk; empty while all is well. A full disk is named before a commit meets it.
    pub fn disk_troubles(&self) -> Vec<DiskTrouble> {
        let mut troubles = self.0.troubles.all();
        if troubles.is_empty()
            && let Err(StoreError::NoSpace { needed, free }) = self.blobs().check_commit_space()
        {
            let reason = format!("{free} bytes are free, {needed} are needed");
            let path = self.blobs().folder().to_owned();
            troubles.push(DiskTrouble { what: "write to", path, reason, is_full: true });
        }
        troubles
    }

    /// Sets room aside again, once there is some, that a full disk made the store give up. Cheap while nothing is to be done.
    pub fn keep_reserve(&self) -> Result<()> {
        self.refuse_if_failing()?;
        self.blobs().keep_reserve()
    }

    /// Gives up what is set aside, if the disk is full: for the few bytes without which a node can't be emptied.
    pub fn make_room(&self) -> Result<()> {
        self.blobs().make_commit_space()
    }

    /// Tells the journal that the disk is full. That takes of what is set aside for what frees room: people do that, and don't
    /// know before they are told.
    pub fn tell_full(&self, trouble: &DiskTrouble, now: UnixMillis) -> Result<()> {
        let detail = trouble.to_string();
        self.write_to_free_room(move |tx| journal::alarm(tx, Moment::live(now), "disk", detail.clone())).map(drop)
    }

    /// Tells the journal that there is room again, since the disk was full at `since`.
    pub fn tell_room(&self, since: UnixMillis, now: UnixMillis) -> Result<()> {
        self.write(move |tx| journal::alarm(tx, Moment::live(now), "disk_mended", works_again(since, now))).map(drop)
    }

    /// Errs while there is no room for any package, though there may be some for commits.
    pub fn check_room_for_packages(&self) -> Result<()> {
        self.blobs().check_space(1)
    }

    /// Whether all writes are refused until the disk is mended.
    pub fn refuses_writes(&self) -> bool {
        self.0.shared.database.is_failing()
    }

    /// Tries what failed again. When all of it works: goes on as before, tells the journal of what was wrong since `since`
    /// and that it is over, and gives what was. Errs while something still fails; to be called again then.
    pub fn mend(&self, since: UnixMillis, now: UnixMillis) -> Result<Vec<DiskTrouble>> {
        let shared = &self.0.shared;
        if self.0.troubles.all().is_empty() && !self.refuses_writes() {
            return Ok(Vec::new());
        }
        shared.database.mend(&|read| shared.renew(read))?;
        self.blobs().probe()?;
        self.clear_doubts()?;
        let noted = self.0.troubles.take();
        let troubles = noted.all();
        let told = troubles.clone();
        let outcome = self.write(move |tx| tell(tx, &told, since, now));
        if outcome.is_err() {
            self.0.troubles.put_back(noted);
        }
        outcome.map(|()| troubles)
    }

    pub(crate) fn refuse_if_failing(&self) -> Result<()> {
        if self.refuses_writes() { Err(self.0.shared.database.failing()) } else { Ok(()) }
    }

    /// Remembers a blob whose publish failed in a way that leaves open whether its file may go.
    pub(crate) fn doubt(&self, blob: &Digest) {
        let mut doubtful = self.0.doubtful.lock().unwrap_or_else(PoisonError::into_inner);
        if doubtful.len() < DOUBTFUL_BLOBS_MAX {
            doubtful.insert(*blob);
        }
    }

    /// Takes away the names of blobs that turned out not to be listed.
    fn clear_doubts(&self) -> Result<()> {
        let doubtful = std::mem::take(&mut *self.0.doubtful.lock().unwrap_or_else(PoisonError::into_inner));
        for blob in &doubtful {
            custody::sweep(self, blob, |lock| self.unlink(lock, blob))?;
        }
        Ok(())
    }
}

fn works_again(since: UnixMillis, now: UnixMillis) -> String {
    format!("writing works again after {} s", now.ms_since(since) / 1000)
}

fn tell(tx: &Tx<'_>, troubles: &[DiskTrouble], since: UnixMillis, now: UnixMillis) -> Result<()> {
    for trouble in troubles {
        journal::alarm(tx, Moment::live(now), "disk", trouble.to_string())?;
    }
    journal::alarm(tx, Moment::live(now), "disk_mended", works_again(since, now))?;
    // Whether the commit that failed is in force was not known until now: all who follow look again.
    tx.changed(|effects| {
        effects.log_grew = true;
        effects.roster_changed = true;
        effects.wants_changed = true;
        effects.peers_changed = true;
    });
    Ok(())
}
