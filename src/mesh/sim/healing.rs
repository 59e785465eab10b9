//! The end of a run: nothing goes wrong any more, people repair what only people can, and the mesh has to agree again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ods_store::{NodeId, Rates, Role};
use tokio::time::Instant;

use super::super::limits::{BACK_OFF_MAX_MS, LINK_SILENCE_MS};
use super::history::History;
use super::machine::{End, Machine};
use super::network::Weather;
use super::promises::{missing, read_all, standing};
use super::world::{Joining, World};

/// In this time all catalogs, vectors and rosters are equal,
const AGREED_MS: u64 = 30_000;
/// ... once a node that moved behind a firewall may have learned that nobody calls it any more, by their silence, and has
/// opened a link (`linking.rs`), perhaps after a back-off. Until then nothing reaches it but what it asks for by itself, once
/// a minute or so. This begins when all lines are whole: before, it perhaps could ask nobody.
const LINKED_MS: u64 = LINK_SILENCE_MS + BACK_OFF_MAX_MS + 5_000;
/// In this time after that all bytes are everywhere; a node that doesn't keep them fetches them for those behind it only
/// once they have asked for a while, and then the next such node; and what is lost has its turns before some of what can come.
const BYTES_MS: u64 = 300_000;
/// How often nodes meanwhile end wants that nobody can meet.
const FORSAKEN_EVERY_MS: u64 = 60_000;
const LOOK_MS: u64 = 250;

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    /// How long it took until all agreed.
    pub(super) agreed_ms: u64,
    /// How long it took after that until all bytes were everywhere.
    pub(super) bytes_ms: u64,
    /// Members of the mesh at the end.
    pub(super) members: usize,
    /// Events they hold.
    pub(super) events: usize,
    /// Twins among them.
    pub(super) twins: usize,
    /// Packages listed.
    pub(super) packages: usize,
}

impl World {
    /// Ends all trouble, waits for agreement, and checks every promise.
    pub(super) async fn heal(&mut self) -> Result<Outcome, String> {
        self.trace.line("nothing goes wrong any more");
        self.repair().await;
        let members = self.members();
        self.connect(&members);
        let healed = Instant::now();
        let agreed = |world: &Self| {
            let mut standings = members.iter().map(|number| standing(world.machines[*number].store()));
            let first = standings.next();
            standings.all(|standing| Some(standing) == first)
        };
        let needs_links = self.moved.iter().any(|number| self.network.is_firewalled(*number));
        let allowed_ms = if needs_links { LINKED_MS + AGREED_MS } else { AGREED_MS };
        if !self.wait_for(allowed_ms, agreed).await? {
            return Err(format!(
                "the members {members:?} do not agree after {allowed_ms} ms:\n{}",
                self.stands(&members)
            ));
        }
        for number in &members {
            self.follow_policy(*number);
        }
        let agreed_ms = u64::try_from(healed.elapsed().as_millis()).unwrap_or(u64::MAX);
        // Clients download everything, and so meet what rotted.
        for machine in self.of(&members) {
            let fault = read_all(machine).err().filter(|_| !self.promises.may_have_rotted());
            fault.map_or(Ok(()), |fault| Err(format!("{}: {fault}, and nothing rotted", machine.name())))?;
        }
        let agreed_at = Instant::now();
        for _ in 0..BYTES_MS / FORSAKEN_EVERY_MS {
            if self.wait_for(FORSAKEN_EVERY_MS, |world| missing(&world.of(&members)).is_empty()).await? {
                break;
            }
            self.forsake(&members);
        }
        let bytes_ms = u64::try_from(agreed_at.elapsed().as_millis()).unwrap_or(u64::MAX);
        for number in &members {
            self.let_go(*number);
        }
        let machines = self.of(&members);
        self.promises.check(&machines)?;
        let history = machines.first().map(|machine| History::of(machine.store()));
        let history = history.as_ref();
        Ok(Outcome {
            agreed_ms,
            bytes_ms,
            members: members.len(),
            events: history.map_or(0, |history| history.events.len()),
            twins: history.map_or(0, |history| history.twins().len()),
            packages: history.map_or(0, |history| history.current().len()),
        })
    }

    /// What people do: start machines, mend lines, end pauses and clones, redeem invites again.
    async fn repair(&mut self) {
        self.network.set_weather(Weather::default());
        self.network.mend();
        let doomed = std::mem::take(&mut self.doomed);
        self.hurry().await;
        for number in 0..self.machines.len() {
            self.machines[number].limit(Rates::default());
            if self.machines[number].is_dead() {
                self.machines[number].end(End::PowerCut).await;
            } else if doomed.contains_key(&number) {
                self.machines[number].end(End::Killed).await;
            }
            let spare = number >= self.founded && (!self.used.contains(&number) || self.clones.contains(&number));
            if !spare {
                self.machines[number].start();
            }
        }
        // A clone that is gone took its invite along: the machine whose node it ran gives another one.
        let joining = std::mem::take(&mut self.joining).into_iter();
        let joining: Vec<Joining> =
            joining.map(|joining| Joining { inviter: self.original(joining.inviter), ..joining }).collect();
        self.network.set_callable(joining.iter().map(|joining| joining.inviter));
        for joining in joining {
            self.join(joining.joiner, joining.inviter, joining.role).await;
        }
        self.join_restored().await;
    }

    /// The machine whose own node another one runs, if that is a clone.
    fn original(&self, number: usize) -> usize {
        let is_clone = self.clones.contains(&number);
        let original = is_clone.then(|| self.number_of(&self.machines[number].store().node_id())).flatten();
        original.unwrap_or(number)
    }

    /// A node that was restored from a backup older than its joining, and is of another mesh since, is a member of the first
    /// founder's, unknown to it; so is one that was admitted before it joined, couldn't, and let others in meanwhile. Owners
    /// of both merge them. Of any other node this would be the program's mistake.
    async fn join_restored(&mut self) {
        let members = self.members();
        let own = |number: usize| self.machines[number].store().node_id();
        let roster = |number: usize| self.machines[number].store().roster();
        let first = roster(0).root();
        let knows = |number: usize| roster(number).standing(&first).is_some();
        let is_owner = |number: &usize| roster(*number).role(&own(*number)) == Some(Role::Owner) && knows(*number);
        let may_be_lost = |number: usize| self.put_back.contains(&number) || self.admitted_first.contains(&number);
        let lost = members.iter().filter(|number| may_be_lost(**number) && !knows(**number));
        let roots: BTreeSet<NodeId> = lost.map(|number| roster(*number).root()).collect();
        let running =
            self.machines.iter().filter(|machine| machine.is_running() && !self.clones.contains(&machine.number));
        let joiners = running.map(|machine| machine.number).filter(|number| roots.contains(&own(*number)));
        let joiners: Vec<usize> = joiners.collect();
        let Some(inviter) = members.iter().copied().find(is_owner).filter(|_| !joiners.is_empty()) else { return };
        self.network.set_callable([inviter]);
        for joiner in joiners {
            self.join(joiner, inviter, Role::Owner).await;
        }
    }

    /// The machines whose nodes are members of the first founder's mesh, by all that anybody of them says.
    fn members(&self) -> Vec<usize> {
        let own = |machine: &&Machine| !self.clones.contains(&machine.number) && machine.is_running();
        let machines: Vec<&Machine> = self.machines.iter().filter(own).collect();
        let members = History::together(machines.iter().map(|machine| machine.store())).members();
        machines
            .iter()
            .filter(|machine| members.contains(&machine.store().node_id()))
            .map(|machine| machine.number)
            .collect()
    }

    /// Sees to it that links are known on both sides, and that there is a way from each member to each. Two machines behind
    /// firewalls have none to each other.
    fn connect(&mut self, members: &[usize]) {
        let numbers: BTreeMap<NodeId, usize> =
            members.iter().map(|number| (self.machines[*number].store().node_id(), *number)).collect();
        let mut reached: BTreeSet<usize> = BTreeSet::new();
        let mut links: Vec<(usize, usize)> = Vec::new();
        for number in members {
            let peers = self.machines[*number].store().peers().expect("readable");
            links.extend(peers.iter().filter_map(|row| Some((*number, *numbers.get(&row.node)?))));
        }
        for (one, other) in &links {
            self.link(*one, *other);
        }
        let hub = members.iter().find(|number| !self.network.is_firewalled(**number)).or(members.first()).copied();
        if let Some(hub) = hub.filter(|hub| self.network.is_firewalled(*hub)) {
            self.trace.line(&format!("m{hub} can be called"));
            self.network.set_firewalled(&[]);
        }
        links.retain(|(one, other)| !self.network.is_firewalled(*one) || !self.network.is_firewalled(*other));
        for number in hub.iter().chain(members) {
            if reached.contains(number) {
                continue;
            }
            if let Some(hub) = hub.filter(|hub| hub != number) {
                self.trace.line(&format!("m{hub} and m{number} are linked"));
                self.link(hub, *number);
            }
            let mut next = vec![*number];
            while let Some(at) = next.pop() {
                if reached.insert(at) {
                    let ends = links.iter().flat_map(|(one, other)| [(*one, *other), (*other, *one)]);
                    next.extend(ends.filter(|(one, _)| *one == at).map(|(_, other)| other));
                }
            }
        }
    }

    fn of(&self, numbers: &[usize]) -> Vec<&Machine> {
        numbers.iter().map(|number| &self.machines[*number]).collect()
    }

    async fn wait_for(&mut self, limit_ms: u64, done: impl Fn(&Self) -> bool) -> Result<bool, String> {
        let limit = Instant::now() + Duration::from_millis(limit_ms);
        while !done(self) {
            if Instant::now() >= limit {
                return Ok(false);
            }
            self.pass(Instant::now() + Duration::from_millis(LOOK_MS)).await?;
        }
        Ok(true)
    }

    fn stands(&self, members: &[usize]) -> String {
        let line = |machine: &Machine| {
            let (vector, roster, catalog) = standing(machine.store());
            let held = vector.entries.iter().map(|(stream, state)| format!("{}:{}", stream.origin.short(), state.last));
            let held: Vec<String> = held.collect();
            let parts = [vector.digest(), roster, catalog].map(|digest| digest.to_string()[..6].to_owned());
            let peers: Vec<String> = machine
                .store()
                .peers()
                .unwrap_or_default()
                .iter()
                .map(|row| {
                    let status = machine.mesh().and_then(|mesh| mesh.status(&row.node));
                    let told = status.map(|status| format!("{} {:?}", status.state.as_str(), status.error));
                    format!("\n      {} {}", row.node.short(), told.unwrap_or_default())
                })
                .collect();
            format!(
                "  {} is {} {parts:?} {held:?}{}",
                machine.name(),
                machine.store().node_id().short(),
                peers.concat()
            )
        };
        self.of(members).into_iter().map(line).collect::<Vec<_>>().join("\n")
    }
}
