//! How soon a machine that nobody can call is called again, after its link was gone. In simulated time, so that it is exact.

use ods_store::Role;

use super::run::traced;
use super::script::{Founder, Script, Step};

/// Seconds in which a peer calls through a link that was opened.
const CALLED_S: f64 = 1.0;
/// Seconds after the last call that reached it in which a node that moved behind a firewall has a link.
const LINKED_S: f64 = 101.0;
/// Seconds in which a link is there again once the line is: the longest back-off and its jitter.
const OPEN_AGAIN_S: f64 = 26.0;

/// When lines of a trace that hold this text were written, in seconds.
pub(super) fn moments(trace: &[String], text: &str) -> Vec<f64> {
    let lines = trace.iter().filter(|line| line.contains(text));
    lines.map(|line| line.split_whitespace().next().expect("a time").parse().expect("a number")).collect()
}

/// Machine 1 is behind a firewall, and linked with machine 0.
pub(super) fn behind_a_firewall(steps: Vec<(u64, Step)>) -> Vec<String> {
    two_machines(vec![1], steps)
}

fn two_machines(firewalled: Vec<usize>, steps: Vec<(u64, Step)>) -> Vec<String> {
    let founder = |via, role| Founder { via, role, clock_error_ms: 0 };
    let founders = vec![founder(None, Role::Owner), founder(Some(0), Role::Publisher)];
    let script = Script { seed: 4, founders, spares: 0, links: vec![], firewalled, watched: true, steps };
    let (outcome, trace) = traced(&script);
    outcome.unwrap_or_else(|fault| panic!("{fault}\n{}", trace.join("\n")));
    trace
}

#[test]
fn a_node_that_moves_behind_a_firewall_opens_a_link_soon() {
    let moves = (100_000, Step::MoveBehind { machine: 1 });
    let trace = two_machines(vec![], vec![moves, (240_000, Step::Sync { machine: 0, which: 0 })]);
    let moved = moments(&trace, "MoveBehind")[0];
    let called = moments(&trace, "m0 asked http://m1:80: Ping: Ok").into_iter().rfind(|called| *called < moved);
    let (called, opened) = (called.expect("it was called before"), moments(&trace, "m1 holds a link to m0"));
    assert_eq!(opened.len(), 1, "{opened:?}\n{}", trace.join("\n"));
    assert!(opened[0] >= moved && opened[0] - called <= LINKED_S, "called at {called}, linked at {opened:?}");
}

#[test]
fn nodes_that_can_call_each_other_open_no_link_whatever_breaks() {
    let cut = |at_ms, for_ms| (at_ms, Step::Cut { one: 0, other: 1, for_ms });
    let steps = vec![
        cut(100_000, 3_000),
        cut(130_000, 30_000),
        cut(400_000, 9_000),
        (500_000, Step::Stop { machine: 0, down_ms: 20_000 }),
        (600_000, Step::Stop { machine: 1, down_ms: 20_000 }),
        // That they may open links at all.
        (900_000, Step::MoveBehind { machine: 1 }),
        (1_200_000, Step::Sync { machine: 0, which: 0 }),
    ];
    let trace = two_machines(vec![], steps);
    let (moved, opened) = (moments(&trace, "MoveBehind")[0], moments(&trace, "holds a link"));
    assert!(opened.len() == 1 && opened[0] >= moved, "moved at {moved}: {opened:?}\n{}", trace.join("\n"));
}

#[test]
fn a_link_is_open_again_soon_and_pings_go_through_it_within_a_second() {
    let sync = Step::Sync { machine: 0, which: 0 };
    let cut = Step::Cut { one: 0, other: 1, for_ms: 60_000 };
    let kill = Step::Kill { machine: 0, down_ms: 60_000 };
    for trouble in [cut, kill] {
        let trace = behind_a_firewall(vec![(20_000, trouble), (120_000, sync)]);
        let (opened, called) =
            (moments(&trace, "m1 holds a link to m0"), moments(&trace, "m0 asked the link that it opened: Ping: Ok"));
        assert!(opened.len() >= 2, "{trouble:?}: {opened:?}\n{}", trace.join("\n"));
        for at in &opened {
            let soon = called.iter().any(|called| (0.0..=CALLED_S).contains(&(called - at)));
            assert!(soon, "{trouble:?}: open at {at}, called at {called:?}");
        }
        let over = moments(&trace, if matches!(trouble, Step::Cut { .. }) { "Mend(" } else { "Start(" })[0];
        let again = opened.iter().find(|at| **at >= over).expect("a link after the trouble");
        assert!(again - over <= OPEN_AGAIN_S, "{trouble:?}: over at {over}, open again at {again}");
    }
}

/// Each has its turn within this, in seconds: two turns, and a second for what doesn't answer.
const TURNS_S: f64 = 12.0;
/// Where only one answers, it has all turns, a second late at most.
const TURN_S: f64 = 6.5;

/// A link whose line broke is there for a while yet, and whatever goes into it brings no answer.
#[test]
fn two_machines_with_one_key_behind_firewalls_are_both_heard_and_one_that_is_gone_holds_nothing_up() {
    let founder = |via, role| Founder { via, role, clock_error_ms: 0 };
    let founders = vec![founder(None, Role::Owner), founder(Some(0), Role::Publisher)];
    let publish = |at_ms, machine, path| (at_ms, Step::Publish { machine, path, size: 7 });
    let steps = vec![
        (10_000, Step::Clone { machine: 1, for_ms: 150_000 }),
        publish(40_000, 1, 1),
        publish(60_000, 2, 2),
        (80_000, Step::Cut { one: 0, other: 2, for_ms: 60_000 }),
        publish(81_000, 1, 3),
        publish(85_500, 1, 4),
        publish(90_000, 1, 5),
        (110_000, Step::Sync { machine: 0, which: 0 }),
    ];
    let script = Script { seed: 4, founders, spares: 1, links: vec![], firewalled: vec![1, 2], watched: true, steps };
    let (outcome, trace) = traced(&script);
    outcome.unwrap_or_else(|fault| panic!("{fault}\n{}", trace.join("\n")));
    let waited_out = moments(&trace, "m0 asked the link that it opened: Ping: Err");
    assert!(waited_out.is_empty(), "it waited until what is gone gave up: {waited_out:?}\n{}", trace.join("\n"));
    let alone = [81.0, 85.5, 90.0].map(|published| (published, "m1", TURN_S));
    for (published, machine, within_s) in [(40.0, "m1", TURNS_S), (60.0, "m2", TURNS_S)].into_iter().chain(alone) {
        let from_there = trace.iter().filter(|line| line.contains("m0 gets bytes") && line.ends_with(machine));
        let got = moments(&from_there.cloned().collect::<Vec<_>>(), "m0 gets bytes");
        let soon = got.iter().any(|at| (published..published + within_s).contains(at));
        assert!(soon, "published at {published} by {machine}, its bytes asked for at {got:?}\n{}", trace.join("\n"));
    }
}
