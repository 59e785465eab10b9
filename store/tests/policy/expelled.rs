//! What follows where a node is expelled: which bytes are wanted, and on whose word others go.

use ods_store::{Author, Condition, EventId, EvictStep, NotTold, PackageState, Role, StatePolicy};

use super::{ask, evict, gossip, holds, on_demand, set, state};
use crate::expel_ahead::{hear_all, sign};
use crate::mesh::mesh;
use crate::states::fetch;
use crate::support::{assert_sound, at, path, pull, put};

/// A node that heard of the Expel, but not of the last event that this covers, takes all events of the expelled node for
/// void, and so ends its want of bytes that never came. That it wants nothing proves nothing then.
#[test]
fn the_last_copy_stays_while_another_node_has_the_roster_but_not_all_events_of_who_was_expelled() {
    let nodes = mesh(4, Role::Publisher);
    let [a, b, c, p] = [0, 1, 2, 3].map(|node| &nodes[node].1);
    let blob = put(p, "x.pkg", b"hello", at(1)).expect("a publish").package.blob;
    pull(b, p, at(2)).expect("a pull");
    pull(c, p, at(2)).expect("a pull");
    fetch(c, p);
    put(p, "y.pkg", b"later", at(3)).expect("a publish");
    pull(a, p, at(4)).expect("a pull");
    pull(c, a, at(4)).expect("a pull");
    a.expel(&p.node_id(), &Author::new("test"), at(5)).expect("an owner expels");
    pull(c, a, at(6)).expect("a pull");
    // Rosters are swapped before events, each in a transaction of its own; there the link broke.
    b.insert_statements(a.roster_statements().expect("readable"), at(6)).expect("taken");
    assert_eq!(b.package(&path("x.pkg")).expect("readable"), None);
    set(c, &on_demand(0));
    gossip(&[c, b]);
    gossip(&[c, b]);
    ask(c, b);
    assert_eq!(evict(c, at(10)).gone.count, 0);
    assert!(holds(c, &blob), "the last copy");
    let lacking = c.lacking(&b.node_id(), None, 10, &mut |_| true).expect("readable");
    assert_eq!(lacking.untold, Some(NotTold::OtherEvents), "what it lacks of these can't be told");
    // With the last event it wants the bytes again; when they came, its word counts.
    pull(b, c, at(11)).expect("a pull");
    ask(c, b);
    assert_eq!(evict(c, at(12)).gone.count, 0);
    fetch(b, c);
    gossip(&[c, b]);
    ask(c, b);
    assert_eq!(evict(c, at(13)).gone.count, 1);
    assert!(holds(b, &blob));
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Never,
    BeforeAsking,
    BetweenSteps,
}

/// It may be a thief's word that they have the bytes, who takes them away once the others are gone.
#[test]
fn nothing_goes_on_the_word_of_who_is_about_to_be_expelled() {
    for (told, gone) in [(Told::Never, 1), (Told::BeforeAsking, 0), (Told::BetweenSteps, 0)] {
        let nodes = mesh(3, Role::Publisher);
        let [a, b, p] = [0, 1, 2].map(|node| &nodes[node].1);
        let blob = put(p, "x.pkg", b"hello", at(1)).expect("a publish").package.blob;
        pull(b, p, at(2)).expect("a pull");
        fetch(b, p);
        set(b, &on_demand(0));
        gossip(&[b, p]);
        let tell = || assert_eq!(hear_all(b, vec![sign(a, p, vec![EventId::from_bytes([6; 32])])], at(10)), 1);
        if told == Told::BeforeAsking {
            tell();
            assert!(!evict(b, at(10)).awaits_word, "there is nobody to ask");
        } else {
            ask(b, p);
        }
        let mut run = b.begin_evict(at(10)).expect("a run").expect("there is something to let go of");
        assert_eq!(run.step().expect("a step"), EvictStep::More, "it looked at all");
        if told == Told::BetweenSteps {
            tell();
        }
        let report = loop {
            if let EvictStep::Done(report) = run.step().expect("a step") {
                break report;
            }
        };
        assert_eq!((report.gone.count, report.held_back.count), (gone, 1 - gone), "{told:?}");
        assert_eq!(holds(b, &blob), gone == 0, "{told:?}");
        assert_sound(b);
    }
}

/// The only place of some bytes goes with what an expelled node published, and they are at another one again, since what it
/// removed comes back: whichever is folded first.
#[test]
fn who_waits_for_bytes_is_not_forgotten_when_a_roster_changes_where_they_are() {
    for (published, removed) in [("a.pkg", "b.pkg"), ("b.pkg", "a.pkg")] {
        for policy in [on_demand(100), StatePolicy::All] {
            let nodes = mesh(3, Role::Publisher);
            let [a, b, c] = [0, 1, 2].map(|node| &nodes[node].1);
            set(c, &policy);
            let blob = put(a, removed, b"x", at(1)).expect("a publish").package.blob;
            pull(b, a, at(2)).expect("a pull");
            put(b, published, b"x", at(3)).expect("a publish");
            b.remove(&path(removed), &Condition::None, &Author::new("test"), at(3)).expect("a removal");
            pull(c, b, at(4)).expect("a pull");
            assert!(c.want_now(&blob, at(5)).expect("a client asks"));
            a.expel(&b.node_id(), &Author::new("test"), at(6)).expect("an owner expels");
            pull(c, a, at(7)).expect("a pull");
            assert_eq!(c.package(&path(published)).expect("readable"), None);
            let asked: Vec<_> = c.wants(10).expect("wants").iter().map(|want| (want.blob, want.asked_at)).collect();
            assert_eq!(asked, [(blob, Some(at(5)))], "{policy:?}");
            assert_sound(c);
        }
    }
}

/// The same in one batch: the last revision with some bytes goes, and one of an expelled node that is covered comes.
#[test]
fn who_waits_for_bytes_is_not_forgotten_when_what_is_covered_comes_with_a_removal() {
    for (first, second) in [("a.pkg", "b.pkg"), ("b.pkg", "a.pkg")] {
        let nodes = mesh(3, Role::Publisher);
        let [a, b, c] = [0, 1, 2].map(|node| &nodes[node].1);
        set(c, &on_demand(100));
        let blob = put(a, first, b"x", at(1)).expect("a publish").package.blob;
        pull(c, a, at(2)).expect("a pull");
        assert!(c.want_now(&blob, at(3)).expect("a client asks"));
        put(b, second, b"x", at(4)).expect("a publish");
        pull(a, b, at(5)).expect("a pull");
        a.expel(&b.node_id(), &Author::new("test"), at(6)).expect("an owner expels");
        a.remove(&path(first), &Condition::None, &Author::new("test"), at(7)).expect("a removal");
        pull(c, a, at(8)).expect("a pull");
        assert_eq!(state(c, second), PackageState::Wanted);
        assert_eq!(c.wants(10).expect("wants")[0].asked_at, Some(at(3)));
        assert_sound(c);
    }
}
