//! Rosters: who may do what is a function of the set of statements, never of their order; the root stays known.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use ods_store::{
    Admit, EventId, Expel, NodeKey, Role, Roster, SignedStatement, Statement, StatementBody, StatementHeader,
    UnixMillis,
};

#[derive(Debug, Arbitrary)]
struct Said {
    signer: u8,
    about: u8,
    at_ms: u8,
    what: What,
}

#[derive(Debug, Arbitrary)]
enum What {
    Admit {
        role: u8,
        prefix: Option<u8>,
    },
    /// Lists the statements said before at these places.
    Expel {
        tip: Option<u8>,
        covers: Vec<u8>,
    },
}

/// Enough to expel one another in circles.
const NODES: u8 = 5;
const STATEMENTS_MAX: usize = 24;

fuzz_target!(|input: (Vec<Said>, u64)| {
    let (said, order) = input;
    let keys: Vec<NodeKey> = (0..NODES).map(|number| NodeKey::from_secret([number + 1; 32])).collect();
    let mut statements: Vec<Statement> = Vec::new();
    for one in said.iter().take(STATEMENTS_MAX) {
        let signed = say(one, &keys, &statements);
        statements.push(signed.verify().expect("a statement that was just signed verifies"));
    }
    let root = keys[0].node_id();
    let roster = Roster::fold(root, &statements);
    let standing = roster.standing(&root).expect("the root is known for ever");
    assert_eq!(standing.role, Some(Role::Owner), "nothing lowers the root, though an Expel may end it");

    let mut shuffled = statements.clone();
    let mut state = order;
    for index in (1..shuffled.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        shuffled.swap(index, (state >> 33) as usize % (index + 1));
    }
    assert_eq!(Roster::fold(root, &shuffled), roster, "the order of arrival means nothing");
});

fn say(one: &Said, keys: &[NodeKey], before: &[Statement]) -> SignedStatement {
    let key = &keys[usize::from(one.signer % NODES)];
    let node = keys[usize::from(one.about % NODES)].node_id();
    let header =
        StatementHeader { signer: key.node_id(), at_ms: UnixMillis::new(u64::from(one.at_ms)), by: "fuzz".to_owned() };
    let body = match &one.what {
        What::Admit { role, prefix } => {
            let role = [Role::Replica, Role::Publisher, Role::Owner][usize::from(role % 3)];
            StatementBody::Admit(Admit {
                node,
                role,
                prefixes: prefix.iter().map(|number| format!("p{number}")).collect(),
            })
        }
        What::Expel { tip, covers } => {
            let covered = covers.iter().filter_map(|place| before.get(usize::from(*place) % before.len().max(1)));
            StatementBody::Expel(Expel {
                node,
                tips: tip.iter().map(|number| EventId::from_bytes([*number; 32])).collect(),
                statements: covered.map(|statement| statement.id).collect(),
            })
        }
    };
    SignedStatement::mint(key, &header, &body)
}
