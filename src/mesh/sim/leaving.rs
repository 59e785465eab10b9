//! How soon a node that stops in good order is shown as down, and that its stop waits for nobody. In simulated time.

use ods_store::Role;

use super::reconnecting::{behind_a_firewall, moments};
use super::run::traced;
use super::script::{Founder, Script, Step};

/// Seconds after which all who can hear it show it.
const SHOWN_S: f64 = 0.2;
/// Seconds that a stop waits for who doesn't hear it, and a little.
const WAITS_S: f64 = 1.1;

/// Three machines in a line: 0, 1, 2.
fn in_a_line(steps: Vec<(u64, Step)>) -> Vec<String> {
    let founder = |via, role| Founder { via, role, clock_error_ms: 0 };
    let founders = vec![founder(None, Role::Owner), founder(Some(0), Role::Owner), founder(Some(1), Role::Replica)];
    let script = Script { seed: 5, founders, spares: 0, links: vec![], firewalled: vec![], watched: true, steps };
    let (outcome, trace) = traced(&script);
    outcome.unwrap_or_else(|fault| panic!("{fault}\n{}", trace.join("\n")));
    trace
}

/// How long a goodbye took, and what was shown after it.
fn goodbye(trace: &[String]) -> (f64, String) {
    let begun = moments(trace, "Stop {")[0];
    let said = moments(trace, "said goodbye")[0];
    let line = trace.iter().find(|line| line.contains("said goodbye")).expect("it was said");
    (said - begun, line.rsplit("shown by ").next().unwrap_or_default().to_owned())
}

#[test]
fn who_is_linked_with_a_node_that_stops_shows_it_as_down_at_once() {
    let stop = |machine| vec![(20_000, Step::Stop { machine, down_ms: 30_000 })];
    let firewalled = |machine| behind_a_firewall(stop(machine));
    for (trace, shown_by) in [
        (in_a_line(stop(1)), r#"["m0", "m2"]"#),
        (in_a_line(stop(2)), r#"["m1"]"#),
        (firewalled(0), r#"["m1"]"#),
        (firewalled(1), r#"["m0"]"#),
    ] {
        let (took_s, shown) = goodbye(&trace);
        assert_eq!(shown, shown_by, "{}", trace.join("\n"));
        assert!(took_s <= SHOWN_S, "{took_s} s\n{}", trace.join("\n"));
    }
}

#[test]
fn a_stop_waits_a_second_at_most_for_who_does_not_hear_it() {
    let cut = Step::Cut { one: 1, other: 2, for_ms: 60_000 };
    let trace = in_a_line(vec![(20_000, cut), (20_500, Step::Stop { machine: 1, down_ms: 1000 })]);
    let (took_s, shown) = goodbye(&trace);
    assert_eq!(shown, r#"["m0"]"#);
    assert!(took_s > SHOWN_S && took_s <= WAITS_S, "{took_s} s");
}
