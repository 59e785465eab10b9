//! Node states that travel by values, in random graphs: everybody ends with the same ones, and quiet follows.

use std::collections::{BTreeMap, BTreeSet};

use ods_store::{Holding, NotTold, Outside, Role, Store};
use proptest::prelude::*;

use super::super::gossip::{Gossip, Holds, Swap, Swapped};
use super::super::limits::STATES_APART_MAX_MS;
use super::super::moment::Moment;
use super::super::protocol::Answer;
use super::super::schedule::Dice;
use super::super::states_exchange::{StatesStep, StatesSwap};
use super::support::{NOW, TestNode, assert_converged, path};

fn tell(node: &TestNode) {
    let outside = Outside {
        run: [1; 16],
        started_at: NOW,
        version: "1".to_owned(),
        fallback_urls: vec![],
        links: vec![],
        rate: 0,
        rates: BTreeMap::new(),
    };
    let described = node.store().describe(outside).unwrap();
    node.store().tell(&described, NOW).unwrap();
}

fn holds(store: &Store) -> Holds {
    Holds { digest: store.states_digest().unwrap(), arrived: store.states_arrived().unwrap(), members: 4 }
}

/// A swap from its first call to its last; tells how many calls it took.
fn swap(node: &TestNode, peer: &TestNode, fresh_after: Option<u64>) -> (Swapped, usize) {
    let (mut swap, mut request) = StatesSwap::start(node.store(), fresh_after, NOW).unwrap();
    for calls in 1.. {
        let Answer::States(answer) = peer.answer(node, request) else { panic!("another answer") };
        match swap.take(node.store(), answer, NOW).unwrap() {
            StatesStep::Ask(next) => request = next,
            StatesStep::Done(theirs) => {
                let Holds { digest: ours, arrived, .. } = holds(node.store());
                return (Swapped { offered: swap.offered(), ours, arrived, theirs, bytes: 0 }, calls);
            }
        }
    }
    unreachable!("a swap ends")
}

/// Nodes in one mesh: the first admitted the others.
fn mesh(count: usize) -> Vec<TestNode> {
    let nodes: Vec<TestNode> = (0..count).map(|number| TestNode::simulated(&format!("node{number}"))).collect();
    for node in &nodes[1..] {
        node.joins(&nodes[0], Role::Publisher);
    }
    let all = nodes[0].store().roster_statements().unwrap();
    for node in &nodes[1..] {
        node.store().insert_statements(all.clone(), NOW).unwrap();
    }
    assert_converged(&nodes.iter().collect::<Vec<_>>());
    nodes
}

#[test]
fn one_call_brings_what_is_new_in_both_directions() {
    let nodes = mesh(2);
    let (a, b) = (&nodes[0], &nodes[1]);
    tell(a);
    tell(b);
    let (first, calls) = swap(a, b, None);
    assert_eq!((first.ours, calls), (first.theirs, 2), "b didn't know that a has news, so it asks for it");
    tell(a);
    let (again, calls) = swap(a, b, Some(first.arrived));
    assert_eq!((again.ours, calls), (again.theirs, 1));
    assert_ne!(again.ours, first.ours);
    let (same, calls) = swap(b, a, None);
    assert_eq!((same, calls), (Swapped { offered: same.offered, arrived: same.arrived, ..again }, 1));
}

#[test]
fn a_package_is_known_to_be_there_once_its_node_said_so() {
    let nodes = mesh(2);
    let (a, b) = (&nodes[0], &nodes[1]);
    a.publish("x.pkg", b"hello");
    let of_b = |at: &TestNode| {
        let holders = at.store().holders(&path("x.pkg")).unwrap().unwrap().1;
        holders.into_iter().find(|holder| holder.node == b.store().node_id()).unwrap().holding
    };
    assert_eq!(of_b(a), Holding::Unknown(NotTold::NoState));
    tell(b);
    swap(a, b, None);
    assert_eq!(of_b(a), Holding::Behind);
}

/// A mesh whose machines decide and whose calls may fail.
struct Net {
    nodes: Vec<TestNode>,
    machines: Vec<Gossip>,
    links: Vec<(usize, usize)>,
    now: u64,
    calls: usize,
}

impl Net {
    fn new(count: usize, more: &[(usize, usize)], seed: u64) -> Self {
        let nodes = mesh(count);
        // A line keeps everybody connected; further links as they come.
        let line = (1..count).map(|number| (number - 1, number));
        let links: Vec<_> = line.chain(more.iter().copied().filter(|(one, other)| one != other)).collect();
        let machine = |node: &TestNode| Gossip::new(holds(node.store()), Dice::new(seed));
        let machines = nodes.iter().map(machine).collect();
        let mut net = Self { nodes, machines, links, now: 0, calls: 0 };
        for number in 0..count {
            let peers = net.peers(number).into_iter().map(|peer| net.nodes[peer].store().node_id()).collect();
            net.machines[number].set_peers(&peers, Moment::new(0));
        }
        net
    }

    fn peers(&self, number: usize) -> BTreeSet<usize> {
        let ends = self.links.iter().flat_map(|&(one, other)| [(one, other), (other, one)]);
        ends.filter(|(one, _)| *one == number).map(|(_, other)| other).collect()
    }

    /// Runs for a while; every call for which `fails` says so is lost with its answer.
    fn run(&mut self, ms: u64, mut fails: impl FnMut() -> bool) {
        for number in 0..self.nodes.len() {
            self.machines[number].set_own(holds(self.nodes[number].store()));
        }
        for _ in 0..ms / 50 {
            self.now += 50;
            if self.machines.iter().all(|machine| machine.next_at().is_none_or(|next| next > Moment::new(self.now))) {
                continue;
            }
            for number in 0..self.nodes.len() {
                for action in self.machines[number].actions(Moment::new(self.now)) {
                    self.perform(number, action, fails());
                }
            }
        }
    }

    fn perform(&mut self, number: usize, action: Swap, fails: bool) {
        let now = Moment::new(self.now);
        if fails {
            return self.machines[number].failed(&action.node, now);
        }
        let peer = self.nodes.iter().position(|node| node.store().node_id() == action.node).unwrap();
        let (end, calls) = swap(&self.nodes[number], &self.nodes[peer], action.fresh_after);
        self.calls += calls;
        self.machines[number].set_own(holds(self.nodes[number].store()));
        self.machines[number].swapped(&action.node, end, now);
        self.machines[peer].set_own(holds(self.nodes[peer].store()));
        self.machines[peer].heard(&self.nodes[number].store().node_id(), end.ours);
    }

    fn digests(&self) -> BTreeSet<[u8; 32]> {
        self.nodes.iter().map(|node| *holds(node.store()).digest.as_bytes()).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]
    #[test]
    fn gossip_converges_in_any_graph_and_is_quiet_then(
        more in prop::collection::vec((0usize..4, 0usize..4), 0..3),
        tellers in prop::collection::vec(0usize..4, 1..6),
        seed: u64,
        lost in prop::collection::vec(any::<bool>(), 1..20),
    ) {
        let mut net = Net::new(4, &more, seed);
        let mut lost = lost.into_iter();
        for teller in tellers {
            tell(&net.nodes[teller]);
            net.run(200, || lost.next().unwrap_or(false));
        }
        // The longest way is three hops, and lost calls are tried again after a second or two.
        net.run(4 * STATES_APART_MAX_MS, || false);
        prop_assert_eq!(net.digests().len(), 1);
        let calls = net.calls;
        net.now += 60_000;
        net.run(50, || false);
        prop_assert_eq!(net.calls, calls, "nothing is swapped where nothing differs");
    }
}
