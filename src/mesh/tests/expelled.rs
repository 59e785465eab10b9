//! A node that was expelled: what it is told, what is taken from it, and that nobody speaks with it any more.

use ods_store::{Admit, Role, StoreError};

use super::super::exchange::{Pull, PullError, farewell, introduce, introduced, ping};
use super::super::peers::PullMode;
use super::super::protocol::{Answer, PairRequest, Request, RosterAnswer, RosterRequest};
use super::super::serve::summary;
use super::support::{TestNode, author};

fn expel(owner: &TestNode, node: &TestNode) {
    owner.store().expel(&node.store().node_id(), &author(), owner.now).unwrap();
}

fn code(callee: &TestNode, caller: &TestNode, request: Request) -> &'static str {
    callee.asked(caller, request).expect_err("refused").code()
}

#[test]
fn an_expelled_caller_is_told_so_learns_why_and_stops() {
    let (hq, branch) = (TestNode::new("hq"), TestNode::new("branch"));
    branch.joins(&hq, Role::Publisher);
    branch.publish("a.pkg", b"a");
    expel(&hq, &branch);
    let news = Request::Ping(ping(branch.store(), None).unwrap());
    assert_eq!(code(&hq, &branch, news), "expelled");
    let open = Request::Pair(PairRequest::Open { invite: [1; 16], joiner_nonce: [2; 32] });
    assert_eq!(code(&hq, &branch, open), "expelled");
    let answer = hq.answer(&branch, introduce(branch.store()).unwrap());
    introduced(branch.store(), answer, branch.now).unwrap();
    let node = branch.store().node_id();
    let refused =
        branch.store().remove(&super::support::path("a.pkg"), &ods_store::Condition::None, &author(), branch.now);
    assert!(matches!(refused, Err(StoreError::Expelled { node: who }) if who == node), "{refused:?}");
}

#[test]
fn a_member_tells_the_expelled_node_once() {
    let (hq, branch) = (TestNode::new("hq"), TestNode::new("branch"));
    branch.joins(&hq, Role::Publisher);
    expel(&hq, &branch);
    branch.answer(&hq, farewell(hq.store(), &branch.store().node_id()).unwrap());
    assert!(branch.store().roster().is_expelled(&branch.store().node_id()));
}

#[test]
fn nothing_is_taken_from_the_roster_of_an_expelled_owner() {
    let (hq, branch, other) = (TestNode::new("hq"), TestNode::new("branch"), TestNode::new("other"));
    branch.joins(&hq, Role::Owner);
    other.joins(&hq, Role::Publisher);
    expel(&hq, &branch);
    // Its key expels everybody in return, and admits a friend.
    branch.store().expel(&hq.store().node_id(), &author(), branch.now).unwrap();
    let friend = Admit { node: TestNode::new("friend").store().node_id(), role: Role::Owner, prefixes: vec![] };
    let before = hq.store().roster_digest();
    let answer = hq.answer(&branch, introduce(branch.store()).unwrap());
    assert_eq!(hq.store().roster_digest(), before);
    introduced(branch.store(), answer, branch.now).unwrap();
    let late = branch.store().admit(&friend, &author(), branch.now);
    assert!(matches!(late, Err(StoreError::Expelled { .. })), "{late:?}");
}

#[test]
fn a_node_whose_admission_does_not_count_any_more_learns_that() {
    let (hq, second) = (TestNode::new("hq"), TestNode::new("second"));
    let late = TestNode::new("late");
    second.joins(&hq, Role::Owner);
    expel(&hq, &second);
    late.joins(&second, Role::Publisher);
    // Others keep what the expelled owner signed too: it counts for nothing, but equal sets have equal digests.
    hq.store().insert_statements(second.store().roster_statements().unwrap(), hq.now).unwrap();
    let news = Request::Ping(ping(late.store(), None).unwrap());
    assert_eq!(code(&hq, &late, news), "not_a_member");
    let answer = hq.answer(&late, introduce(late.store()).unwrap());
    introduced(late.store(), answer, late.now).unwrap();
    assert_eq!(late.store().roster().role(&late.store().node_id()), None, "it knows now");
}

#[test]
fn a_pull_ends_when_its_peer_is_expelled_meanwhile() {
    let (hq, branch) = (TestNode::new("hq"), TestNode::new("branch"));
    branch.joins(&hq, Role::Owner);
    branch.publish("a.pkg", b"a");
    let theirs = summary(branch.store()).unwrap();
    let (mut pull, request) = Pull::start(hq.store(), branch.store().node_id(), PullMode::Cursor, &theirs, 1).unwrap();
    let answer = pull.checker().check(hq.store(), branch.answer(&hq, request)).unwrap();
    expel(&hq, &branch);
    assert!(matches!(pull.take(hq.store(), answer, hq.now), Err(PullError::Expelled)));
    assert_eq!(hq.store().package_count().unwrap(), 0);
}

/// A signature takes some 60 µs to check, and a stranger's call has room for thousands.
#[test]
fn what_a_stranger_has_strangers_say_is_not_even_verified() {
    let (hq, stranger, friend) = (TestNode::new("hq"), TestNode::new("stranger"), TestNode::new("friend"));
    let owner = |node: &TestNode| Admit { node: node.store().node_id(), role: Role::Owner, prefixes: vec![] };
    let bent = |by: &TestNode, of: &TestNode| {
        let mut signed = by.store().sign_admit(&owner(of), &author(), by.now).unwrap();
        signed.signature[0] ^= 1;
        signed
    };
    let offer =
        |statements| Request::Roster(RosterRequest { statements, digest: hq.store().roster_digest(), held: None });
    let of_strangers = vec![bent(&stranger, &friend), bent(&friend, &stranger)];
    assert_eq!(code(&hq, &stranger, offer(of_strangers)), "not_a_member");
    assert_eq!(code(&hq, &stranger, offer(vec![bent(&hq, &stranger)])), "malformed", "what an owner seems to say is");
    // Whom an owner admitted may admit others, in whatever order that is told.
    let chain = [(&friend, &stranger), (&hq, &friend)]
        .map(|(by, of)| by.store().sign_admit(&owner(of), &author(), by.now).unwrap());
    hq.answer(&stranger, offer(chain.to_vec()));
    assert!(hq.store().roster().is_member(&stranger.store().node_id()));
}

#[test]
fn a_stranger_gets_no_roster() {
    let (hq, stranger) = (TestNode::new("hq"), TestNode::new("stranger"));
    assert_eq!(code(&hq, &stranger, introduce(stranger.store()).unwrap()), "not_a_member");
    let digest = hq.store().roster_digest();
    let answer = Answer::Roster(RosterAnswer { statements: vec![], digest, lacking: vec![] });
    introduced(stranger.store(), answer, stranger.now).unwrap();
}
