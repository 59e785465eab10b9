//! Random lives of a few nodes that change their minds, hear of each other and let go, in any order: the last copy never goes.
//! Of four, owners expel some: then what is relied on is a node that isn't expelled, as far as is known where it is.

use std::collections::BTreeSet;

use ods_store::{
    Admit, Author, Condition, Description, Digest, EventBatch, LogQuery, Role, SimDisk, StatePolicy, Store, StoreError,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::{describe, evict, hear, holds, on_demand, selected, tagged, tell};
use crate::mesh::mesh;
use crate::states::fetch;
use crate::support::{assert_sound, at, path, pull, put_request};

/// One thing that happens in a mesh whose nodes change their minds.
#[derive(Debug, Clone)]
enum Step {
    Publish {
        node: usize,
        path: usize,
        content: usize,
        tag: usize,
    },
    Retag {
        node: usize,
        path: usize,
        tag: usize,
    },
    Remove {
        node: usize,
        path: usize,
    },
    Policy {
        node: usize,
        policy: usize,
    },
    Walk {
        node: usize,
    },
    Pull {
        to: usize,
        from: usize,
    },
    Fetch {
        to: usize,
        from: usize,
    },
    Ask {
        node: usize,
        content: usize,
    },
    Describe {
        node: usize,
    },
    Tell {
        node: usize,
    },
    Hear {
        to: usize,
        from: usize,
    },
    Evict {
        node: usize,
    },
    /// A node changes its mind and acts at once.
    Turn {
        node: usize,
        policy: usize,
    },
    /// Everything that two nodes do while they are linked.
    Meet {
        one: usize,
        other: usize,
    },
    /// A node changes its mind while it is linked with another, asks that one for its word, and lets go of what it may.
    Rely {
        node: usize,
        other: usize,
        policy: usize,
    },
    Expel {
        owner: usize,
        node: usize,
    },
    /// Rosters come before events; there the link breaks.
    Roster {
        to: usize,
        from: usize,
    },
    /// Some events come, and not all.
    Part {
        to: usize,
        from: usize,
        events: usize,
    },
}

/// Nodes where none is expelled, and where some are; and how many of those may expel.
const PEACEFUL: usize = 3;
const NODES: usize = 4;
const OWNERS: usize = 2;

fn step(nodes: usize) -> impl Strategy<Value = Step> {
    let node = move || 0..nodes;
    prop_oneof![
        1 => (node(), 0..3_usize, 0..3_usize, 0..2_usize)
            .prop_map(|(node, path, content, tag)| Step::Publish { node, path, content, tag }),
        1 => (node(), 0..3_usize, 0..2_usize).prop_map(|(node, path, tag)| Step::Retag { node, path, tag }),
        1 => (node(), 0..3_usize).prop_map(|(node, path)| Step::Remove { node, path }),
        3 => (node(), 0..5_usize).prop_map(|(node, policy)| Step::Policy { node, policy }),
        8 => node().prop_map(|node| Step::Walk { node }),
        6 => (node(), node()).prop_map(|(to, from)| Step::Pull { to, from }),
        5 => (node(), node()).prop_map(|(to, from)| Step::Fetch { to, from }),
        1 => (node(), 0..3_usize).prop_map(|(node, content)| Step::Ask { node, content }),
        2 => node().prop_map(|node| Step::Describe { node }),
        6 => node().prop_map(|node| Step::Tell { node }),
        8 => (node(), node()).prop_map(|(to, from)| Step::Hear { to, from }),
        12 => node().prop_map(|node| Step::Evict { node }),
        8 => (node(), 0..5_usize).prop_map(|(node, policy)| Step::Turn { node, policy }),
        12 => (node(), node()).prop_map(|(one, other)| Step::Meet { one, other }),
    ]
}

fn step_or_expulsion(nodes: usize) -> impl Strategy<Value = Step> {
    let node = move || 0..nodes;
    prop_oneof![
        70 => step(nodes),
        20 => (node(), node(), 0..5_usize).prop_map(|(node, other, policy)| Step::Rely { node, other, policy }),
        2 => (0..OWNERS, node()).prop_map(|(owner, node)| Step::Expel { owner, node }),
        5 => (node(), node()).prop_map(|(to, from)| Step::Roster { to, from }),
        5 => (node(), node(), 1..3_usize).prop_map(|(to, from, events)| Step::Part { to, from, events }),
    ]
}

/// The nodes, what they described and did not tell yet, and every blob that was ever published.
struct World {
    nodes: Vec<(SimDisk, Store)>,
    drafts: Vec<Option<Description>>,
    published: BTreeSet<Digest>,
    gone: u64,
    /// Of these, those that went where a node was expelled.
    gone_among_expelled: u64,
}

impl World {
    /// Some nodes, of which the first ones are owners.
    fn new(nodes: usize, owners: usize) -> Self {
        let mesh = mesh(nodes as u64, Role::Publisher);
        let root = &mesh[0].1;
        for (_, owner) in &mesh[1..owners] {
            let admit = Admit { node: owner.node_id(), role: Role::Owner, prefixes: vec![] };
            root.admit(&admit, &Author::new("test"), at(0)).expect("the root admits");
        }
        for (_, store) in &mesh[1..] {
            pull(store, root, at(0)).expect("a pull");
        }
        let drafts = vec![None; nodes];
        Self { nodes: mesh, drafts, published: BTreeSet::new(), gone: 0, gone_among_expelled: 0 }
    }

    fn store(&self, node: usize) -> &Store {
        &self.nodes[node].1
    }

    fn take(&mut self, step: &Step) {
        let author = Author::new("test");
        match *step {
            Step::Publish { node, path, content, tag } => {
                let request = tagged(&format!("p{path}"), &format!("t{tag}"));
                match put_request(self.store(node), &request, &[u8::try_from(content).expect("small")], at(1)) {
                    Ok(published) => drop(self.published.insert(published.package.blob)),
                    Err(StoreError::NotAPublisher { .. }) => assert!(self.is_expelled(node)),
                    Err(error) => panic!("{error}"),
                }
            }
            Step::Retag { node, path, tag } => {
                // There may be nothing at that path.
                drop(self.store(node).edit(&tagged(&format!("p{path}"), &format!("t{tag}")), at(1)));
            }
            Step::Remove { node, path: number } => {
                drop(self.store(node).remove(&path(&format!("p{number}")), &Condition::None, &author, at(1)));
            }
            Step::Policy { node, policy } => {
                let policies = [
                    StatePolicy::All,
                    on_demand(0),
                    on_demand(1),
                    selected(&["p0", "p1"], &[]),
                    selected(&[], &["t1"]),
                ];
                self.store(node).set_policy(&policies[policy], &author, at(1)).expect("a policy");
            }
            Step::Walk { node } => while self.store(node).follow_policy(at(1)).expect("a step") {},
            Step::Pull { to, from } if self.speak(to, from) => {
                pull(self.store(to), self.store(from), at(1)).expect("a pull");
            }
            Step::Fetch { to, from } if self.speak(to, from) => fetch(self.store(to), self.store(from)),
            Step::Ask { node, content } => {
                let blob = Digest::of(&[u8::try_from(content).expect("small")]);
                match self.store(node).want_now(&blob, at(1)) {
                    Ok(_) | Err(StoreError::AskedTooMuch { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            Step::Describe { node } => self.drafts[node] = Some(describe(self.store(node))),
            Step::Tell { node } => {
                let draft = self.drafts[node].take().unwrap_or_else(|| describe(self.store(node)));
                self.store(node).tell(&draft, at(2)).expect("no error");
            }
            Step::Hear { to, from } if to == from || self.speak(to, from) => hear(self.store(to), self.store(from)),
            Step::Evict { node } => self.let_go(node),
            Step::Turn { node, policy } => {
                self.take(&Step::Policy { node, policy });
                self.take(&Step::Walk { node });
                self.take(&Step::Evict { node });
            }
            Step::Meet { one, other } => self.meet(one, other),
            Step::Rely { node, other, policy } if self.speak(node, other) => self.rely(node, other, policy),
            Step::Expel { owner, node } if owner != node => {
                drop(self.store(owner).expel(&self.store(node).node_id(), &author, at(1)));
            }
            Step::Roster { to, from } if self.speak(to, from) => {
                let statements = self.store(from).roster_statements().expect("readable");
                self.store(to).insert_statements(statements, at(1)).expect("taken");
            }
            Step::Part { to, from, events } if self.speak(to, from) => self.hear_some(to, from, events),
            // Between two that don't speak with each other.
            _ => {}
        }
    }

    /// Whether two nodes speak with each other: no member does with who is expelled, as far as it knows.
    fn speak(&self, one: usize, other: usize) -> bool {
        let takes = |one: usize, other: usize| self.store(one).roster().is_member(&self.store(other).node_id());
        one != other && takes(one, other) && takes(other, one)
    }

    /// Whether a node knows that it is expelled.
    fn is_expelled(&self, node: usize) -> bool {
        self.store(node).roster().is_expelled(&self.store(node).node_id())
    }

    fn meet(&mut self, one: usize, other: usize) {
        for (to, from) in [(one, other), (other, one)].into_iter().filter(|(to, from)| self.speak(*to, *from)) {
            pull(self.store(to), self.store(from), at(1)).expect("a pull");
            fetch(self.store(to), self.store(from));
        }
        let heard = [(one, other), (other, one), (one, other)];
        for (to, from) in heard.into_iter().filter(|(to, from)| self.speak(*to, *from)) {
            tell(self.store(from));
            hear(self.store(to), self.store(from));
        }
    }

    fn rely(&mut self, node: usize, other: usize, policy: usize) {
        self.take(&Step::Policy { node, policy });
        self.take(&Step::Walk { node });
        self.meet(node, other);
        self.let_go(node);
        for (to, from) in [(other, node), (node, other)].into_iter().filter(|(to, from)| self.speak(*to, *from)) {
            tell(self.store(from));
            hear(self.store(to), self.store(from));
        }
        self.let_go(node);
    }

    fn hear_some(&self, to: usize, from: usize, events: usize) {
        let query = LogQuery { cursor: None, vector: self.store(to).vector().expect("readable") };
        let lacking = self.store(from).log_page(&query).expect("readable").items.into_iter().map(|(_, event)| event);
        let batch = EventBatch { events: lacking.take(events).collect(), pull: None, backfill: false };
        self.store(to).insert_events(batch, at(1)).expect("taken");
    }

    /// What goes is at another node that isn't expelled, as far as is known here.
    fn let_go(&mut self, node: usize) {
        let store = self.store(node);
        let held: Vec<Digest> = self.published.iter().filter(|blob| holds(store, blob)).copied().collect();
        let gone = evict(store, at(3)).gone.count;
        for blob in held.iter().filter(|blob| !holds(store, blob)) {
            let mut others = (0..self.nodes.len()).filter(|other| *other != node).map(|other| self.store(other));
            let is_left = others.any(|other| holds(other, blob) && store.roster().is_member(&other.node_id()));
            assert!(is_left, "node {node} let go of {blob}, which no member has");
        }
        let roster = store.roster();
        if roster.nodes().any(|(_, standing)| standing.is_expelled()) {
            self.gone_among_expelled += gone;
        }
        self.gone += gone;
    }

    /// Nothing is collected here, so what was published once is held by somebody for ever.
    fn check(&self, step: &Step) {
        for blob in &self.published {
            let held = self.nodes.iter().any(|(_, store)| holds(store, blob));
            assert!(held, "the last copy of {blob} went with {step:?}");
        }
    }
}

fn live(nodes: usize, owners: usize, steps: &[Step]) {
    let mut world = World::new(nodes, owners);
    for step in steps {
        world.take(step);
        world.check(step);
    }
    for (_, store) in &world.nodes {
        assert_sound(store);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_last_copy_never_goes(steps in prop::collection::vec(step(PEACEFUL), 20..160)) {
        live(PEACEFUL, 1, &steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_last_copy_never_goes_where_nodes_are_expelled(
        steps in prop::collection::vec(step_or_expulsion(NODES), 20..200),
    ) {
        live(NODES, OWNERS, &steps);
    }
}

#[test]
fn such_runs_do_let_go() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let peaceful = prop::collection::vec(step(PEACEFUL), 160).boxed();
    let expelling = prop::collection::vec(step_or_expulsion(NODES), 160).boxed();
    let mut gone_of = |strategy: BoxedStrategy<Vec<Step>>, nodes, owners| {
        let (mut gone, mut among_expelled) = (0, 0);
        for _ in 0..20 {
            let mut world = World::new(nodes, owners);
            let steps = strategy.new_tree(&mut runner).expect("steps").current();
            for step in &steps {
                world.take(step);
            }
            gone += world.gone;
            among_expelled += world.gone_among_expelled;
        }
        (gone, among_expelled)
    };
    let (gone, _) = gone_of(peaceful, PEACEFUL, 1);
    assert!(gone >= 5, "these runs show something only if bytes go in them: {gone} did");
    let (_, gone) = gone_of(expelling, NODES, OWNERS);
    assert!(gone >= 5, "and these, only if they go where somebody is expelled: {gone} did");
}
