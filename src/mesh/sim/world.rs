//! All machines of a run, the network between them, and what was promised to those who use them. Performs a script.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use std::time::Duration;

use ods_api::{InviteLine, JoinError};
use ods_store::{Author, NewInvite, NodeId, PeerRow, Role, SimDisk};
use tokio::time::{Instant, sleep_until};

use super::backups::Backup;
use super::episodes::FURTHER_FROM;
use super::machine::{End, Machine};
use super::network::Network;
use super::promises::{Promises, check_cursors};
use super::random::Random;
use super::script::{Script, Step};
use super::trace::Trace;

/// Machines that a run may have.
const MACHINES_MAX: usize = 14;
/// How often machines are looked at for a power cut that struck.
const LOOK_MS: u64 = 20;
const HOUR_MS: u64 = 3_600_000;

/// Something to do later.
#[derive(Debug, Clone)]
pub(super) enum Later {
    Start(usize),
    Mend(Vec<(usize, usize)>),
    Resume(usize, NodeId),
    EndClone(usize),
    EndDrip(usize),
}

/// An invite that somebody is redeeming until it works.
#[derive(Debug, Clone)]
pub(super) struct Joining {
    pub(super) joiner: usize,
    pub(super) inviter: usize,
    pub(super) role: Role,
}

/// The world of a run.
pub(super) struct World {
    pub(super) machines: Vec<Machine>,
    /// How many of the machines have a node of their own in some mesh; the others are spare.
    pub(super) founded: usize,
    pub(super) network: Network,
    pub(super) random: Random,
    pub(super) trace: Trace,
    pub(super) promises: Promises,
    pub(super) joining: Vec<Joining>,
    pub(super) snapshots: BTreeMap<usize, SimDisk>,
    pub(super) backups: BTreeMap<usize, Backup>,
    /// Machines that run another one's node.
    pub(super) clones: BTreeSet<usize>,
    /// Clones that were switched off for good.
    pub(super) ended: BTreeSet<usize>,
    /// Spare machines that were used.
    pub(super) used: BTreeSet<usize>,
    pub(super) doomed: BTreeMap<usize, u64>,
    /// Machines that moved behind a firewall.
    pub(super) moved: BTreeSet<usize>,
    /// Machines that were put back to an earlier state of their disks.
    pub(super) put_back: BTreeSet<usize>,
    /// Machines whose nodes were admitted before they joined.
    pub(super) admitted_first: BTreeSet<usize>,
    /// Whether all cursors are looked at after each commit.
    watched: bool,
    later: Vec<(Instant, Later)>,
}

/// Disks on each of which a node was started once: machine by machine the same in all runs.
fn fresh_disk(number: usize) -> SimDisk {
    static DISKS: OnceLock<Vec<SimDisk>> = OnceLock::new();
    let disks = DISKS.get_or_init(|| {
        let trace = Trace::new(false);
        let network = Network::new(MACHINES_MAX, Random::new(0), trace);
        let fresh = |number| {
            let disk = SimDisk::new();
            let random = Random::new(1000 + number as u64);
            drop(Machine::new(number, disk.clone(), network.clone(), random));
            disk
        };
        (0..MACHINES_MAX).map(fresh).collect()
    });
    disks[number].copy()
}

pub(super) fn author() -> Author {
    Author::new("somebody")
}

impl World {
    /// The machines of a script, none of which runs yet.
    pub(super) fn new(script: &Script, trace: Trace) -> Self {
        let random = Random::new(script.seed ^ 0x5eed);
        let network = Network::new(script.machines(), Random::new(random.any()), trace.clone());
        if script.seed >= FURTHER_FROM {
            network.have_the_killed_hang_up();
        }
        if script.has_firewalls() {
            network.expect_firewalls();
        }
        let machine = |number| {
            let machine = Machine::new(number, fresh_disk(number), network.clone(), Random::new(random.any()));
            machine.set_clock(script.founders.get(number).map_or(0, |founder| founder.clock_error_ms));
            machine
        };
        let machines = (0..script.machines()).map(machine).collect();
        Self {
            machines,
            founded: script.founders.len(),
            network,
            random,
            trace,
            promises: Promises::default(),
            joining: Vec::new(),
            snapshots: BTreeMap::new(),
            backups: BTreeMap::new(),
            clones: BTreeSet::new(),
            ended: BTreeSet::new(),
            used: BTreeSet::new(),
            doomed: BTreeMap::new(),
            moved: BTreeSet::new(),
            put_back: BTreeSet::new(),
            admitted_first: BTreeSet::new(),
            watched: script.watched,
            later: Vec::new(),
        }
    }

    /// Starts the founders, lets them join, and links them, while nothing goes wrong.
    pub(super) async fn found(&mut self, script: &Script) {
        for (number, founder) in script.founders.iter().enumerate() {
            self.machines[number].start();
            if let Some(via) = founder.via {
                self.join(number, self.owner_from(via), founder.role).await;
            }
        }
        for (one, other) in &script.links {
            self.link(*one, *other);
        }
        self.network.set_firewalled(&script.firewalled);
        // A node that was called minutes ago takes itself for one that can be.
        for number in &script.firewalled {
            self.machines[*number].end(End::Killed).await;
            self.machines[*number].start();
        }
    }

    /// The machine itself if its node may admit others, else the first founder of its mesh.
    fn owner_from(&self, via: usize) -> usize {
        let is_owner =
            |machine: &Machine| machine.store().roster().role(&machine.store().node_id()) == Some(Role::Owner);
        if is_owner(&self.machines[via]) {
            return via;
        }
        let root = self.machines[via].store().roster().root();
        self.number_of(&root).unwrap_or(0)
    }

    /// The machine whose own node this is.
    pub(super) fn number_of(&self, node: &NodeId) -> Option<usize> {
        let own = |machine: &&Machine| !self.clones.contains(&machine.number) && machine.store().node_id() == *node;
        self.machines.iter().find(own).map(|machine| machine.number)
    }

    /// Does the steps at their times, and what follows from them.
    pub(super) async fn perform(&mut self, steps: &[(u64, Step)]) -> Result<(), String> {
        let started = Instant::now();
        for (at_ms, step) in steps {
            self.pass(started + Duration::from_millis(*at_ms)).await?;
            self.trace.line(&format!("{step:?}"));
            self.step(*step).await;
            self.promises.copies.fault()?;
            self.look_at_cursors()?;
        }
        Ok(())
    }

    /// Looks at one machine's cursors.
    fn look_at_cursors(&self) -> Result<(), String> {
        if self.promises.disk_was_lost() || !self.clones.is_empty() {
            return Ok(());
        }
        self.look_at_cursors_of(self.random.index(self.machines.len()))
    }

    fn look_at_cursors_of(&self, number: usize) -> Result<(), String> {
        let machine = &self.machines[number];
        let with_key = |node: &NodeId| self.number_of(node).map(|number| self.machines[number].store());
        check_cursors(machine.store(), with_key).map_err(|fault| format!("{}: {fault}", machine.name()))
    }

    /// Looks at the cursors of all machines whose stores changed since the last time.
    fn watch_cursors(&self) -> Result<(), String> {
        if !self.watched || self.promises.disk_was_lost() || !self.clones.is_empty() {
            return Ok(());
        }
        let changed = self.machines.iter().filter(|machine| machine.take_committed());
        changed.map(|machine| machine.number).try_for_each(|number| self.look_at_cursors_of(number))
    }

    /// Lets time pass, and does on the way what is due.
    pub(super) async fn pass(&mut self, until: Instant) -> Result<(), String> {
        while Instant::now() < until {
            let next = self.later.iter().map(|(at, _)| *at).min().unwrap_or(until).min(until);
            sleep_until(next.min(Instant::now() + Duration::from_millis(LOOK_MS))).await;
            self.look().await?;
        }
        Ok(())
    }

    /// Does what is due, and ends machines whose power failed.
    async fn look(&mut self) -> Result<(), String> {
        for number in 0..self.machines.len() {
            if let Some(panic) = self.machines[number].panicked() {
                return Err(format!("m{number}: {panic}"));
            }
            if self.machines[number].is_dead() {
                self.power_cut(number).await?;
            }
        }
        self.watch_cursors()?;
        let now = Instant::now();
        let (due, later) = std::mem::take(&mut self.later).into_iter().partition(|(at, _)| *at <= now);
        self.later = later;
        let due: Vec<(Instant, Later)> = due;
        for (_, what) in due {
            self.trace.line(&format!("{what:?}"));
            self.do_later(what).await;
        }
        Ok(())
    }

    async fn power_cut(&mut self, number: usize) -> Result<(), String> {
        self.trace.line(&format!("m{number} loses its power"));
        self.machines[number].end(End::PowerCut).await;
        let down_ms = self.doomed.remove(&number).unwrap_or(0);
        self.later(down_ms, Later::Start(number));
        self.look_at_cursors()
    }

    pub(super) fn later(&mut self, after_ms: u64, what: Later) {
        self.later.push((Instant::now() + Duration::from_millis(after_ms), what));
    }

    pub(super) async fn do_later(&mut self, what: Later) {
        match what {
            // That may have been put off since before a clone's end.
            Later::Start(number) if self.ended.contains(&number) => {}
            Later::Start(number) => self.machines[number].start(),
            Later::Mend(pairs) => pairs.iter().for_each(|(one, other)| self.network.set_cut(*one, *other, false)),
            Later::Resume(number, node) => self.set_paused(number, &node, false),
            Later::EndClone(number) => self.end_clone(number).await,
            Later::EndDrip(number) => self.network.set_dripping(number, false),
        }
    }

    /// Does everything now that was to be done later.
    pub(super) async fn hurry(&mut self) {
        for (_, what) in std::mem::take(&mut self.later) {
            self.do_later(what).await;
        }
    }

    /// Ends all machines.
    pub(super) async fn end(&mut self) {
        for machine in &mut self.machines {
            machine.end(End::Killed).await;
        }
    }

    /// Redeems an invite of one machine on another. Who published in the meantime asks for another invite.
    pub(super) async fn join(&mut self, joiner: usize, inviter: usize, role: Role) {
        let joined = self.redeem(joiner, inviter, role).await;
        if joined.is_some_and(|joined| joined.is_err_and(|error| error.code() == "replica_has_events")) {
            self.redeem(joiner, inviter, Role::Publisher).await;
        }
    }

    async fn redeem(&mut self, joiner: usize, inviter: usize, role: Role) -> Option<Result<NodeId, JoinError>> {
        let line = self.invite(inviter, role)?;
        self.used.insert(joiner);
        self.joining.push(Joining { joiner, inviter, role });
        let mesh = self.machines[joiner].mesh().cloned()?;
        let joined = mesh.join(line.to_string(), author()).await;
        self.trace.line(&format!("m{joiner} joins m{inviter}: {joined:?}"));
        let again = [
            JoinError::Stopped.code(),
            JoinError::Store.code(),
            "node_unreachable",
            "bad_peer_answer",
            "still_joining",
        ];
        if !joined.as_ref().is_err_and(|error| again.contains(&error.code())) {
            self.joining.pop();
        }
        Some(joined)
    }

    fn invite(&self, inviter: usize, role: Role) -> Option<InviteLine> {
        let machine = &self.machines[inviter];
        let (store, expires_at) = (machine.store(), machine.now().plus_ms(HOUR_MS));
        let new = NewInvite { role, prefixes: vec![], expires_at };
        let row = store.create_invite(&new, &author(), machine.now()).ok()?;
        Some(InviteLine {
            id: row.id,
            secret: row.secret,
            node: store.node_id(),
            root: store.roster().root(),
            role,
            prefixes: row.prefixes,
            expires_at,
            urls: vec![machine.url()],
            tls_pin: None,
        })
    }

    /// Links two machines' nodes, on both sides, as people do who give each a url of the other.
    pub(super) fn link(&self, one: usize, other: usize) {
        for (from, to) in [(one, other), (other, one)] {
            let (from, to) = (&self.machines[from], &self.machines[to]);
            if from.store().node_id() == to.store().node_id() {
                return;
            }
            let row = PeerRow {
                node: to.store().node_id(),
                name: to.name(),
                urls: vec![to.url()],
                observed_url: None,
                tls_pin: None,
                paused: false,
                added_at: from.now(),
            };
            let _ = from.store().put_peer(&row, &author(), from.now());
        }
    }

    pub(super) fn set_paused(&self, number: usize, node: &NodeId, paused: bool) {
        let machine = &self.machines[number];
        if let Ok(Some(row)) = machine.store().peer(node) {
            let _ = machine.store().put_peer(&PeerRow { paused, ..row }, &author(), machine.now());
        }
    }
}
