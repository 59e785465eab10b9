//! What each step of a script does.

use std::collections::BTreeSet;
use std::time::Duration;

use ods_api::PeerState;
use ods_store::{
    Admit, Condition, Digest, EventId, EvictStep, Expected, GcMode, Keep, MetaPatch, Package, PackagePath,
    PublishRequest, Rates, Retention, Role, SimDisk, SpacePolicy, StatePolicy, Store, StoreError,
};

use tokio::time::sleep;

use super::copies::{self, held};
use super::machine::{End, Machine};
use super::script::{PATHS, Step};
use super::world::{Later, World, author};

/// How long after a goodbye was heard it shows.
const HEARD_MS: u64 = 20;

/// The path with this number.
pub(super) fn path(number: usize) -> PackagePath {
    PackagePath::parse(&format!("p{}.pkg", number % PATHS)).expect("a path")
}

impl World {
    /// Does a step, if it makes sense now.
    pub(super) async fn step(&mut self, step: Step) {
        match step {
            Step::Publish { machine, .. }
            | Step::PublishSame { machine, .. }
            | Step::Retag { machine, .. }
            | Step::Restore { machine, .. }
            | Step::Remove { machine, .. } => self.change(machine, step),
            Step::Kill { machine, down_ms } => self.kill(machine, down_ms).await,
            Step::Stop { machine, down_ms } => self.stop(machine, down_ms).await,
            Step::Doom { machine, operations, down_ms } => {
                if let Some(number) = self.running(machine) {
                    self.machines[number].doom(operations);
                    self.doomed.insert(number, down_ms);
                }
            }
            Step::Snapshot { machine } => {
                if let Some(number) = self.running(machine) {
                    let disk = self.machines[number].disk().crash(self.random.any());
                    self.snapshots.insert(number, disk);
                }
            }
            Step::RollBack { machine, then_publish } => self.roll_back(machine, then_publish).await,
            Step::BackUp { .. } | Step::Recover { .. } => self.recover(step).await,
            Step::Clone { machine, for_ms } => self.clone_machine(machine, for_ms).await,
            Step::Join { .. } | Step::JoinWithin { .. } | Step::Merge { .. } => self.grow(step).await,
            Step::Cut { .. }
            | Step::Partition { .. }
            | Step::Weather { .. }
            | Step::Drip { .. }
            | Step::MoveBehind { .. } => self.disturb(step),
            Step::Limit { machine, down, up } => {
                let number = machine % self.machines.len();
                self.machines[number].limit(Rates { down, up });
            }
            Step::Link { .. } | Step::Unlink { .. } | Step::Pause { .. } => self.relink(step),
            Step::Raise { owner, node } => self.raise(owner, node),
            Step::RaiseWithin { owner, node, path } => self.raise_within(owner, node, path),
            Step::Expel { owner, node } => self.expel_by(&[(owner, node)]),
            Step::ExpelEachOther { one, other } => self.expel_by(&[(one, other), (other, one)]),
            Step::Rot { machine, which, offset } => self.rot(machine, which, offset).await,
            Step::Policy { machine, policy } => self.set_policy(machine, policy),
            Step::LetGo { machine } => {
                if let Some(number) = self.running(machine) {
                    self.let_go(number);
                }
            }
            Step::Clock { .. } | Step::Gc { .. } | Step::Sync { .. } | Step::Ask { .. } | Step::AskFor { .. } => {
                self.care(step);
            }
        }
    }

    /// A machine that runs, by a number modulo how many do.
    pub(super) fn running(&self, pick: usize) -> Option<usize> {
        let running: Vec<usize> =
            self.machines.iter().filter(|machine| machine.is_running()).map(|machine| machine.number).collect();
        running.get(pick % running.len().max(1)).copied()
    }

    /// Two different ones.
    fn pair(&self, one: usize, other: usize) -> Option<(usize, usize)> {
        self.running(one).zip(self.running(other)).filter(|(one, other)| one != other)
    }

    fn change(&mut self, machine: usize, step: Step) {
        if let Some(number) = self.running(machine) {
            self.change_at(number, step);
        }
    }

    fn change_at(&mut self, number: usize, step: Step) {
        let (Step::Publish { path: at, .. }
        | Step::PublishSame { path: at, .. }
        | Step::Retag { path: at, .. }
        | Step::Restore { path: at, .. }
        | Step::Remove { path: at, .. }) = step
        else {
            return;
        };
        let (machine, seed) = (&self.machines[number], self.random.any());
        let request = |meta| PublishRequest { path: path(at), meta, condition: Condition::None, author: author() };
        let (store, now) = (machine.store(), machine.now());
        let outcome = match step {
            Step::Publish { .. } | Step::PublishSame { .. } => {
                let bytes = bytes_of(step, seed);
                let published = publish(machine, &request(MetaPatch::new()), &bytes);
                self.promises.knows(&bytes, published.is_ok().then_some(number));
                published
            }
            Step::Retag { tag, .. } => {
                let meta = MetaPatch::from([("tags".to_owned(), Some(format!("t{tag}")))]);
                store.edit(&request(meta), now).map(|published| published.package.revision)
            }
            Step::Restore { which, .. } => {
                let restored = restore(machine, which, &request(MetaPatch::new()));
                restored.map(|package| {
                    // Nobody restores what isn't there.
                    self.promises.copies.answers(package.blob, number);
                    package.revision
                })
            }
            _ => store.remove(&path(at), &Condition::None, &author(), now),
        };
        let told = match &outcome {
            Ok(event) => format!("event {}", short(event)),
            Err(error) => format!("refused: {error}"),
        };
        self.trace.line(&format!("  m{number}: {told}"));
        if let Ok(event) = outcome {
            self.promises.acknowledged(event, number);
        }
    }

    async fn kill(&mut self, machine: usize, down_ms: u64) {
        let Some(number) = self.running(machine) else { return };
        self.trace.line(&format!("  m{number}"));
        self.kill_machine(number, down_ms).await;
    }

    async fn kill_machine(&mut self, number: usize, down_ms: u64) {
        let end = if self.machines[number].is_dead() { End::PowerCut } else { End::Killed };
        self.doomed.remove(&number);
        self.machines[number].end(end).await;
        self.later(down_ms, Later::Start(number));
    }

    async fn stop(&mut self, machine: usize, down_ms: u64) {
        let Some(number) = self.running(machine) else { return };
        self.machines[number].say_goodbye().await;
        sleep(Duration::from_millis(HEARD_MS)).await;
        let node = self.machines[number].store().node_id();
        let shown = |other: &Machine| other.mesh().and_then(|mesh| mesh.status(&node)).map(|status| status.state);
        let others = self.machines.iter().filter(|other| shown(other) == Some(PeerState::Unreachable));
        let others: Vec<String> = others.map(Machine::name).collect();
        self.trace.line(&format!("  m{number} said goodbye; as unreachable it is shown by {others:?}"));
        self.kill_machine(number, down_ms).await;
    }

    async fn roll_back(&mut self, machine: usize, then_publish: Option<usize>) {
        let with: Vec<usize> = self.snapshots.keys().copied().filter(|number| !self.ended.contains(number)).collect();
        let Some(number) = with.get(machine % with.len().max(1)).copied() else { return };
        let disk = self.snapshots[&number].copy();
        self.put_back(number, disk, then_publish).await;
    }

    /// Puts an older disk into a machine.
    pub(super) async fn put_back(&mut self, number: usize, disk: SimDisk, then_publish: Option<usize>) {
        self.put_back.insert(number);
        self.trace.line(&format!("  m{number}"));
        self.loses_its_disk(number);
        let before = held(&self.machines[number]);
        self.doomed.remove(&number);
        self.machines[number].replace_disk(disk).await;
        self.lost_with_a_disk(number, &before, &held(&self.machines[number]));
        if let Some(at) = then_publish {
            self.change_at(number, Step::Publish { machine: number, path: at, size: 100 });
        }
        self.machines[number].start();
    }

    /// What only this machine holds is about to be lost with its disk.
    pub(super) fn loses_its_disk(&mut self, number: usize) {
        let others: Vec<&Machine> = self.machines.iter().filter(|machine| machine.number != number).collect();
        self.promises.loses_its_disk(number, &others);
    }

    /// Of the blobs that were there before, those are lost that aren't there after.
    fn lost_with_a_disk(&mut self, number: usize, before: &BTreeSet<Digest>, after: &BTreeSet<Digest>) {
        let others = others(&self.machines, number, &self.ended);
        self.promises.copies.lost_with_a_disk(number, before, after, &others);
    }

    async fn clone_machine(&mut self, machine: usize, for_ms: u64) {
        let spare = (self.founded..self.machines.len()).find(|number| !self.used.contains(number));
        let (Some(number), Some(spare)) = (self.running(machine), spare) else { return };
        if self.clones.contains(&number) {
            return;
        }
        self.trace.line(&format!("  m{spare} is m{number} as well"));
        let disk = self.machines[number].disk().crash(self.random.any());
        self.used.insert(spare);
        self.clones.insert(spare);
        self.machines[spare].replace_disk(disk).await;
        self.machines[spare].start();
        self.later(for_ms, Later::EndClone(spare));
    }

    /// The clone is noticed and switched off for good.
    pub(super) async fn end_clone(&mut self, spare: usize) {
        self.loses_its_disk(spare);
        self.ended.insert(spare);
        self.lost_with_a_disk(spare, &held(&self.machines[spare]), &BTreeSet::new());
        self.machines[spare].end(End::Killed).await;
    }

    async fn grow(&mut self, step: Step) {
        match step {
            Step::Join { via, role } => {
                let spare = (self.founded..self.machines.len()).find(|number| !self.used.contains(number));
                let (Some(via), Some(spare)) = (self.running(via), spare) else { return };
                self.machines[spare].start();
                self.join(spare, via, [Role::Owner, Role::Publisher, Role::Replica][role % 3]).await;
            }
            Step::JoinWithin { via, path } => self.join_within(via, path).await,
            Step::Merge { one, other } => {
                let Some((one, other)) = self.pair(one, other) else { return };
                let root = |number: usize| self.machines[number].store().roster().root();
                if root(one) != root(other) && !self.clones.contains(&one) && !self.clones.contains(&other) {
                    self.join(one, other, Role::Owner).await;
                }
            }
            _ => {}
        }
    }

    async fn join_within(&mut self, via: usize, at: usize) {
        let spare = (self.founded..self.machines.len()).find(|number| !self.used.contains(number));
        let (Some(via), Some(spare)) = (self.running(via), spare) else { return };
        let owns = |store: &Store| store.roster().role(&store.node_id()) == Some(Role::Owner);
        if !owns(self.machines[via].store()) {
            return;
        }
        self.machines[spare].start();
        for path in [at, at + 1] {
            self.change_at(spare, Step::Publish { machine: spare, path, size: 100 });
        }
        self.admit_within(via, spare, at);
        self.admitted_first.insert(spare);
        self.join(spare, via, Role::Publisher).await;
    }

    fn disturb(&mut self, step: Step) {
        match step {
            Step::Cut { one, other, for_ms } => {
                let count = self.machines.len();
                let pair = (one % count, other % count);
                self.network.set_cut(pair.0, pair.1, true);
                self.later(for_ms, Later::Mend(vec![pair]));
            }
            Step::Partition { part, for_ms } => {
                let count = self.machines.len();
                let inside = |number: usize| part >> number & 1 == 1;
                let pairs: Vec<_> = (0..count)
                    .flat_map(|one| (0..one).map(move |other| (one, other)))
                    .filter(|(one, other)| inside(*one) != inside(*other))
                    .collect();
                for (one, other) in &pairs {
                    self.network.set_cut(*one, *other, true);
                }
                self.later(for_ms, Later::Mend(pairs));
            }
            Step::MoveBehind { machine } => {
                self.network.move_behind(machine % self.founded);
                self.moved.insert(machine % self.founded);
            }
            Step::Drip { machine, for_ms } => {
                let machine = machine % self.machines.len();
                self.network.set_dripping(machine, true);
                self.later(for_ms, Later::EndDrip(machine));
            }
            _ => drop(step.weather().map(|weather| self.network.set_weather(weather))),
        }
    }

    fn relink(&mut self, step: Step) {
        match step {
            Step::Link { one, other } => {
                let Some((one, other)) = self.pair(one, other) else { return };
                self.link(one, other);
            }
            Step::Unlink { one, other } => {
                let Some((one, other)) = self.pair(one, other) else { return };
                let node = self.machines[other].store().node_id();
                let _ =
                    self.machines[one].store().remove_peer(&node, &Expected::Any, &author(), self.machines[one].now());
            }
            Step::Pause { one, other, for_ms } => {
                let Some((one, other)) = self.pair(one, other) else { return };
                let node = self.machines[other].store().node_id();
                self.set_paused(one, &node, true);
                self.later(for_ms, Later::Resume(one, node));
            }
            _ => {}
        }
    }

    fn raise(&self, owner: usize, node: usize) {
        let Some((owner, node)) = self.pair(owner, node) else { return };
        let (machine, other) = (&self.machines[owner], self.machines[node].store());
        if machine.store().roster().role(&other.node_id()) == Some(Role::Replica) {
            let admit = Admit { node: other.node_id(), role: Role::Publisher, prefixes: vec![] };
            let told = machine.store().admit(&admit, &author(), machine.now());
            self.trace.line(&format!("  m{owner} raises m{node}: {:?}", told.map_err(|error| error.to_string())));
        }
    }

    /// What it may publish by now stays.
    fn raise_within(&self, owner: usize, node: usize, at: usize) {
        let Some((owner, node)) = self.pair(owner, node) else { return };
        // Who is none of the mesh would be a member without an invite to join by.
        if self.machines[owner].store().roster().is_member(&self.machines[node].store().node_id()) {
            self.admit_within(owner, node, at);
        }
    }

    fn admit_within(&self, owner: usize, node: usize, at: usize) {
        let (machine, node) = (&self.machines[owner], self.machines[node].store().node_id());
        let prefixes = if at < PATHS { vec![path(at).to_string()] } else { vec![] };
        let told = machine.store().admit(&Admit { node, role: Role::Publisher, prefixes }, &author(), machine.now());
        self.trace.line(&format!("  m{owner} raises {}: {:?}", node.short(), told.map_err(|error| error.to_string())));
    }

    /// Each first of a pair expels the second, before any of them hears of another's.
    fn expel_by(&mut self, pairs: &[(usize, usize)]) {
        let chosen: Vec<_> = pairs.iter().filter_map(|(owner, node)| self.pair(*owner, *node)).collect();
        for (owner, node) in chosen {
            let (machine, target) = (&self.machines[owner], self.machines[node].store().node_id());
            let told = machine.store().expel(&target, &author(), machine.now());
            self.promises.copies.all_answer(&others(&self.machines, usize::MAX, &self.ended));
            self.trace.line(&format!("  m{owner} expels m{node}: {:?}", told.map_err(|error| error.to_string())));
        }
    }

    /// While the node doesn't run: what it verified since its start it takes for good, for a day.
    async fn rot(&mut self, machine: usize, which: usize, offset: usize) {
        let Some(number) = self.running(machine) else { return };
        let files = copies::blob_files(&self.machines[number]);
        let Some(file) = files.get(which % files.len().max(1)) else { return };
        self.machines[number].end(End::Killed).await;
        let length = self.machines[number].disk().read(file).map_or(0, |bytes| bytes.len());
        if let Some(blob) = copies::named(file) {
            self.promises.rotted(blob);
        }
        self.machines[number].disk().flip_bit(file, offset % length.max(1));
        self.machines[number].start();
    }

    fn set_policy(&mut self, machine: usize, policy: usize) {
        let Some(number) = self.running(machine) else { return };
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let policies = [
            StatePolicy::All,
            StatePolicy::OnDemand { bytes_max: 0 },
            StatePolicy::OnDemand { bytes_max: 3000 },
            StatePolicy::Selected { paths: texts(&["p0.pkg", "p1.*"]), tags: vec![] },
            StatePolicy::Selected { paths: vec![], tags: texts(&["t1", "t2"]) },
        ];
        let machine = &self.machines[number];
        let told = machine.store().set_policy(&policies[policy % policies.len()], &author(), machine.now());
        self.trace.line(&format!("  m{number}: {:?}", told.map_err(|error| error.to_string())));
        self.follow_policy(number);
    }

    /// Has a node's wants follow its policy; what a crash cuts short goes on later.
    pub(super) fn follow_policy(&self, number: usize) {
        let machine = &self.machines[number];
        while machine.store().follow_policy(machine.now()).unwrap_or(false) {}
    }

    /// Has nodes end the wants of what was only asked for and doesn't come, as each does now and then: what can come gets its turn.
    pub(super) fn forsake(&self, numbers: &[usize]) {
        for number in numbers {
            let machine = &self.machines[*number];
            let ended = machine.store().drop_forsaken_wants(machine.now());
            self.trace.line(&format!("  m{number}: {:?} wants ended", ended.map_err(|error| error.to_string())));
        }
    }

    /// Has a node let go of what it doesn't keep.
    pub(super) fn let_go(&mut self, number: usize) {
        self.follow_policy(number);
        let (machine, others) = (&self.machines[number], others(&self.machines, number, &self.ended));
        let before = held(machine);
        let Ok(Some(mut run)) = machine.store().begin_evict(machine.now()) else { return };
        let report = loop {
            match run.step() {
                Ok(EvictStep::More) => {}
                Ok(EvictStep::Done(report)) => break Ok(report),
                Err(error) => break Err(error.to_string()),
            }
        };
        let gone = report.as_ref().map(|report| report.gone.count);
        self.trace.line(&format!("  m{number}: {gone:?} went"));
        self.promises.copies.let_go(machine, &others, &before, report.as_ref().ok());
    }

    fn care(&mut self, step: Step) {
        match step {
            Step::Clock { machine, error_ms } => {
                if let Some(number) = self.running(machine) {
                    self.machines[number].set_clock(error_ms);
                }
            }
            Step::Gc { machine } => {
                let Some(number) = self.running(machine) else { return };
                let machine = &self.machines[number];
                let keep = Keep { revisions: 1, age_ms: 0, removed_ms: 0 };
                let retention = Retention::new(keep, &[]).expect("it is within bounds");
                let policy = SpacePolicy { grace_ms: 0, retention };
                let before = held(machine);
                let gone = machine.store().gc(&policy, GcMode::Collect, machine.now());
                self.promises.copies.collected(machine, &before, &gone);
                self.trace.line(&format!("  m{number}: {:?}", gone.map(|report| report.blobs.count)));
            }
            Step::Sync { machine, which } => {
                let Some(number) = self.running(machine) else { return };
                let peers = self.machines[number].store().peers().unwrap_or_default();
                let (Some(row), Some(mesh)) = (peers.get(which % peers.len().max(1)), self.machines[number].mesh())
                else {
                    return;
                };
                // Nobody waits for the answer.
                let _ = futures_util::FutureExt::now_or_never(mesh.sync(row.node));
            }
            Step::Ask { machine, which } => {
                let Some(number) = self.running(machine) else { return };
                let wants = self.machines[number].store().wants(100).unwrap_or_default();
                if let Some(want) = wants.get(which % wants.len().max(1)) {
                    let _ = self.machines[number].store().want_now(&want.blob, self.machines[number].now());
                }
            }
            Step::AskFor { machine, path: at } => {
                let Some(number) = self.running(machine) else { return };
                let machine = &self.machines[number];
                if let Ok(Some(package)) = machine.store().package(&path(at)) {
                    let told = machine.store().want_now(&package.blob, machine.now());
                    let told = told.map_err(|error| error.to_string());
                    self.trace.line(&format!("  m{number} is asked for {}: {told:?}", package.blob));
                }
            }
            _ => {}
        }
    }
}

/// All machines but one, and those that are off for good.
fn others<'a>(machines: &'a [Machine], but: usize, ended: &BTreeSet<usize>) -> Vec<&'a Machine> {
    machines.iter().filter(|machine| machine.number != but && !ended.contains(&machine.number)).collect()
}

fn publish(machine: &Machine, request: &PublishRequest, bytes: &[u8]) -> Result<EventId, StoreError> {
    let mut upload = machine.store().begin_upload(None)?;
    upload.write(bytes)?;
    let published = machine.store().publish(upload.finish()?, request, machine.now())?;
    Ok(published.package.revision)
}

fn restore(machine: &Machine, which: usize, request: &PublishRequest) -> Result<Package, StoreError> {
    let revisions = machine.store().revisions(&request.path)?;
    let source = revisions[which % revisions.len()].id;
    machine.store().restore(source, request, machine.now()).map(|published| published.package)
}

/// What a step publishes: of [`Step::PublishSame`] one of few.
fn bytes_of(step: Step, seed: u64) -> Vec<u8> {
    const SIZES: [usize; 3] = [200, 2500, (1 << 20) + 1000];
    match step {
        Step::Publish { size, .. } => noise(seed, size),
        Step::PublishSame { content, .. } => noise(content as u64, SIZES[content % SIZES.len()]),
        _ => Vec::new(),
    }
}

/// Bytes that don't repeat.
fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// The beginning of an event's name.
pub(super) fn short(event: &EventId) -> String {
    event.to_string().chars().take(8).collect()
}
