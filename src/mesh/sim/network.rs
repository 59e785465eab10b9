//! The simulated network: carries typed questions and answers between machines, late, twice, in another order, or not at
//! all.
//!
//! A machine answers at `http://mN`, wherever its key is. Who calls is proved (signatures are the carrier's own tests'
//! matter); who answers is checked, as HTTP does. What a machine does for a caller runs on that machine: it ends with it,
//! and goes on when the caller is gone.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use ods_store::NodeId;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::super::callee::Callee;
use super::super::client::CallError;
use super::super::endpoint::{Endpoint, Way};
use super::super::limits::{CONNECT_MS, SILENCE_MS};
use super::super::protocol::{Answer, BytesRequest, Request};
use super::super::serve::{Refusal, Reply};
use super::random::Random;
use super::trace::Trace;

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
/// What a line can do at best: bytes of a blob per millisecond.
const BYTES_PER_MS: u64 = 4096;

/// The network.
#[derive(Clone)]
pub(super) struct Network(Arc<Mutex<State>>);

struct State {
    hosts: Vec<Option<Host>>,
    /// Pairs of machines that don't reach each other, the lower number first.
    cut: BTreeSet<(usize, usize)>,
    weather: Weather,
    random: Random,
    trace: Trace,
}

struct Host {
    callee: Callee,
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
        let cut = BTreeSet::new();
        Self(Arc::new(Mutex::new(State { hosts, cut, weather: Weather::default(), random, trace })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets how bad it is from now on.
    pub(super) fn set_weather(&self, weather: Weather) {
        self.state().weather = weather;
    }

    /// A machine answers from now on.
    pub(super) fn attach(&self, machine: usize, callee: Callee) {
        self.state().hosts[machine] = Some(Host { callee, tasks: JoinSet::new() });
    }

    /// A machine stops answering; what it was doing for callers ends in the middle.
    pub(super) async fn detach(&self, machine: usize) {
        let host = self.state().hosts[machine].take();
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
    pub(super) fn line(&self, machine: usize, caller: NodeId) -> Line {
        Line { network: self.clone(), machine, caller }
    }

    fn is_open(&self, from: usize, to: usize) -> bool {
        let state = self.state();
        !state.cut.contains(&(from.min(to), from.max(to))) && state.hosts.get(to).is_some_and(Option::is_some)
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
    fn start<F: Future<Output = ()> + Send + 'static>(&self, machine: usize, work: impl FnOnce(Callee) -> F) {
        let mut state = self.state();
        let Some(host) = state.hosts.get_mut(machine).and_then(Option::as_mut) else { return };
        while host.tasks.try_join_next().is_some() {}
        let work = work(host.callee.clone());
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
        self.network.start(machine, |callee| async move {
            let mut bytes = match callee.answer(caller, None, Request::Blob(request)).await {
                Some(Ok(Reply::Bytes(bytes))) => bytes,
                other => return drop(head.send(other.map(|reply| reply.map(|_| 0)))),
            };
            let _ = head.send(Some(Ok(bytes.size())));
            while let Ok(part) = bytes.read_next((callee.clock)()) {
                if part.is_empty() || parts.send(part).await.is_err() {
                    return;
                }
            }
        });
        let size = taken(to, timeout(Duration::from_millis(SILENCE_MS), answered).await)?;
        let left = request.last.map_or(size, |last| (last + 1).min(size)) - request.first;
        self.network.tell(|| format!("m{} gets bytes of {} from {}", self.machine, request.blob, to.way));
        Ok(ByteStream { line: self.clone(), to: to.clone(), peer: machine, size, left, arriving })
    }

    /// Asks, and waits for the answer for so long.
    async fn ask(&self, to: &Endpoint, request: &Request, patience_ms: u64) -> Result<Reply, CallError> {
        let machine = self.arrive(to).await?;
        if self.network.is_doubled() {
            self.deliver(machine, request.clone(), None);
        }
        let (reply, answered) = oneshot::channel();
        self.deliver(machine, request.clone(), Some(reply));
        taken(to, timeout(Duration::from_millis(patience_ms), answered).await)
    }

    /// What the callee does with a question, and its answer's way back.
    fn deliver(&self, machine: usize, request: Request, reply: Option<oneshot::Sender<Outcome>>) {
        let (network, caller, from) = (self.network.clone(), self.caller, self.machine);
        self.network.start(machine, |callee| async move {
            let (Some(reply), answer) = (reply, callee.answer(caller, None, request).await) else { return };
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
        let machine: Option<usize> = match &to.way {
            Way::Url(url) => url.host().strip_prefix('m').and_then(|number| number.parse().ok()),
            Way::Link => None,
        };
        let unreachable = |reason: &str| CallError::Unreachable { url: to.way.to_string(), reason: reason.to_owned() };
        let machine = machine.ok_or_else(|| unreachable("no such host"))?;
        let Some(way) = self.network.way() else {
            sleep(Duration::from_millis(CONNECT_MS)).await;
            return Err(unreachable("the question was lost"));
        };
        sleep(way).await;
        if self.network.is_open(self.machine, machine) {
            return if self.network.is_node(machine, &to.node) {
                Ok(machine)
            } else {
                Err(CallError::NotThatNode { url: to.way.to_string(), node: to.node })
            };
        }
        let refused = self.network.state().hosts.get(machine).is_some_and(Option::is_none);
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

/// Bytes of a blob on their way.
#[derive(Debug)]
pub(crate) struct ByteStream {
    line: Line,
    to: Endpoint,
    peer: usize,
    size: u64,
    left: u64,
    arriving: mpsc::Receiver<Vec<u8>>,
}

impl ByteStream {
    /// The blob's size, as the peer says.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// The next bytes; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, CallError> {
        let broken = |reason: &str| CallError::Broken { url: self.to.way.to_string(), reason: reason.to_owned() };
        if self.left == 0 {
            return Ok(None);
        }
        let network = &self.line.network;
        let Some(way) = network.way().filter(|_| network.is_open(self.line.machine, self.peer)) else {
            sleep(Duration::from_millis(SILENCE_MS)).await;
            return Err(broken("it fell silent"));
        };
        let arrived = timeout(Duration::from_millis(SILENCE_MS), self.arriving.recv()).await;
        let mut part = arrived.map_err(|_| broken("it fell silent"))?.ok_or_else(|| broken("it broke off"))?;
        sleep(way + Duration::from_millis(part.len() as u64 / BYTES_PER_MS)).await;
        self.left = self.left.saturating_sub(part.len() as u64);
        network.bend(&mut part);
        Ok(Some(Bytes::from(part)))
    }
}
