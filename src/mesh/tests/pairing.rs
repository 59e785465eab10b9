//! Redeeming invites, in all the ways the design names.

use ods_store::{Admit, Author, Expected, NodeId, PeerRow, Role, StoreError, UnixMillis};

use super::super::protocol::{PairAnswer, PairRequest, Request};
use super::super::serve::Reply;
use super::support::{HOUR_MS, NOW, TestNode, assert_converged, author, path};

fn refused(node: &TestNode, inviter: &TestNode, line: ods_api::InviteLine) -> String {
    node.join(inviter, line).unwrap_err()
}

#[test]
fn a_joiner_takes_the_root_is_admitted_and_both_are_linked() {
    let (hq, branch) = (TestNode::new("hq"), TestNode::new("branch"));
    branch.joins(&hq, Role::Publisher);
    assert_eq!(branch.store().roster().root(), hq.store().node_id());
    assert_eq!(hq.store().roster().role(&branch.store().node_id()), Some(Role::Publisher));
    assert_converged(&[&hq, &branch]);
    let of_hq: PeerRow = branch.store().peer(&hq.store().node_id()).unwrap().unwrap();
    assert_eq!((of_hq.name.as_str(), of_hq.urls), ("hq", vec!["http://hq:8637".to_owned()]));
    assert_eq!(hq.store().peer(&branch.store().node_id()).unwrap().unwrap().name, "branch");
}

#[test]
fn redeeming_again_by_the_same_node_is_the_same_even_after_the_expiry() {
    let (mut hq, branch) = (TestNode::new("hq"), TestNode::new("branch"));
    let (_, line) = hq.invite(Role::Publisher);
    branch.join(&hq, line.clone()).unwrap();
    hq.now = hq.now.plus_ms(2 * HOUR_MS);
    branch.join(&hq, line).unwrap();
    assert_eq!(hq.store().roster_statements().unwrap().len(), 1);
}

#[test]
fn an_invite_used_by_another_node_is_refused() {
    let (hq, first, second) = (TestNode::new("hq"), TestNode::new("first"), TestNode::new("second"));
    let (_, line) = hq.invite(Role::Publisher);
    first.join(&hq, line.clone()).unwrap();
    assert_eq!(refused(&second, &hq, line), "invite_used");
    assert_eq!(second.store().roster().root(), second.store().node_id());
    assert!(second.store().peers().unwrap().is_empty());
}

#[test]
fn an_expired_invite_is_refused_by_the_inviters_clock() {
    let (mut hq, mut branch) = (TestNode::new("hq"), TestNode::new("branch"));
    let (_, line) = hq.invite(Role::Publisher);
    hq.now = hq.now.plus_ms(2 * HOUR_MS);
    assert_eq!(refused(&branch, &hq, line), "invite_expired");
    let (_, line) = hq.invite(Role::Publisher);
    branch.now = UnixMillis::new(NOW.get() + 24 * 365 * HOUR_MS);
    branch.join(&hq, line).unwrap();
}

#[test]
fn a_revoked_invite_is_unknown() {
    let (hq, branch) = (TestNode::new("hq"), TestNode::new("branch"));
    let (row, line) = hq.invite(Role::Publisher);
    hq.store().revoke_invite(&row.id, &Expected::Any, &Author::new("test"), NOW).unwrap();
    assert_eq!(refused(&branch, &hq, line), "invite_unknown");
}

#[test]
fn terms_changed_in_the_line_are_refused() {
    let (hq, branch) = (TestNode::new("hq"), TestNode::new("branch"));
    let changes: [fn(&mut ods_api::InviteLine); 4] = [
        |line| line.role = Role::Owner,
        |line| line.expires_at = UnixMillis::new(u64::MAX),
        |line| line.secret = [0; 32],
        |line| line.root = NodeId::from_bytes([1; 32]),
    ];
    for change in changes {
        let (_, mut line) = hq.invite(Role::Publisher);
        change(&mut line);
        assert_eq!(refused(&branch, &hq, line), "invite_unknown");
    }
    assert!(hq.store().peers().unwrap().is_empty() && hq.store().roster().is_alone(&hq.store().node_id()));
}

#[test]
fn an_inviter_that_does_not_know_the_secret_is_refused() {
    let (hq, branch) = (TestNode::new("hq"), TestNode::new("branch"));
    let (_, line) = hq.invite(Role::Publisher);
    let join = super::super::pair::Join::new(branch.store(), line, Author::new("test")).unwrap();
    let request = join.redeem(&branch.node, [0; 32], NOW).unwrap();
    let contact = hq.node.contact().unwrap();
    let forged = PairAnswer::Redeemed { mac: [7; 32], contact, statements: vec![] };
    let error = join.take(branch.store(), &request, forged, NOW).unwrap_err();
    assert_eq!(error.code(), "bad_peer_answer");
    assert!(branch.store().peers().unwrap().is_empty());
}

#[test]
fn a_proof_for_another_joiner_is_worthless() {
    let (hq, branch, thief) = (TestNode::new("hq"), TestNode::new("branch"), TestNode::new("thief"));
    let (_, line) = hq.invite(Role::Publisher);
    let join = super::super::pair::Join::new(branch.store(), line, Author::new("test")).unwrap();
    let Ok(Reply::Answer(super::super::protocol::Answer::Pair(PairAnswer::Opened { inviter_nonce }))) =
        hq.asked(&branch, Request::Pair(join.open()))
    else {
        panic!("not opened")
    };
    let stolen: PairRequest = join.redeem(&branch.node, inviter_nonce, NOW).unwrap();
    let refusal = hq.asked(&thief, Request::Pair(stolen)).unwrap_err();
    assert_eq!(refusal.code(), "invite_unknown");
}

#[test]
fn a_node_cannot_join_itself() {
    let hq = TestNode::new("hq");
    let (_, line) = hq.invite(Role::Publisher);
    assert_eq!(refused(&hq, &hq, line), "invite_own");
}

#[test]
fn a_replica_must_have_no_events_of_its_own() {
    let (hq, branch) = (TestNode::new("hq"), TestNode::new("branch"));
    branch.publish("a.pkg", b"a");
    let (_, line) = hq.invite(Role::Replica);
    assert_eq!(refused(&branch, &hq, line), "replica_has_events");
    branch.joins(&hq, Role::Publisher);
}

/// What it published would have no effect anywhere, though it was acknowledged.
#[test]
fn what_is_published_while_a_replica_joins_is_not_lost() {
    let (hq, branch) = (TestNode::new("hq"), TestNode::new("branch"));
    let (_, line) = hq.invite(Role::Replica);
    let refused = branch.join_meanwhile(&hq, line, || drop(branch.publish("a.pkg", b"a")));
    assert_eq!(refused.unwrap_err(), "replica_has_events");
    assert_eq!(branch.store().roster().root(), branch.store().node_id());
    branch.joins(&hq, Role::Publisher);
    assert!(branch.store().package(&path("a.pkg")).unwrap().is_some(), "it is still listed");
    assert_eq!(hq.store().roster().role(&branch.store().node_id()), Some(Role::Publisher));
}

#[test]
fn an_invite_of_a_node_that_is_no_owner_links_members_and_nobody_else() {
    let (hq, first, second) = (TestNode::new("hq"), TestNode::new("first"), TestNode::new("second"));
    first.joins(&hq, Role::Publisher);
    let (_, line) = first.invite(Role::Publisher);
    assert_eq!(refused(&second, &first, line.clone()), "not_an_owner");
    second.joins(&hq, Role::Publisher);
    // `first` hasn't heard of `second` yet; an owner's word comes with the roster.
    let statements = second.store().roster_statements().unwrap();
    first.store().insert_statements(statements, NOW).unwrap();
    second.join(&first, line).unwrap();
    assert!(first.store().peer(&second.store().node_id()).unwrap().is_some());
    assert!(second.store().peer(&first.store().node_id()).unwrap().is_some());
}

#[test]
fn two_owners_merge_their_meshes_in_one_act() {
    let (hq, branch) = (TestNode::new("hq"), TestNode::new("branch"));
    let (other, its_branch) = (TestNode::new("other"), TestNode::new("its branch"));
    branch.joins(&hq, Role::Publisher);
    its_branch.joins(&other, Role::Publisher);
    other.joins(&hq, Role::Owner);
    assert_eq!(hq.store().roster_digest(), other.store().roster_digest());
    for mesh in [&hq, &other] {
        for node in [&hq, &branch, &other, &its_branch] {
            assert!(mesh.store().roster().is_member(&node.store().node_id()));
        }
        for owner in [&hq, &other] {
            assert_eq!(mesh.store().roster().role(&owner.store().node_id()), Some(Role::Owner));
        }
    }
    assert_eq!(other.store().roster().root(), other.store().node_id());
}

/// The inviter's says who made the invite and where it was redeemed; the joiner's who redeemed it, and from where.
#[test]
fn the_audit_says_from_where_an_invite_admitted_somebody() {
    let (hq, branch, other) = (TestNode::new("hq"), TestNode::new("branch"), TestNode::new("other"));
    branch.joins(&other, Role::Publisher);
    other.joins(&hq, Role::Owner);
    for (node, from) in [(&hq, "192.0.2.7"), (&other, "192.0.2.1")] {
        let page = node.store().audit(None, 100, &mut |_| true).unwrap();
        for (action, subject) in
            [("node.admitted", &hq), ("node.admitted", &other), ("peer.added", &hq), ("peer.added", &other)]
        {
            let subject = subject.store().node_id().to_string();
            let found = page.items.iter().find(|entry| entry.action == action && entry.subject == subject);
            if subject == node.store().node_id().to_string() {
                assert!(found.is_none(), "{action}: nobody admits or links itself");
            } else {
                let found = found.unwrap_or_else(|| panic!("{action} isn't there"));
                assert_eq!((found.who.as_str(), found.from.as_deref()), ("test", Some(from)), "{action}");
            }
        }
    }
}

#[test]
fn an_invite_that_is_redeemed_again_is_so_in_the_name_of_who_began() {
    let node = TestNode::new("hq");
    node.store().note_joining("line", &Author::new("user ada").at("192.0.2.1"), NOW).unwrap();
    let row = node.store().joining().unwrap().expect("it is noted");
    assert_eq!((row.invite.as_str(), row.author()), ("line", Author::new("user ada").at("192.0.2.1")));
}

/// Its inviter may have admitted it: in a mesh of its own with others it could not become part of that any more.
#[test]
fn a_node_that_is_still_joining_lets_nobody_in_for_an_hour() {
    let (node, friend) = (TestNode::new("node"), TestNode::new("friend"));
    let (row, line) = node.invite(Role::Publisher);
    let began = UnixMillis::new(NOW.get() - HOUR_MS + 1);
    node.store().note_joining("line", &author(), began).unwrap();
    assert_eq!(refused(&friend, &node, line.clone()), "still_joining");
    assert_eq!(node.store().invite(&row.id).unwrap().unwrap().redeemed_by, None, "it isn't spent");
    let admit = Admit { node: friend.store().node_id(), role: Role::Publisher, prefixes: vec![] };
    assert!(matches!(node.store().admit(&admit, &author(), NOW), Err(StoreError::StillJoining)));
    assert!(node.store().roster().is_alone(&node.store().node_id()) && node.store().joining().unwrap().is_some());

    node.store().end_joining("line", None).unwrap();
    node.store().note_joining("another", &author(), UnixMillis::new(began.get() - 1)).unwrap();
    friend.join(&node, line).unwrap();
    assert_eq!(node.store().joining().unwrap(), None, "it stays what it is");
    node.store().note_joining("a third", &author(), NOW).unwrap();
    TestNode::new("another friend").joins(&node, Role::Publisher);
}

/// Restored from a backup older than its first Admit, it is alone, and another has the word of its mesh.
#[test]
fn a_founder_that_forgot_its_mesh_joins_it_again_at_once() {
    let (founder, branch) = (TestNode::new("founder"), TestNode::new("branch"));
    let backup = founder.copied("founder", "backup");
    branch.joins(&founder, Role::Owner);
    let (_, line) = branch.invite(Role::Owner);
    backup.join(&branch, line).unwrap();
    assert!(backup.store().roster().is_member(&branch.store().node_id()));
    assert_eq!(backup.store().roster_digest(), branch.store().roster_digest());
}

#[test]
fn a_refused_invite_leaves_the_one_before_it_as_it_was() {
    let node = TestNode::new("node");
    assert_eq!(node.store().note_joining("first", &author(), NOW).unwrap(), None);
    assert_eq!(node.store().note_joining("first", &author(), NOW.plus_ms(1)).unwrap(), None);
    let before = node.store().note_joining("second", &author(), NOW.plus_ms(2)).unwrap();
    node.store().end_joining("first", None).unwrap();
    assert_eq!(node.store().joining().unwrap().unwrap().invite, "second", "another one's end is not its");
    node.store().end_joining("second", before).unwrap();
    let row = node.store().joining().unwrap().unwrap();
    assert_eq!((row.invite.as_str(), row.since), ("first", NOW));
}

/// As an owner it could expel others again.
#[test]
fn a_mesh_of_an_expelled_root_is_not_merged() {
    let (hq, thief, node) = (TestNode::new("hq"), TestNode::new("thief"), TestNode::new("node"));
    let alone = thief.copied("thief", "alone");
    thief.joins(&hq, Role::Publisher);
    hq.store().expel(&thief.store().node_id(), &author(), NOW).unwrap();
    node.joins(&alone, Role::Owner);
    let (_, line) = hq.invite(Role::Owner);
    assert_eq!(refused(&node, &hq, line), "expelled");
}

/// The first invite's answer was lost, and it was asked for no more. Only an owner can mend that, and does.
#[test]
fn a_node_that_was_admitted_unknown_to_it_and_let_others_in_merges_as_owner() {
    let (hq, node, friend) = (TestNode::new("hq"), TestNode::new("node"), TestNode::new("friend"));
    let (_, line) = hq.invite(Role::Publisher);
    node.join_to_no_avail(&hq, line.clone());
    assert_eq!(hq.store().roster().role(&node.store().node_id()), Some(Role::Publisher));
    friend.joins(&node, Role::Publisher);
    assert_eq!(refused(&node, &hq, line), "merge_needs_owner");
    let (_, line) = hq.invite(Role::Owner);
    node.join(&hq, line).unwrap();
    for one in [&hq, &node] {
        for other in [&hq, &node, &friend] {
            assert!(one.store().roster().is_member(&other.store().node_id()));
        }
    }
    let statements = hq.store().roster_statements().unwrap().len();
    let (_, line) = hq.invite(Role::Owner);
    node.join(&hq, line).unwrap();
    assert_eq!(hq.store().roster_statements().unwrap().len(), statements, "they are one mesh already");
}

#[test]
fn meshes_do_not_merge_by_less_than_two_owners() {
    let (hq, other, its_branch) = (TestNode::new("hq"), TestNode::new("other"), TestNode::new("its branch"));
    its_branch.joins(&other, Role::Publisher);
    let (_, as_publisher) = hq.invite(Role::Publisher);
    assert_eq!(refused(&other, &hq, as_publisher), "merge_needs_owner");
    let (_, as_owner) = hq.invite(Role::Owner);
    assert_eq!(refused(&its_branch, &hq, as_owner), "merge_needs_owner");
    assert!(hq.store().roster().is_alone(&hq.store().node_id()));
}
