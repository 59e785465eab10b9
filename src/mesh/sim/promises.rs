//! What was promised to those who use the mesh, and whether it is kept once nothing goes wrong any more.

use std::collections::{BTreeMap, BTreeSet};

use ods_store::{
    Digest, EventId, LogQuery, NodeId, Package, PackageState, SetDigest, StatePolicy, Store, UnixMillis, Vector,
};

use super::copies::Copies;
use super::history::History;
use super::machine::Machine;
use super::steps::short;

/// What users were told, and what they know.
#[derive(Debug, Default)]
pub(super) struct Promises {
    /// Events that were acknowledged, and the machines that answer for them.
    acknowledged: BTreeMap<EventId, BTreeSet<usize>>,
    /// Who answers for bytes.
    pub(super) copies: Copies,
    /// A disk was lost, and with it what nobody else had.
    disk_was_lost: bool,
    /// Something rotted.
    rotted: bool,
    /// Digests of all bytes that were ever published, and their lengths.
    known: BTreeMap<Digest, u64>,
}

impl Promises {
    /// Bytes that somebody publishes, and the machine that acknowledged them.
    pub(super) fn knows(&mut self, bytes: &[u8], acknowledged: Option<usize>) {
        let digest = Digest::from_bytes(*blake3::hash(bytes).as_bytes());
        self.known.insert(digest, bytes.len() as u64);
        if let Some(machine) = acknowledged {
            self.copies.answers(digest, machine);
        }
    }

    /// Whether a disk was lost: then there may be twins.
    pub(super) fn disk_was_lost(&self) -> bool {
        self.disk_was_lost
    }

    /// A blob rotted on some disk.
    pub(super) fn rotted(&mut self, blob: Digest) {
        self.rotted = true;
        self.copies.rotted(blob);
    }

    /// Whether a node may find bytes that it stored damaged.
    pub(super) fn may_have_rotted(&self) -> bool {
        self.rotted
    }

    /// A change was acknowledged.
    pub(super) fn acknowledged(&mut self, event: EventId, machine: usize) {
        self.acknowledged.entry(event).or_default().insert(machine);
    }

    /// A machine loses its disk: what it answered for, those do who hold it; what nobody does is lost, and nobody's fault.
    pub(super) fn loses_its_disk(&mut self, machine: usize, others: &[&Machine]) {
        self.disk_was_lost = true;
        let held: Vec<_> = others.iter().map(|other| (other.number, History::of(other.store()).events)).collect();
        for (event, answering) in &mut self.acknowledged {
            if answering.remove(&machine) {
                answering
                    .extend(held.iter().filter(|(_, events)| events.contains_key(event)).map(|(number, _)| number));
            }
        }
        self.acknowledged.retain(|_, answering| !answering.is_empty());
    }

    /// Whether all that was promised holds on these machines, whose nodes are the mesh.
    pub(super) fn check(&self, machines: &[&Machine]) -> Result<(), String> {
        for machine in machines {
            let name = machine.name();
            let said = |fault: String| format!("{name}: {fault}");
            let history = History::of(machine.store());
            self.check_events(&history, machines).map_err(said)?;
            check_trust(machine.store(), &history).map_err(said)?;
            check_catalog(machine.store(), &history).map_err(said)?;
            self.check_bytes(machine).map_err(said)?;
        }
        check_blobs(machines)?;
        self.copies.check(machines)
    }

    fn check_events(&self, history: &History, machines: &[&Machine]) -> Result<(), String> {
        let answers = |answering: &BTreeSet<usize>| machines.iter().any(|machine| answering.contains(&machine.number));
        let promised = self.acknowledged.iter().filter(|(_, answering)| answers(answering));
        let lost = promised.into_iter().find(|(event, _)| !history.events.contains_key(event));
        lost.map_or(Ok(()), |(event, answering)| {
            Err(format!("it lacks event {}, for which these machines answer: {answering:?}", short(event)))
        })
    }

    /// Every byte of every package that is listed as here.
    fn check_bytes(&self, machine: &Machine) -> Result<(), String> {
        for package in packages(machine.store()) {
            if package.state != PackageState::Stored {
                continue;
            }
            let bytes = read(machine.store(), &package, machine.now())?;
            let digest = Digest::from_bytes(*blake3::hash(&bytes).as_bytes());
            let known = self.known.get(&digest) == Some(&package.size);
            if digest != package.blob || !known || bytes.len() as u64 != package.size {
                return Err(format!("{} has wrong bytes", package.path));
            }
        }
        Ok(())
    }
}

/// How a node stands, as far as nodes must agree.
pub(super) fn standing(store: &Store) -> (Vector, SetDigest, SetDigest) {
    let overview = store.overview().expect("readable");
    (overview.vector, store.roster_digest(), overview.catalog_digest)
}

/// Cursors tell the truth: whatever a peer's log has up to one is held here. (Not where there are twins: those are found
/// by vector.) `with_key` finds a peer's store.
pub(super) fn check_cursors<'a>(store: &Store, with_key: impl Fn(&NodeId) -> Option<&'a Store>) -> Result<(), String> {
    let mut held: Option<BTreeSet<EventId>> = None;
    for row in store.peers().expect("readable") {
        let cursor = store.peer_cursor(&row.node).expect("readable");
        let Some((cursor, peer)) = cursor.zip(with_key(&row.node)) else { continue };
        let query = LogQuery { cursor: None, vector: Vector::default() };
        let page = peer.log_page(&query).expect("readable");
        let read: Vec<EventId> =
            page.items.iter().filter(|(lsn, _)| *lsn <= cursor.lsn).map(|(_, signed)| signed.id()).collect();
        let is_same_log = cursor.log_id == page.cursor.log_id && read.last().is_none_or(|last| *last == cursor.event);
        let held = held.get_or_insert_with(|| History::of(store).events.into_keys().collect());
        if let Some(lacking) = read.iter().find(|id| is_same_log && !held.contains(id)) {
            return Err(format!(
                "the cursor on {}'s log is past event {}, which is not held",
                row.name,
                short(lacking)
            ));
        }
    }
    Ok(())
}

/// All packages that a node lists.
pub(super) fn packages(store: &Store) -> Vec<Package> {
    store.packages(None, 1000, &mut |_| true).expect("readable").items
}

/// Reads all that is here; what is damaged is set aside and wanted again. What was wrong first.
pub(super) fn read_all(machine: &Machine) -> Result<(), String> {
    let packages = packages(machine.store()).into_iter();
    let here = packages.filter(|package| package.state == PackageState::Stored);
    let read = here.map(|package| read(machine.store(), &package, machine.now()).map(drop)).collect::<Vec<_>>();
    read.into_iter().collect()
}

fn read(store: &Store, package: &Package, now: UnixMillis) -> Result<Vec<u8>, String> {
    let reader = store.open_blob(&package.blob, now).map_err(|error| error.to_string())?;
    let reader = reader.ok_or_else(|| format!("{} is listed as stored and is not there", package.path))?;
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < reader.size() {
        let part = reader.read(bytes.len() as u64, 1 << 20, now).map_err(|error| error.to_string())?;
        if part.is_empty() {
            return Err(format!("{} ends early", package.path));
        }
        bytes.extend(part);
    }
    Ok(bytes)
}

/// The roster is what its statements say.
fn check_trust(store: &Store, history: &History) -> Result<(), String> {
    let roster = store.roster();
    let folded: BTreeMap<_, _> =
        roster.nodes().map(|(node, standing)| (*node, (standing.role, standing.is_expelled()))).collect();
    let expected = history.standings();
    if folded == expected { Ok(()) } else { Err(format!("it trusts {folded:?}; the statements say {expected:?}")) }
}

/// The catalog is what the events say: above all, nothing is listed that an effective Remove descends from.
fn check_catalog(store: &Store, history: &History) -> Result<(), String> {
    let listed: BTreeMap<String, EventId> =
        packages(store).into_iter().map(|package| (package.path.to_string(), package.revision)).collect();
    let expected = history.current();
    if listed == expected { Ok(()) } else { Err(format!("it lists {listed:?}; the events say {expected:?}")) }
}

/// Every node has the bytes of what it lists, or wants them if nobody has them.
fn check_blobs(machines: &[&Machine]) -> Result<(), String> {
    let missing = missing(machines);
    if let Some((name, package)) = missing.first() {
        return Err(format!("{name} has not the bytes of {}, which another one has", package.path));
    }
    for machine in machines {
        let policy = machine.store().policy().expect("readable");
        let lacks = |package: &Package| package.state != PackageState::Stored && keeps(&policy, package);
        let mut lacking = packages(machine.store()).into_iter().filter(lacks);
        let forgotten = lacking.find(|package| !machine.store().is_wanted(&package.blob).unwrap_or(false));
        if let Some(package) = forgotten {
            return Err(format!("{} neither has nor wants the bytes of {}", machine.name(), package.path));
        }
    }
    Ok(())
}

/// Packages whose bytes some machine has and another one hasn't.
pub(super) fn missing(machines: &[&Machine]) -> Vec<(String, Package)> {
    let held = held(machines);
    let lacking = machines.iter().flat_map(|machine| {
        let policy = machine.store().policy().expect("readable");
        let should = |package: &Package| package.state != PackageState::Remote || keeps(&policy, package);
        let lacks = |package: &Package| package.state != PackageState::Stored && held.contains(&package.blob);
        let lacking = packages(machine.store()).into_iter().filter(|package| lacks(package) && should(package));
        lacking.map(|package| (machine.name(), package)).collect::<Vec<_>>()
    });
    lacking.collect()
}

/// What is held by some machine, of what they list.
fn held(machines: &[&Machine]) -> BTreeSet<Digest> {
    let listed = machines.iter().flat_map(|machine| packages(machine.store()));
    listed.filter(|package| package.state == PackageState::Stored).map(|package| package.blob).collect()
}

/// Whether a policy of the simulation keeps a package.
fn keeps(policy: &StatePolicy, package: &Package) -> bool {
    match policy {
        StatePolicy::All => true,
        StatePolicy::OnDemand { .. } => false,
        StatePolicy::Selected { paths, tags } => {
            let path = package.path.as_str();
            let selects = |glob: &String| glob.strip_suffix('*').map_or(path == glob, |start| path.starts_with(start));
            let its_tags = package.meta.get("tags").map(String::as_str).unwrap_or_default();
            paths.iter().any(selects) || its_tags.split(',').any(|tag| tags.iter().any(|selected| selected == tag))
        }
    }
}
