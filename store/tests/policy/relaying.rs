//! What a node that keeps nothing of its own fetches for its peers: who has a place, and for how long.

use ods_store::{Digest, Role, SimDisk, StatePolicy, Store};

use super::{ask, evict, gossip, holds, on_demand, set, tell, wanted};
use crate::mesh::{mesh, settle};
use crate::states::fetch;
use crate::support::{at, bytes, put};

/// A publisher, a node that keeps up to `bytes_max` of what others ask for, two that keep all, and packages of these sizes,
/// of which nobody has heard more than the news.
fn world(bytes_max: u64, sizes: &[usize]) -> (Vec<(SimDisk, Store)>, Vec<Digest>) {
    let nodes = mesh(4, Role::Publisher);
    set(&nodes[1].1, &on_demand(bytes_max));
    let publish = |(number, size): (u64, &usize)| {
        let published = put(&nodes[0].1, &format!("{number}.pkg"), &bytes(number, *size), at(1));
        published.expect("a publish").package.blob
    };
    let blobs = (0..).zip(sizes).map(publish).collect();
    let all: Vec<&Store> = nodes.iter().map(|(_, store)| store).collect();
    settle(&all);
    gossip(&all);
    (nodes, blobs)
}

/// A peer asks for a blob for as long as it takes to be heard, up to this second.
fn asks(of: &Store, peer: &Store, blob: &Digest, until: u64) {
    of.peer_lacks(&peer.node_id(), blob, at(until - 10)).expect("heard");
    of.peer_lacks(&peer.node_id(), blob, at(until)).expect("heard");
}

#[test]
fn what_has_no_room_beside_what_clients_wait_for_holds_up_nothing_smaller() {
    let (nodes, blobs) = world(100, &[80, 40, 10]);
    let [(_, origin), (_, relay), (_, one), (_, other)] = &nodes[..] else { panic!("four nodes") };
    let [for_client, large, small] = blobs[..] else { panic!("three blobs") };
    assert!(relay.want_now(&for_client, at(15)).expect("a client asks"));
    asks(relay, one, &large, 20);
    assert_eq!(wanted(relay), [for_client].into(), "there is no room for it");
    asks(relay, other, &small, 31);
    assert_eq!(wanted(relay), [for_client, small].into(), "it has room");
    fetch(relay, origin);
    asks(relay, one, &large, 45);
    assert_eq!(wanted(relay), [large].into(), "there is room for it now");
}

#[test]
fn what_was_passed_on_is_kept_for_who_asks_again_only_as_far_as_there_is_room() {
    let (nodes, blobs) = world(50, &[40, 41]);
    let [(_, origin), (_, relay), (_, one), (_, other)] = &nodes[..] else { panic!("four nodes") };
    let [first, second] = blobs[..] else { panic!("two blobs") };
    asks(relay, one, &first, 20);
    fetch(relay, origin);
    fetch(one, relay);
    gossip(&[origin, relay, one, other]);
    asks(relay, one, &second, 31);
    assert_eq!(wanted(relay), [second].into(), "the first one was passed on");
    fetch(relay, origin);
    relay.peer_gets(&other.node_id(), &first, at(40)).expect("heard");
    relay.peer_gets(&one.node_id(), &second, at(40)).expect("heard");
    ask(relay, origin);
    assert_eq!(evict(relay, at(41)).gone.count, 1, "there is a place for one");
    assert!(!holds(relay, &first) && holds(relay, &second));
}

#[test]
fn what_nobody_asked_for_in_a_while_has_no_place_for_who_asks_again_unless_there_is_room() {
    let (nodes, blobs) = world(50, &[40, 41]);
    let [(_, origin), (_, relay), (_, one), (_, other)] = &nodes[..] else { panic!("four nodes") };
    let [first, second] = blobs[..] else { panic!("two blobs") };
    asks(relay, one, &first, 20);
    fetch(relay, origin);
    asks(relay, other, &second, 90);
    assert_eq!(wanted(relay), [second].into(), "nobody asked for the first one for a minute");
    fetch(relay, origin);
    relay.peer_gets(&one.node_id(), &first, at(91)).expect("heard");
    relay.peer_gets(&other.node_id(), &second, at(91)).expect("heard");
    ask(relay, origin);
    assert_eq!(evict(relay, at(92)).gone.count, 1, "there is a place for one");
    assert!(!holds(relay, &first) && holds(relay, &second));
}

#[test]
fn what_a_peer_said_before_its_newest_word_counts_for_nothing() {
    let (nodes, blobs) = world(50, &[40, 41]);
    let [(_, origin), (_, relay), (_, one), (_, other)] = &nodes[..] else { panic!("four nodes") };
    let [first, second] = blobs[..] else { panic!("two blobs") };
    asks(relay, one, &first, 20);
    fetch(relay, origin);
    let word = |policy: &StatePolicy| {
        set(one, policy);
        tell(one);
        one.state(&one.node_id()).expect("readable").expect("told").signed
    };
    let older = word(&on_demand(0));
    let newest = word(&StatePolicy::All);
    assert_eq!(relay.insert_states(vec![newest, older], at(21)).expect("taken").taken, 1);
    asks(relay, other, &second, 31);
    assert_eq!(wanted(relay), [].into(), "the first one waits still, as its newest word says");
}
