//! The simulated network: carries typed questions and answers between machines, late, twice, in another order, or not at
//! all.
//!
//! A machine answers at `http://mN`, wherever its key is. Who calls is proved (signatures are the carrier's own tests'
//! matter); who answers is checked, as HTTP does. What a machine does for a caller runs on that machine: it ends with it,
//! and goes on when the caller is gone. Machines behind firewalls call others, and are called through links alone
//! ([`super::tunnels`]). A machine that drips answers pings, and nothing else in any useful time.

mod stream;

use std::collections::BTreeSet;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ods_store::NodeId;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

pub(crate) use self::stream::ByteStream;
use super::super::callee::Callee;
use super::super::client::CallError;
use super::super::endpoint::{Endpoint, Way};
use super::super::least_rate::patience;
use super::super::limits::{CONNECT_MS, LINK_ALIVE_MS, PIECE_MAP_BYTES_MAX, SILENCE_MS};
use super::super::pace::slice_bytes;
use super::super::pacers::{Direction, Pacers};
use super::super::protocol::{Answer, BytesRequest, Request};
use super::super::serve::{Refusal, Reply};
use super::random::Random;
use super::trace::Trace;
use super::tunnels::Tunnels;

/// How bad the network is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    /// Messages lost, of a thousand.
    pub(super) lost: u64,
    /// Questions that arrive twice, of a thousand.
    pub(super) doubled: u64,
    /// The longest way of a message, in milliseconds.
    pub(super) latency_ms: u64,
    /// Messages that may take so long, of a thousand; the others take next to no time.
    pub(super) slow: u64,
    /// Parts of blobs that arrive changed, of a thousand.
    pub(super) bent: u64,
}

impl Default for Weather {
    fn default() -> Self {
        Self { lost: 0, doubled: 0, latency_ms: 0, slow: SLOW, bent: 0 }
    }
}

/// Messages of a thousand that may take as long as any, unless a run is about slow lines.
pub(super) const SLOW: u64 = 100;

/// The network.
#[derive(Clone)]
pub(super) struct Network(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    tunnels: Tunnels,
}

struct State {
    hosts: Vec<Option<Host>>,
    /// Pairs of machines that don't reach each other, the lower number first.
    cut: BTreeSet<(usize, usize)>,
    /// Machines that can't be called but through links.
    firewalled: BTreeSet<usize>,
    /// Whether there are to be such machines: else nobody opens links, or is told where a caller calls from.
    has_firewalls: bool,
    the_killed_hang_up: bool,
    /// Machines whose nodes stop: they take no calls but through links.
    closed: BTreeSet<usize>,
    dripping: BTreeSet<usize>,
    weather: Weather,
    random: Random,
    trace: Trace,
}

struct Host {
    callee: Callee,
    pacers: Arc<Pacers>,
    tasks: JoinSet<()>,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Network")
    }
}

impl Network {
    /// A network of `machines`, none of which runs yet.
    pub(super) fn new(machines: usize, random: Random, trace: Trace) -> Self {
        let hosts = (0..machines).map(|_| None).collect();
        let (cut, firewalled, dripping) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let state = State {
            hosts,
            cut,
            firewalled,
            has_firewalls: false,
            the_killed_hang_up: false,
            closed: BTreeSet::new(),
            dripping,
            weather: Weather::default(),
            random,
            trace,
        };
        Self(Arc::new(Shared { state: Mutex::new(state), tunnels: Tunnels::default() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There are going to be machines behind firewalls.
    pub(super) fn expect_firewalls(&self) {
        self.state().has_firewalls = true;
    }

    /// Puts machines behind firewalls.
    pub(super) fn set_firewalled(&self, machines: &[usize]) {
        self.state().firewalled = machines.iter().copied().collect();
    }

    /// Puts no firewall before these any more.
    pub(super) fn set_callable(&self, machines: impl IntoIterator<Item = usize>) {
        let mut state = self.state();
        machines.into_iter().for_each(|machine| _ = state.firewalled.remove(&machine));
    }

    /// Moves one more machine behind a firewall. Links at it end: nobody finds the way back to where it was.
    pub(super) fn move_behind(&self, machine: usize) {
        self.state().firewalled.insert(machine);
        self.0.tunnels.end_all_of(machine);
    }

    /// Whether a machine is behind a firewall.
    pub(super) fn is_firewalled(&self, machine: usize) -> bool {
        self.state().firewalled.contains(&machine)
    }

    /// Whether links are needed.
    pub(super) fn has_firewalls(&self) -> bool {
        self.state().has_firewalls
    }

    /// A machine begins, or ends, to send very slowly.
    pub(super) fn set_dripping(&self, machine: usize, drips: bool) {
        let mut state = self.state();
        if drips {
            state.dripping.insert(machine);
        } else {
            state.dripping.remove(&machine);
        }
    }

    fn drips(&self, machine: usize) -> bool {
        self.state().dripping.contains(&machine)
    }

    /// Sets how bad it is from now on.
    pub(super) fn set_weather(&self, weather: Weather) {
        self.state().weather = weather;
    }

    /// A machine takes no calls any more, but through links.
    pub(super) fn close(&self, machine: usize) {
        self.state().closed.insert(machine);
    }

    /// A machine answers from now on.
    pub(super) fn attach(&self, machine: usize, callee: Callee, pacers: Arc<Pacers>) {
        let mut state = self.state();
        state.closed.remove(&machine);
        state.hosts[machine] = Some(Host { callee, pacers, tasks: JoinSet::new() });
    }

    /// Machines whose process is killed hang up, so that others look for them.
    pub(super) fn have_the_killed_hang_up(&self) {
        self.state().the_killed_hang_up = true;
    }

    /// The connections of a machine end.
    pub(super) fn hang_up(&self, machine: usize) {
        let state = self.state();
        let Some(host) = state.hosts[machine].as_ref().filter(|_| state.the_killed_hang_up) else { return };
        let node = host.callee.node.store.node_id();
        let hears = |other: usize| other != machine && !state.cut.contains(&(machine.min(other), machine.max(other)));
        for other in
            (0..state.hosts.len()).filter(|other| hears(*other)).filter_map(|other| state.hosts[other].as_ref())
        {
            other.callee.inbox.lost(node);
        }
    }

    /// A machine stops answering; what it was doing for callers ends in the middle.
    pub(super) async fn detach(&self, machine: usize) {
        let host = self.state().hosts[machine].take();
        self.0.tunnels.end_all_of(machine);
        if let Some(mut host) = host {
            host.tasks.shutdown().await;
        }
    }

    /// Cuts or mends the line between two machines.
    pub(super) fn set_cut(&self, one: usize, other: usize, cut: bool) {
        let pair = (one.min(other), one.max(other));
        let mut state = self.state();
        if cut {
            state.cut.insert(pair);
        } else {
            state.cut.remove(&pair);
        }
    }

    /// Mends all lines.
    pub(super) fn mend(&self) {
        self.state().cut.clear();
    }

    /// A machine's place as a caller.
    pub(super) fn line(&self, machine: usize, caller: NodeId, pacers: Arc<Pacers>) -> Line {
        Line { network: self.clone(), machine, caller, pacers }
    }

    /// Whether messages go from one machine to another.
    fn is_open(&self, from: usize, to: usize) -> bool {
        let state = self.state();
        !state.cut.contains(&(from.min(to), from.max(to))) && state.hosts.get(to).is_some_and(Option::is_some)
    }

    /// The machine that a caller's question goes to.
    fn target(&self, from: usize, to: &Endpoint) -> Option<usize> {
        match &to.way {
            Way::Url(url) => ["m", "10.0.0."].iter().find_map(|start| url.host().strip_prefix(start)?.parse().ok()),
            Way::Link(place) => self.0.tunnels.behind(from, *place),
        }
    }

    /// Where a caller is seen to call from: only where it matters, which is where links are needed.
    fn address(&self, from: usize, to: &Endpoint) -> Option<IpAddr> {
        let number = u8::try_from(from).ok().filter(|_| matches!(to.way, Way::Url(_)));
        let number = number.filter(|_| self.has_firewalls())?;
        Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, number)))
    }

    /// How long a message is on its way; `None`: it is lost.
    fn way(&self) -> Option<Duration> {
        let State { weather, random, .. } = &*self.state();
        let ms = if random.chance(weather.slow) { random.below(weather.latency_ms + 1) } else { random.below(4) };
        (!random.chance(weather.lost)).then(|| Duration::from_millis(ms))
    }

    fn is_doubled(&self) -> bool {
        let State { weather, random, .. } = &*self.state();
        random.chance(weather.doubled)
    }

    /// Starts what a machine does for a caller, if it runs.
    fn start<F: Future<Output = ()> + Send + 'static>(
        &self,
        machine: usize,
        work: impl FnOnce(Callee, Arc<Pacers>) -> F,
    ) {
        let mut state = self.state();
        let Some(host) = state.hosts.get_mut(machine).and_then(Option::as_mut) else { return };
        while host.tasks.try_join_next().is_some() {}
        let work = work(host.callee.clone(), Arc::clone(&host.pacers));
        host.tasks.spawn(work);
    }

    /// Whether a machine has the key that a caller looks for.
    fn is_node(&self, machine: usize, node: &NodeId) -> bool {
        let state = self.state();
        let host = state.hosts.get(machine).and_then(Option::as_ref);
        host.is_some_and(|host| host.callee.node.store.node_id() == *node)
    }

    /// Changes a part of a blob on its way, if it is its turn.
    fn bend(&self, part: &mut [u8]) {
        let state = self.state();
        if !part.is_empty() && state.random.chance(state.weather.bent) {
            let at = state.random.index(part.len());
            part[at] ^= 1;
        }
    }

    fn tell(&self, text: impl FnOnce() -> String) {
        let trace = self.state().trace.clone();
        trace.detail(text);
    }
}

/// One machine's way into the network.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    network: Network,
    machine: usize,
    caller: NodeId,
    pacers: Arc<Pacers>,
}

/// Sends a part no faster than the sender's limits allow; whether somebody still reads.
async fn send_paced(parts: &mpsc::Sender<Vec<u8>>, part: &[u8], pacers: &Pacers, caller: &NodeId) -> bool {
    let slice = pacers.rate(Direction::Up, caller).map_or(part.len(), slice_bytes);
    for slice in part.chunks(slice) {
        pacers.take(Direction::Up, caller, slice.len()).await;
        if parts.send(slice.to_vec()).await.is_err() {
            return false;
        }
    }
    true
}

/// A link that this machine holds; it ends with this.
struct Held {
    network: Network,
    place: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.network.0.tunnels.end(self.place);
    }
}

/// What a callee makes of a question; `None` if it is stopping.
type Outcome = Option<Result<Reply, Refusal>>;

impl Line {
    /// Asks a question whose answer is a value.
    pub(crate) async fn call(&self, to: &Endpoint, request: &Request) -> Result<Answer, CallError> {
        let waiting_ms = match request {
            Request::Pieces(pieces) => u64::from(pieces.wait_ms),
            _ => 0,
        };
        let outcome = self.ask(to, request, SILENCE_MS + waiting_ms).await;
        let told = outcome.as_ref().map(|_| "answered").map_err(ToString::to_string);
        self.network.tell(|| format!("m{} asked {}: {:?}: {told:?}", self.machine, to.way, request.call()));
        match outcome? {
            Reply::Answer(answer) | Reply::Despite(answer, _) => Ok(answer),
            Reply::Wait | Reply::Link | Reply::Bytes(_) => Err(CallError::Garbage("another answer than asked for")),
        }
    }

    /// Asks for bytes of a blob.
    pub(crate) async fn bytes(&self, to: &Endpoint, request: BytesRequest) -> Result<ByteStream, CallError> {
        let machine = self.arrive(to).await?;
        let (head, answered) = oneshot::channel();
        let (parts, arriving) = mpsc::channel(1);
        let caller = self.caller;
        self.network.start(machine, |callee, pacers| async move {
            let mut bytes = match callee.answer(caller, None, Request::Blob(request)).await {
                Some(Ok(Reply::Bytes(bytes))) => bytes,
                other => return drop(head.send(other.map(|reply| reply.map(|_| 0)))),
            };
            let _ = head.send(Some(Ok(bytes.size())));
            while let Ok(part) = bytes.read_next((callee.clock)()) {
                if part.is_empty() || !send_paced(&parts, &part, &pacers, &caller).await {
                    return;
                }
            }
        });
        let size = taken(to, timeout(Duration::from_millis(SILENCE_MS), answered).await)?;
        let left = request.last.map_or(size, |last| (last + 1).min(size)) - request.first;
        self.network.tell(|| format!("m{} gets bytes of {} from {}, m{machine}", self.machine, request.blob, to.way));
        Ok(ByteStream::new(self.clone(), to.clone(), machine, size, left, arriving))
    }

    /// How many links a node has open to this one.
    pub(crate) fn link_count(&self, node: &NodeId) -> usize {
        self.network.0.tunnels.count(self.machine, node)
    }

    /// The links of a node to this one, in the order in which they are to be asked.
    pub(crate) fn links_in_turn(&self, node: &NodeId) -> Vec<u64> {
        self.network.0.tunnels.in_turn(self.machine, node)
    }

    /// One of them is asked.
    pub(crate) fn link_takes_turn(&self, place: u64) {
        self.network.0.tunnels.takes_turn(self.machine, place);
    }

    /// Waits until a node opens a link to this one.
    pub(crate) async fn link_opened(&self, node: &NodeId) {
        self.network.0.tunnels.opened(self.machine, node).await;
    }

    /// Closes the links of nodes that aren't usable.
    pub(crate) fn keep_links(&self, usable: impl Fn(&NodeId) -> bool) {
        self.network.0.tunnels.keep(self.machine, usable);
    }

    /// Opens a link, tells when it is open, and keeps it until it ends.
    pub(crate) async fn hold_link(
        self,
        to: Endpoint,
        cut: CancellationToken,
        opened: impl FnOnce() + Send,
    ) -> Result<(), CallError> {
        let Reply::Link = self.ask(&to, &Request::Link, SILENCE_MS).await? else {
            return Err(CallError::Garbage("another answer than asked for"));
        };
        let machine = self.arrive(&to).await?;
        let caller = self.caller;
        let (place, ended) = self.network.0.tunnels.open(machine, self.machine, caller);
        let _held = Held { network: self.network.clone(), place };
        self.network.start(machine, |callee, _| async move { callee.inbox.linked(caller) });
        opened();
        self.network.tell(|| format!("m{} holds a link to m{machine}", self.machine));
        let broken = async {
            while self.network.is_open(self.machine, machine) {
                sleep(Duration::from_millis(LINK_ALIVE_MS)).await;
            }
        };
        tokio::select! {
            biased;
            () = cut.cancelled() => {}
            () = ended.cancelled() => {}
            () = broken => {}
        }
        Ok(())
    }

    /// Asks, and waits for the answer for so long.
    async fn ask(&self, to: &Endpoint, request: &Request, patience_ms: u64) -> Result<Reply, CallError> {
        let machine = self.arrive(to).await?;
        let address = self.network.address(self.machine, to);
        if self.network.is_doubled() {
            self.deliver(machine, address, request.clone(), None);
        }
        let (reply, answered) = oneshot::channel();
        self.deliver(machine, address, request.clone(), Some(reply));
        if !matches!(request, Request::Ping(_)) {
            self.wait_out_a_drip(machine, to).await?;
        }
        taken(to, timeout(Duration::from_millis(patience_ms), answered).await)
    }

    /// What drips comes whole once the drip is over, if that is in time.
    async fn wait_out_a_drip(&self, machine: usize, to: &Endpoint) -> Result<(), CallError> {
        let limit = Instant::now() + patience(PIECE_MAP_BYTES_MAX as u64);
        while self.network.drips(machine) {
            if Instant::now() >= limit {
                return Err(CallError::Broken { url: to.way.to_string(), reason: "it drips".to_owned() });
            }
            sleep(Duration::from_secs(1)).await;
        }
        Ok(())
    }

    /// What the callee does with a question, and its answer's way back.
    fn deliver(
        &self,
        machine: usize,
        address: Option<IpAddr>,
        request: Request,
        reply: Option<oneshot::Sender<Outcome>>,
    ) {
        let (network, caller, from) = (self.network.clone(), self.caller, self.machine);
        self.network.start(machine, |callee, _| async move {
            let (Some(reply), answer) = (reply, callee.answer(caller, address, request).await) else { return };
            match network.way() {
                Some(way) => sleep(way).await,
                None => return lose(reply).await,
            }
            if !network.is_open(from, machine) {
                return lose(reply).await;
            }
            let _ = reply.send(answer);
        });
    }

    /// The question's way; the machine it came to.
    async fn arrive(&self, to: &Endpoint) -> Result<usize, CallError> {
        let machine = self.network.target(self.machine, to);
        let unreachable = |reason: &str| CallError::Unreachable { url: to.way.to_string(), reason: reason.to_owned() };
        let machine = machine.ok_or_else(|| unreachable("no such host"))?;
        let Some(way) = self.network.way() else {
            sleep(Duration::from_millis(CONNECT_MS)).await;
            return Err(unreachable("the question was lost"));
        };
        sleep(way).await;
        let is_let_in = to.way.is_link() || !self.network.is_firewalled(machine);
        let is_closed = !to.way.is_link() && self.network.state().closed.contains(&machine);
        if is_let_in && !is_closed && self.network.is_open(self.machine, machine) {
            return if self.network.is_node(machine, &to.node) {
                Ok(machine)
            } else {
                Err(CallError::NotThatNode { url: to.way.to_string(), node: to.node })
            };
        }
        let runs = self.network.state().hosts.get(machine).is_some_and(Option::is_some);
        let refused = is_let_in && (is_closed || !runs);
        sleep(Duration::from_millis(if refused { 1 } else { CONNECT_MS })).await;
        Err(unreachable("it can't be reached"))
    }
}

/// The caller waits in vain.
async fn lose<T>(reply: T) {
    sleep(Duration::from_millis(8 * SILENCE_MS)).await;
    drop(reply);
}

type Answered<T> = Result<Result<Option<Result<T, Refusal>>, oneshot::error::RecvError>, tokio::time::error::Elapsed>;

/// An answer as the caller takes it.
fn taken<T>(to: &Endpoint, answered: Answered<T>) -> Result<T, CallError> {
    let broken = |reason: &str| CallError::Broken { url: to.way.to_string(), reason: reason.to_owned() };
    let answered = answered.map_err(|_| broken("it fell silent"))?.map_err(|_| broken("it stopped"))?;
    let outcome = answered.ok_or_else(|| broken("it stops"))?;
    outcome.map_err(|refusal| CallError::Refused { code: refusal.code().to_owned(), detail: refusal.to_string() })
}
