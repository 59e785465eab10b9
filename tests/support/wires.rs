//! Nodes in network namespaces of their own, with wires between them that have a speed and can be unplugged.
//!
//! Each node has one wire to the test, by which the test speaks to it, and nothing else is routed over that one.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use super::node::{Node, Place, Setup};
use super::tools;

/// A network of a test's own; everything in it goes with it.
#[derive(Debug)]
pub(crate) struct Wires {
    prefix: String,
    /// The third byte of this network's addresses, so that tests can run beside each other.
    subnet: u16,
    names: Vec<&'static str>,
    laid: Vec<Wire>,
}

#[derive(Debug)]
struct Wire {
    ends: [&'static str; 2],
}

impl Wires {
    /// Namespaces with these names; `None`, said with `what` is left out, where this machine doesn't let the test make them.
    pub(crate) fn between(what: &str, names: &[&'static str]) -> Option<Self> {
        static SUBNETS: AtomicU16 = AtomicU16::new(0);
        if !tools::is_root() || !tools::run("sh", &["-c", "command -v ip tc"], Path::new("/")).status.success() {
            tools::leave_out(what, "needs root, ip and tc to make network namespaces");
            return None;
        }
        let process = u16::try_from(std::process::id() % 50).expect("it is below 50");
        let subnet = process * 5 + SUBNETS.fetch_add(1, Ordering::Relaxed) % 5;
        let prefix = format!("ods{}-{subnet}-", std::process::id());
        let network = Self { prefix, subnet, names: names.to_vec(), laid: Vec::new() };
        for (number, name) in names.iter().enumerate() {
            if !network.add_namespace(number, name) {
                tools::leave_out(what, "this machine lets nobody make network namespaces");
                return None;
            }
        }
        Some(network)
    }

    fn add_namespace(&self, number: usize, name: &str) -> bool {
        let (space, outside, inside) = (self.space(name), self.device("t", number), self.device("n", number));
        let steps = [
            format!("netns add {space}"),
            format!("link add {outside} type veth peer name {inside}"),
            format!("link set {inside} netns {space}"),
            format!("addr add {}/30 dev {outside}", self.test_address(number, 1)),
            format!("link set {outside} up"),
            format!("-n {space} addr add {}/30 dev {inside}", self.test_address(number, 2)),
            format!("-n {space} link set {inside} up"),
            format!("-n {space} link set lo up"),
        ];
        steps.iter().all(|step| ip(step))
    }

    /// A wire between two nodes, this fast each way.
    pub(crate) fn wire(&mut self, one: &'static str, other: &'static str, mbit_per_s: u32) {
        let number = self.laid.len();
        let devices = ["x", "y"].map(|end| self.device(end, number));
        assert!(ip(&format!("link add {} type veth peer name {}", devices[0], devices[1])), "a wire can be made");
        for (end, (name, device)) in [one, other].iter().zip(&devices).enumerate() {
            let space = self.space(name);
            let address = self.wire_address(number, end);
            assert!(ip(&format!("link set {device} netns {space}")));
            assert!(ip(&format!("-n {space} addr add {address}/30 dev {device}")));
            assert!(ip(&format!("-n {space} link set {device} up")));
            let shape =
                format!("-n {space} qdisc add dev {device} root tbf rate {mbit_per_s}mbit burst 128kb latency 100ms");
            tools::run_well("tc", &shape.split(' ').collect::<Vec<_>>(), Path::new("/"));
        }
        self.laid.push(Wire { ends: [one, other] });
    }

    /// Unplugs a wire, or plugs it in again.
    pub(crate) fn plug(&self, one: &str, other: &str, plugged: bool) {
        let is_it = |wire: &Wire| wire.ends.contains(&one) && wire.ends.contains(&other);
        let number = self.laid.iter().position(is_it).expect("there is such a wire");
        let (space, device) = (self.space(self.laid[number].ends[0]), self.device("x", number));
        let state = if plugged { "up" } else { "down" };
        assert!(ip(&format!("-n {space} link set {device} {state}")));
    }

    /// A node at a place here, that says of itself where its wires end.
    pub(crate) fn start(&self, name: &'static str) -> Node {
        let mut node = Node::new(self.setup(name));
        let port = node.port();
        let urls = self.laid.iter().enumerate().flat_map(|(number, wire)| {
            let ends = wire.ends.iter().enumerate().filter(|(_, end)| **end == name);
            ends.map(move |(end, _)| (number, end)).collect::<Vec<_>>()
        });
        let urls: Vec<String> =
            urls.map(|(number, end)| format!("http://{}:{port}", self.wire_address(number, end))).collect();
        for url in urls {
            node.setup().arguments.extend(["--url".to_owned(), url]);
        }
        node.launch();
        node
    }

    /// A node that nobody but the test can call: it listens on the test's wire alone.
    pub(crate) fn start_behind_a_firewall(&self, name: &'static str) -> Node {
        let mut setup = self.setup(name);
        let place = setup.place.as_mut().expect("it has one");
        place.listen.clone_from(&place.address);
        Node::start_with(setup)
    }

    fn setup(&self, name: &'static str) -> Setup {
        let number = self.names.iter().position(|known| *known == name).expect("a known name");
        let place =
            Place { namespace: self.space(name), address: self.test_address(number, 2), listen: "0.0.0.0".to_owned() };
        Setup { name: name.to_owned(), place: Some(place), ..Setup::default() }
    }

    fn space(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn device(&self, kind: &str, number: usize) -> String {
        format!("o{kind}{}-{}-{number}", std::process::id() % 10_000, self.subnet)
    }

    fn test_address(&self, number: usize, end: usize) -> String {
        format!("10.77.{}.{}", self.subnet, number * 4 + end)
    }

    fn wire_address(&self, number: usize, end: usize) -> String {
        format!("10.78.{}.{}", self.subnet, number * 4 + end + 1)
    }
}

impl Drop for Wires {
    fn drop(&mut self) {
        for (number, name) in self.names.iter().enumerate() {
            // The other ends of its wires go with it; those of wires that never got there, by name.
            ip(&format!("netns del {}", self.space(name)));
            ip(&format!("link del {}", self.device("t", number)));
        }
    }
}

/// Runs `ip` with these arguments; whether it worked.
fn ip(arguments: &str) -> bool {
    Command::new("ip").args(arguments.split(' ')).output().is_ok_and(|output| output.status.success())
}
