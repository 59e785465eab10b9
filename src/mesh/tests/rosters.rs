//! Rosters that are larger than what one call may have: they are swapped in pages.

use ods_store::{
    Admit, EXPEL_IDS_MAX, Expel, FORMAT, NodeId, NodeKey, Role, SetDigest, SignedStatement, SimDisk, StatementBody,
    StatementHeader, StatementId, UnixMillis,
};

use super::super::exchange::{Pull, Step, farewell, introduce, introduced};
use super::super::limits::{PULL_PAGES_MAX, ROSTER_BYTES_MAX, ROSTER_CALLS_MAX, ROSTER_FIRST_BYTES, ROSTER_IDS_MAX};
use super::super::peers::PullMode;
use super::super::protocol::{Answer, Request, RosterAnswer, RosterRequest};
use super::super::roster_exchange::{RosterStep, RosterSwap};
use super::super::serve::summary;
use super::support::{TestNode, author};

/// So many of the longest statements don't fit into one page, nor into the first and one more.
const MANY: u64 = (ROSTER_BYTES_MAX + 2 * ROSTER_FIRST_BYTES) as u64 / (32 * EXPEL_IDS_MAX as u64);

/// As long as it may be, of a node that nobody knows.
fn long_expel(by: &NodeKey, number: u64) -> SignedStatement {
    let header = StatementHeader { signer: by.node_id(), at_ms: UnixMillis::new(number), by: String::new() };
    let statements = (0..EXPEL_IDS_MAX).map(|_| StatementId::from_bytes([7; 32])).collect();
    let expel = Expel { node: NodeId::from_bytes([9; 32]), tips: vec![], statements };
    SignedStatement::mint(by, &header, &StatementBody::Expel(expel))
}

fn signs_much(by: &TestNode, first: u64) {
    let much = (first..first + MANY).map(|number| long_expel(by.store().key(), number)).collect();
    assert_eq!(by.store().insert_statements(much, by.now).unwrap() as u64, MANY);
}

/// Pulls; gives how many questions about the roster that took.
fn pull(node: &TestNode, peer: &TestNode) -> usize {
    let theirs = summary(peer.store()).unwrap();
    let (mut pull, mut request) =
        Pull::start(node.store(), peer.store().node_id(), PullMode::Cursor, &theirs, PULL_PAGES_MAX).unwrap();
    let mut asked = 0;
    loop {
        asked += usize::from(matches!(request, Request::Roster(_)));
        let answer = pull.checker().check(node.store(), peer.answer(node, request)).unwrap();
        match pull.take(node.store(), answer, node.now).unwrap() {
            Step::Ask(next) => request = next,
            Step::Done(_) => return asked,
        }
    }
}

fn assert_equal(nodes: &[&TestNode]) {
    let digests: Vec<_> = nodes.iter().map(|node| node.store().roster_digest()).collect();
    assert!(digests.windows(2).all(|two| two[0] == two[1]), "{digests:?}");
}

#[test]
fn two_rosters_that_differ_by_more_than_a_page_each_way_come_to_agree_in_one_pull() {
    let (hq, branch) = (TestNode::simulated("hq"), TestNode::simulated("branch"));
    branch.joins(&hq, Role::Owner);
    signs_much(&hq, 0);
    signs_much(&branch, 1000);
    let asked = pull(&branch, &hq);
    assert_equal(&[&hq, &branch]);
    assert!(asked > 2 && asked < ROSTER_CALLS_MAX, "{asked}");
    let late = branch.store().sign_admit(&admit(&TestNode::new("late"), Role::Replica), &author(), branch.now).unwrap();
    branch.store().insert_statements(vec![late], branch.now).unwrap();
    assert_eq!(pull(&branch, &hq), 2, "one that doesn't know what the other lacks, and that");
    assert_equal(&[&hq, &branch]);
    assert_eq!(pull(&branch, &hq), 0);
}

#[test]
fn a_node_joins_a_mesh_whose_roster_is_larger_than_a_page() {
    let (hq, second, joiner) =
        (TestNode::simulated("hq"), TestNode::simulated("second"), TestNode::simulated("joiner"));
    second.joins(&hq, Role::Owner);
    signs_much(&second, 0);
    pull(&hq, &second);
    joiner.joins(&hq, Role::Publisher);
    assert_eq!(joiner.store().roster().role(&joiner.store().node_id()), Some(Role::Publisher));
    pull(&joiner, &hq);
    assert_equal(&[&hq, &joiner]);
}

#[test]
fn two_meshes_merge_of_which_each_has_a_roster_larger_than_a_page() {
    let (hq, branch) = (TestNode::simulated("hq"), TestNode::simulated("branch"));
    let (other, its_branch) = (TestNode::simulated("other"), TestNode::simulated("its branch"));
    branch.joins(&hq, Role::Owner);
    its_branch.joins(&other, Role::Owner);
    signs_much(&branch, 0);
    signs_much(&its_branch, 1000);
    for (node, peer) in [(&hq, &branch), (&other, &its_branch)] {
        pull(node, peer);
    }
    other.joins(&hq, Role::Owner);
    for (node, peer) in [(&other, &hq), (&branch, &hq), (&its_branch, &other)] {
        pull(node, peer);
    }
    assert_equal(&[&hq, &branch, &other, &its_branch]);
    for mesh in [&hq, &its_branch] {
        assert!(
            [&hq, &branch, &other, &its_branch]
                .iter()
                .all(|node| mesh.store().roster().is_member(&node.store().node_id()))
        );
    }
}

/// It is in the first page, though that key has signed more than fits there, has expelled who puts it out, and has admitted more
/// owners, whom nobody expelled and who have signed as much.
#[test]
fn what_puts_a_stolen_key_out_is_told_first() {
    let [hq, second, branch, thief] = ["hq", "second", "branch", "thief"].map(TestNode::simulated);
    for owner in [&second, &thief] {
        owner.joins(&hq, Role::Owner);
    }
    branch.joins(&hq, Role::Publisher);
    pull(&second, &hq);
    signs_much(&thief, 0);
    let key = |number: u64| NodeKey::from_secret(std::array::from_fn(|at| number.to_le_bytes()[at % 8]));
    let much = (0..MANY).map(key).flat_map(|made| {
        let admit = Admit { node: made.node_id(), role: Role::Owner, prefixes: vec![] };
        [thief.store().sign_admit(&admit, &author(), thief.now).unwrap(), long_expel(&made, 0)]
    });
    let much = much.collect();
    assert_eq!(thief.store().insert_statements(much, thief.now).unwrap() as u64, 2 * MANY);
    second.store().expel(&thief.store().node_id(), &author(), second.now).unwrap();
    thief.store().expel(&second.store().node_id(), &author(), thief.now).unwrap();
    for peer in [&thief, &second] {
        hq.store().insert_statements(peer.store().roster_statements().unwrap(), hq.now).unwrap();
    }
    assert!([&thief, &second].iter().all(|node| hq.store().roster().is_expelled(&node.store().node_id())));
    let answer = hq.answer(&branch, introduce(branch.store()).unwrap());
    introduced(branch.store(), answer, branch.now).unwrap();
    assert!(branch.store().roster().is_expelled(&thief.store().node_id()));
    thief.answer(&hq, farewell(hq.store(), &thief.store().node_id()).unwrap());
    assert!(thief.store().roster().is_expelled(&thief.store().node_id()));
    let again = TestNode::simulated("again");
    again.joins(&hq, Role::Publisher);
    assert!(again.store().roster().is_expelled(&thief.store().node_id()));
}

#[test]
fn a_node_of_a_large_roster_shows_a_peer_that_does_not_know_it_who_admitted_it() {
    let (hq, second, late) = (TestNode::simulated("hq"), TestNode::simulated("second"), TestNode::simulated("late"));
    second.joins(&hq, Role::Owner);
    signs_much(&second, 0);
    late.joins(&second, Role::Publisher);
    pull(&late, &second);
    let answer = hq.answer(&late, introduce(late.store()).unwrap());
    assert!(matches!(answer, Answer::Roster(_)));
    assert!(hq.store().roster().is_member(&late.store().node_id()));
    pull(&late, &hq);
    assert_equal(&[&hq, &late]);
}

/// On either side: the removal that makes room is behind the rosters, which differ.
#[test]
fn a_node_whose_disk_is_full_is_pulled_from_and_pulls_removals() {
    let disk = SimDisk::new();
    let (hq, branch) = (TestNode::simulated("hq"), TestNode::on_disk(&disk, "branch"));
    branch.joins(&hq, Role::Publisher);
    hq.publish("a.pkg", b"a");
    branch.publish("b.pkg", b"b");
    pull(&branch, &hq);
    disk.set_capacity(Some(1 << 40));
    let used = (1 << 40) - branch.store().free_bytes().unwrap();
    disk.set_capacity(Some(used + (1 << 20)));
    hq.store().admit(&admit(&TestNode::simulated("late"), Role::Replica), &author(), hq.now).unwrap();
    pull(&hq, &branch);
    assert_eq!(hq.store().package_count().unwrap(), 2);
    hq.remove("a.pkg");
    pull(&branch, &hq);
    assert_eq!(branch.store().package_count().unwrap(), 1, "the removal came");
    introduced(branch.store(), hq.answer(&branch, introduce(branch.store()).unwrap()), branch.now).unwrap();
    assert_ne!(branch.store().roster_digest(), hq.store().roster_digest());
    disk.set_capacity(None);
    pull(&branch, &hq);
    assert_equal(&[&hq, &branch]);
}

fn admit(node: &TestNode, role: Role) -> Admit {
    Admit { node: node.store().node_id(), role, prefixes: vec![] }
}

/// Of a format that only later versions can read.
fn later(number: usize) -> SignedStatement {
    let frame = [&[FORMAT + 1], number.to_le_bytes().as_slice()].concat();
    SignedStatement { frame, signature: vec![0; 64] }
}

/// What a peer answers that has another roster.
fn tells(statements: Vec<SignedStatement>, lacking: &[SignedStatement]) -> RosterAnswer {
    let lacking = lacking.iter().map(SignedStatement::id).collect();
    RosterAnswer { statements, digest: SetDigest::from_bytes([7; 32]), lacking }
}

fn asks(step: RosterStep) -> RosterRequest {
    match step {
        RosterStep::Ask(Request::Roster(request)) => request,
        other => panic!("it asks for nothing: {other:?}"),
    }
}

#[test]
fn of_what_a_peer_tells_in_a_swap_no_more_is_heard_than_that_has_at_most() {
    let hq = TestNode::simulated("hq");
    let good = hq.store().sign_admit(&admit(&TestNode::new("late"), Role::Replica), &author(), hq.now).unwrap();
    let much = (0..ROSTER_IDS_MAX).map(later).chain([good.clone()]).collect();
    let (mut swap, _) = RosterSwap::start(hq.store()).unwrap();
    let step = swap.take(hq.store(), tells(much, &[]), hq.now).unwrap();
    assert!(matches!(step, RosterStep::Done(0)), "{step:?}");
    let (mut swap, _) = RosterSwap::start(hq.store()).unwrap();
    asks(swap.take(hq.store(), tells(vec![good, later(0)], &[]), hq.now).unwrap());
}

#[test]
fn a_statement_that_this_version_cannot_read_is_no_news() {
    let hq = TestNode::simulated("hq");
    let (mut swap, _) = RosterSwap::start(hq.store()).unwrap();
    let step = swap.take(hq.store(), tells(vec![later(1)], &[]), hq.now).unwrap();
    assert!(matches!(step, RosterStep::Done(0)), "{step:?}");
    assert_eq!(swap.passed_over(), 1, "an admin is told");
    let good = hq.store().sign_admit(&admit(&TestNode::new("late"), Role::Replica), &author(), hq.now).unwrap();
    let (mut swap, _) = RosterSwap::start(hq.store()).unwrap();
    let request = asks(swap.take(hq.store(), tells(vec![later(1), good], &[]), hq.now).unwrap());
    assert!(request.held.unwrap().contains(&later(1).id()), "it isn't told again");
    let step = swap.take(hq.store(), tells(vec![], &[]), hq.now).unwrap();
    assert!(matches!(step, RosterStep::Done(1)), "it won't be taken now either: {step:?}");
}

/// What the peer couldn't take, since it didn't know the signer as an owner.
#[test]
fn a_swap_that_begins_again_tells_all_again() {
    let [hq, second, stranger] = ["hq", "second", "stranger"].map(TestNode::simulated);
    second.joins(&hq, Role::Owner);
    let sign = |by: &TestNode, name| {
        by.store().sign_admit(&admit(&TestNode::simulated(name), Role::Replica), &author(), hq.now).unwrap()
    };
    let told = [sign(&hq, "told")];
    hq.store().insert_statements(told.to_vec(), hq.now).unwrap();
    let (mut swap, first) = RosterSwap::start(hq.store()).unwrap();
    assert!(matches!(first, Request::Roster(first) if first.statements.contains(&told[0])));
    let statements = vec![sign(&stranger, "not taken"), sign(&second, "taken")];
    let again = |swap: &mut RosterSwap, statements| {
        asks(swap.take(hq.store(), tells(statements, &told), hq.now).unwrap()).statements
    };
    assert_eq!(again(&mut swap, statements), [], "it was sent");
    assert_eq!(again(&mut swap, vec![]), [], "it begins again");
    assert_eq!(again(&mut swap, vec![]), told);
}
