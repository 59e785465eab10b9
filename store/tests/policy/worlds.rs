//! Random lives of three nodes that change their minds, hear of each other and let go, in any order: the last copy never goes.

use std::collections::BTreeSet;

use ods_store::{Author, Condition, Description, Digest, Role, SimDisk, StatePolicy, Store, StoreError};
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
}

const NODES: usize = 3;

fn step() -> impl Strategy<Value = Step> {
    let node = || 0..NODES;
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

/// The nodes, what they described and did not tell yet, and every blob that was ever published.
struct World {
    nodes: Vec<(SimDisk, Store)>,
    drafts: Vec<Option<Description>>,
    published: BTreeSet<Digest>,
    gone: u64,
}

impl World {
    fn new() -> Self {
        Self {
            nodes: mesh(NODES as u64, Role::Publisher),
            drafts: vec![None; NODES],
            published: BTreeSet::new(),
            gone: 0,
        }
    }

    fn store(&self, node: usize) -> &Store {
        &self.nodes[node].1
    }

    fn take(&mut self, step: &Step) {
        let author = Author::new("test");
        match *step {
            Step::Publish { node, path, content, tag } => {
                let request = tagged(&format!("p{path}"), &format!("t{tag}"));
                let published =
                    put_request(self.store(node), &request, &[u8::try_from(content).expect("small")], at(1));
                self.published.insert(published.expect("a publish").package.blob);
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
            Step::Pull { to, from } if to != from => {
                pull(self.store(to), self.store(from), at(1)).expect("a pull");
            }
            Step::Fetch { to, from } if to != from => fetch(self.store(to), self.store(from)),
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
            Step::Hear { to, from } => hear(self.store(to), self.store(from)),
            Step::Evict { node } => self.gone += evict(self.store(node), at(3)).gone.count,
            Step::Turn { node, policy } => {
                self.take(&Step::Policy { node, policy });
                self.take(&Step::Walk { node });
                self.take(&Step::Evict { node });
            }
            Step::Meet { one, other } if one != other => {
                for (to, from) in [(one, other), (other, one)] {
                    pull(self.store(to), self.store(from), at(1)).expect("a pull");
                    fetch(self.store(to), self.store(from));
                }
                for (to, from) in [(one, other), (other, one), (one, other)] {
                    tell(self.store(from));
                    hear(self.store(to), self.store(from));
                }
            }
            Step::Pull { .. } | Step::Fetch { .. } | Step::Meet { .. } => {}
        }
    }

    /// Nothing is collected here, so what was published once is held by somebody for ever.
    fn check(&self, step: &Step) {
        for blob in &self.published {
            let held = self.nodes.iter().any(|(_, store)| holds(store, blob));
            assert!(held, "the last copy of {blob} went with {step:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_last_copy_never_goes(steps in prop::collection::vec(step(), 20..160)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
            world.check(step);
        }
        for (_, store) in &world.nodes {
            assert_sound(store);
        }
    }
}

#[test]
fn such_runs_do_let_go() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = prop::collection::vec(step(), 160);
    let mut gone = 0;
    for _ in 0..20 {
        let mut world = World::new();
        let steps = strategy.new_tree(&mut runner).expect("steps").current();
        for step in &steps {
            world.take(step);
        }
        gone += world.gone;
    }
    assert!(gone >= 5, "these runs show something only if bytes go in them: {gone} did");
}
