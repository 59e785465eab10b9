//! Which machines answer for which bytes, looked at from outside, so that the last copy of anything can't go unnoticed.
//!
//! Who publishes or restores something answers for its bytes, and so does whoever is seen to hold them when others part with
//! theirs. A machine answers no more once it parted with them as it may:
//! - It let go of them while another node had them that may publish and that it doesn't know to be expelled (DESIGN §4). Those
//!   who hold them then answer. That one may be expelled after that, and take the last copy along: who asks of members alone
//!   what they answer for allows that, and nothing else.
//! - It collected them, and they were of nothing that it listed.
//! - Its disk was lost. Of a node whose disk was lost after it had been asked for its word, that word may be believed yet.
//! - They rotted somewhere: everybody may have relied on what nobody had read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ods_store::{Digest, EvictReport, GcReport, Role, StoreError};
use tokio::time::Instant;

use super::machine::{FOLDER, Machine};
use super::promises::packages;

/// Who answers for what.
#[derive(Debug, Default)]
pub(super) struct Copies {
    answering: BTreeMap<Digest, BTreeSet<usize>>,
    /// When a copy was last lost with a disk.
    lost_at: BTreeMap<Digest, Instant>,
    rotted: BTreeSet<Digest>,
    /// Since when machines wait for the word of others before they let go.
    asking_since: BTreeMap<usize, Instant>,
    /// What was wrong first.
    fault: Option<String>,
}

impl Copies {
    /// A machine acknowledged something for which it has these bytes.
    pub(super) fn answers(&mut self, blob: Digest, machine: usize) {
        self.answering.entry(blob).or_default().insert(machine);
    }

    /// Something is about to change who may be relied on: all that these machines hold, they answer for.
    pub(super) fn all_answer(&mut self, machines: &[&Machine]) {
        for machine in machines {
            for blob in held(machine) {
                self.answers(blob, machine.number);
            }
        }
    }

    /// A bit of some copy flipped.
    pub(super) fn rotted(&mut self, blob: Digest) {
        self.rotted.insert(blob);
    }

    /// A machine that held these blobs let go of some, as it reports; or it didn't get to the end of that.
    pub(super) fn let_go(
        &mut self,
        machine: &Machine,
        others: &[&Machine],
        before: &BTreeSet<Digest>,
        report: Option<&EvictReport>,
    ) {
        let asking_since = self.asking_since.get(&machine.number).copied();
        for blob in before.iter().filter(|blob| report.is_none() || !holds(machine, blob)) {
            let was_lost = self.lost_at.get(blob).is_some_and(|lost| asking_since.is_some_and(|since| *lost >= since));
            let may_have = |other: &Machine| has_file(other, blob) && (other.is_dead() || holds(other, blob));
            let having: Vec<&&Machine> = others.iter().filter(|other| may_have(other)).collect();
            if was_lost || having.iter().any(|other| may_rely(machine, other)) {
                let answering = self.answering.entry(*blob).or_default();
                answering.remove(&machine.number);
                answering.extend(others.iter().filter(|other| holds(other, blob)).map(|other| other.number));
            } else if report.is_some() && !self.rotted.contains(blob) {
                let having: Vec<String> = having.iter().map(|other| other.name()).collect();
                let fault = format!("{} let go of {blob}, which of all others these have: {having:?}", machine.name());
                self.fault.get_or_insert(fault);
            }
        }
        match report {
            Some(report) if report.awaits_word => {
                self.asking_since.entry(machine.number).or_insert_with(Instant::now);
            }
            Some(_) => drop(self.asking_since.remove(&machine.number)),
            None => {}
        }
    }

    /// A machine that held these blobs collected what it doesn't need, or didn't get to the end of that.
    pub(super) fn collected(
        &mut self,
        machine: &Machine,
        before: &BTreeSet<Digest>,
        outcome: &Result<GcReport, StoreError>,
    ) {
        let listed: BTreeSet<Digest> = packages(machine.store()).into_iter().map(|package| package.blob).collect();
        for blob in before.iter().filter(|blob| outcome.is_err() || !holds(machine, blob)) {
            if !listed.contains(blob) {
                self.answering.entry(*blob).or_default().remove(&machine.number);
            } else if outcome.is_ok() {
                let fault = format!("{} collected {blob}, which it lists", machine.name());
                self.fault.get_or_insert(fault);
            }
        }
    }

    /// A machine that held some blobs has another disk, with these, or none: what it answered for, those do who hold it.
    pub(super) fn lost_with_a_disk(
        &mut self,
        number: usize,
        before: &BTreeSet<Digest>,
        after: &BTreeSet<Digest>,
        others: &[&Machine],
    ) {
        let now = Instant::now();
        // What a disk held whose power failed isn't read.
        let answered =
            self.answering.iter().filter(|(_, answering)| answering.contains(&number)).map(|(blob, _)| *blob);
        let before: BTreeSet<Digest> = answered.chain(before.iter().copied()).collect();
        for blob in before.difference(after) {
            self.lost_at.insert(*blob, now);
            let answering = self.answering.entry(*blob).or_default();
            answering.remove(&number);
            answering.extend(others.iter().filter(|other| holds(other, blob)).map(|other| other.number));
        }
    }

    /// What was wrong first, if anything was.
    pub(super) fn fault(&self) -> Result<(), String> {
        self.fault.clone().map_or(Ok(()), Err)
    }

    /// Whether each of these machines has what it answers for.
    pub(super) fn check(&self, machines: &[&Machine]) -> Result<(), String> {
        self.fault()?;
        for (blob, answering) in self.answering.iter().filter(|(blob, _)| !self.rotted.contains(blob)) {
            let mut members = machines.iter().filter(|machine| answering.contains(&machine.number));
            if let Some(machine) = members.find(|machine| !holds(machine, blob)) {
                return Err(format!("{} has not the bytes {blob}, for which it answers", machine.name()));
            }
        }
        Ok(())
    }
}

/// Whether a node may rely on another one's word, as far as it knows.
fn may_rely(machine: &Machine, other: &Machine) -> bool {
    let (roster, node) = (machine.store().roster(), other.store().node_id());
    node != machine.store().node_id() && roster.is_member(&node) && roster.role(&node) >= Some(Role::Publisher)
}

/// All blobs that a machine holds.
pub(super) fn held(machine: &Machine) -> BTreeSet<Digest> {
    blob_files(machine).iter().filter_map(|file| named(file)).filter(|blob| lists(machine, blob)).collect()
}

/// Whether it holds one.
fn holds(machine: &Machine, blob: &Digest) -> bool {
    has_file(machine, blob) && lists(machine, blob)
}

/// Whether a blob whose file is there is held; else it is left over.
fn lists(machine: &Machine, blob: &Digest) -> bool {
    machine.store().open_blob(blob, machine.now()).is_ok_and(|reader| reader.is_some())
}

fn has_file(machine: &Machine, blob: &Digest) -> bool {
    blob_files(machine).iter().any(|file| named(file) == Some(*blob))
}

/// Where blobs lie on a machine's disk.
pub(super) fn blob_files(machine: &Machine) -> Vec<std::path::PathBuf> {
    let folder = Path::new(FOLDER).join("blobs");
    machine.disk().file_names().into_iter().filter(|name| name.starts_with(&folder)).collect()
}

/// The blob that a file is named after.
pub(super) fn named(file: &Path) -> Option<Digest> {
    file.file_name()?.to_str()?.parse().ok()
}
