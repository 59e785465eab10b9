//! A transfer that is cut at a random point, by an unplugged wire or by `kill -9` of the receiver: how many bytes the
//! sender sends twice. `ODS_BENCH_CUTS` (20) is how often each, `ODS_BENCH_CUT_BYTES` (2 GB) the size.

use std::time::Duration;

use crate::support::namespaces::Namespaces;
use crate::support::{Bench, Figure, Http, Node, Place, leave_out, until, uploaded_bytes};

const MBIT_PER_S: u32 = 1000;
/// Longer than a silent source is kept.
const UNPLUGGED: Duration = Duration::from_secs(12);
const MIB: f64 = 1_048_576.0;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    Unplug,
    Kill,
}

#[expect(clippy::disallowed_methods, reason = "the benches have no configuration but their variables")]
fn asked(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

pub(crate) fn run(bench: &Bench) -> Vec<Figure> {
    let mut spaces = match Namespaces::new(&["origin", "branch"]) {
        Ok(spaces) => spaces,
        Err(why) => {
            leave_out("cut transfers", why);
            return vec![];
        }
    };
    spaces.wire("origin", "branch", MBIT_PER_S);
    let (cuts, bytes) = (asked("ODS_BENCH_CUTS", 20), asked("ODS_BENCH_CUT_BYTES", 2_000_000_000));
    let origin = Node::start_at(bench, "cuts-origin", &place(&spaces, "origin"));
    origin.put("cut.pkg", &bench.random_file("cut.pkg", bytes));
    let worst = |cut: Cut| {
        let sent_twice = (0..cuts).map(|turn| one_cut(bench, &spaces, &origin, bytes, cut, turn));
        let mut sent_twice: Vec<f64> = sent_twice.collect();
        sent_twice.sort_by(f64::total_cmp);
        eprintln!("sent twice: {sent_twice:.2?} MiB");
        sent_twice.last().copied().unwrap_or(f64::NAN)
    };
    let (unplugged, killed) = (worst(Cut::Unplug), worst(Cut::Kill));
    let name = |how: &str| format!("{bytes} bytes, {how} at a random point, {cuts} times: sent twice at most");
    vec![
        Figure::limit(&name("unplugged"), "MiB", unplugged, 8.0),
        Figure::limit(&name("receiver killed"), "MiB", killed, 64.0),
    ]
}

fn place(spaces: &Namespaces, name: &str) -> Place {
    let addresses = spaces.wire_addresses(name);
    Place { namespace: spaces.space(name), address: spaces.address(name), addresses }
}

/// A new node joins and is cut off once; MiB that the origin sent beyond what the package has.
fn one_cut(bench: &Bench, spaces: &Namespaces, origin: &Node, bytes: u64, cut: Cut, turn: u64) -> f64 {
    let name = format!("cuts-{}-{turn}", if cut == Cut::Kill { "kill" } else { "unplug" });
    let place = place(spaces, "branch");
    let mut branch = Node::start_at(bench, &name, &place);
    let mut http: Http = origin.http();
    let before = uploaded_bytes(&mut http);
    branch.join(origin);
    let random = blake3::hash(name.as_bytes()).as_bytes()[0];
    let point = bytes as f64 * (0.05 + 0.9 * f64::from(random) / 256.0);
    until("the transfer is at the point of the cut", || uploaded_bytes(&mut http) - before > point);
    match cut {
        Cut::Unplug => {
            spaces.plug("origin", "branch", false);
            std::thread::sleep(UNPLUGGED);
            spaces.plug("origin", "branch", true);
        }
        Cut::Kill => {
            branch.server().kill();
            drop(branch);
            branch = Node::start_at(bench, &name, &place);
        }
    }
    branch.wait_for(1);
    let sent = uploaded_bytes(&mut http) - before;
    let id = branch.http().json("GET", "/api/v1/node", b"")["id"].as_str().unwrap_or_default().to_owned();
    http.send("DELETE", &format!("/api/v1/peers/{id}"), b"");
    drop(branch);
    bench.clear(&name);
    (sent - bytes as f64) / MIB
}
