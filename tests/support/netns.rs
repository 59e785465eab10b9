//! Network namespaces with wires between them that have a speed and can be unplugged; used by tests and benches alike.
//!
//! Each namespace has one wire to whoever made it, by which that one speaks to it; nothing else is routed over that. It takes
//! root, and `ip` and `tc` of Debian's iproute2.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

/// The namespaces and all that lies between them; everything goes with this.
#[derive(Debug)]
pub(crate) struct Namespaces {
    prefix: String,
    /// The third byte of their addresses, so that tests can run beside each other.
    subnet: u16,
    names: Vec<String>,
    laid: Vec<[String; 2]>,
}

impl Namespaces {
    /// Namespaces with these names, or why this machine doesn't let anybody make them.
    pub(crate) fn new(names: &[&str]) -> Result<Self, &'static str> {
        static SUBNETS: AtomicU16 = AtomicU16::new(0);
        let has = |program: &str, flag: &str| {
            Command::new(program).arg(flag).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
        };
        if !has("ip", "-V") || !has("tc", "-V") {
            return Err("it needs ip and tc, of iproute2");
        }
        let process = u16::try_from(std::process::id() % 25).expect("it is below 25");
        let subnet = process * 10 + SUBNETS.fetch_add(1, Ordering::Relaxed) % 10;
        let prefix = format!("ods{}-{subnet}-", std::process::id());
        let names = names.iter().map(|&name| name.to_owned()).collect();
        let spaces = Self { prefix, subnet, names, laid: Vec::new() };
        let made = (0..spaces.names.len()).all(|number| spaces.add(number));
        if made { Ok(spaces) } else { Err("this machine lets this user make no network namespaces") }
    }

    fn add(&self, number: usize) -> bool {
        let (space, outside, inside) =
            (self.space(&self.names[number]), self.device("t", number), self.device("n", number));
        let steps = [
            format!("netns add {space}"),
            format!("link add {outside} type veth peer name {inside}"),
            format!("link set {inside} netns {space}"),
            format!("addr add {}/30 dev {outside}", self.near_address(number, 1)),
            format!("link set {outside} up"),
            format!("-n {space} addr add {}/30 dev {inside}", self.near_address(number, 2)),
            format!("-n {space} link set {inside} up"),
            format!("-n {space} link set lo up"),
        ];
        steps.iter().all(|step| ip(step))
    }

    /// Lays a wire between two of them, this fast each way; 0: as fast as it goes.
    pub(crate) fn wire(&mut self, one: &str, other: &str, mbit_per_s: u32) {
        let number = self.laid.len();
        let devices = ["x", "y"].map(|end| self.device(end, number));
        assert!(ip(&format!("link add {} type veth peer name {}", devices[0], devices[1])), "a wire can be made");
        for (end, (name, device)) in [one, other].iter().zip(&devices).enumerate() {
            let space = self.space(name);
            let address = self.wire_address(number, end);
            assert!(ip(&format!("link set {device} netns {space}")));
            assert!(ip(&format!("-n {space} addr add {address}/30 dev {device}")));
            assert!(ip(&format!("-n {space} link set {device} up")));
            self.shape(&space, device, mbit_per_s);
        }
        self.laid.push([one.to_owned(), other.to_owned()]);
    }

    /// Plugs all but the last into a switch, which is the last, each by a wire this fast each way.
    pub(crate) fn switch(&mut self, mbit_per_s: u32) {
        let last = self.names.len() - 1;
        let (switch, bridge) = (self.space(&self.names[last]), self.device("b", 0));
        assert!(ip(&format!("-n {switch} link add {bridge} type bridge")), "a switch can be made");
        assert!(ip(&format!("-n {switch} link set {bridge} up")));
        for number in 0..last {
            let (space, devices) = (self.space(&self.names[number]), ["x", "y"].map(|end| self.device(end, number)));
            assert!(ip(&format!("link add {} type veth peer name {}", devices[0], devices[1])), "a wire can be made");
            for (space, device) in [&space, &switch].iter().zip(&devices) {
                assert!(ip(&format!("link set {device} netns {space}")));
                assert!(ip(&format!("-n {space} link set {device} up")));
                self.shape(space, device, mbit_per_s);
            }
            assert!(ip(&format!("-n {switch} link set {} master {bridge}", devices[1])));
            assert!(ip(&format!("-n {space} addr add {}/24 dev {}", self.switch_address(number), devices[0])));
        }
    }

    fn shape(&self, space: &str, device: &str, mbit_per_s: u32) {
        if mbit_per_s == 0 {
            return;
        }
        let shape =
            format!("-n {space} qdisc add dev {device} root tbf rate {mbit_per_s}mbit burst 128kb latency 100ms");
        let shaped = Command::new("tc").args(shape.split(' ')).output();
        assert!(shaped.is_ok_and(|output| output.status.success()), "{} has no tbf", self.prefix);
    }

    /// Unplugs a wire, or plugs it in again.
    pub(crate) fn plug(&self, one: &str, other: &str, plugged: bool) {
        let is_it = |ends: &[String; 2]| ends.iter().all(|end| end == one || end == other);
        let number = self.laid.iter().position(is_it).expect("there is such a wire");
        let (space, device) = (self.space(&self.laid[number][0]), self.device("x", number));
        let state = if plugged { "up" } else { "down" };
        assert!(ip(&format!("-n {space} link set {device} {state}")));
    }

    /// The namespace's own name, for `ip netns exec`.
    pub(crate) fn space(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Where whoever made the namespaces reaches one, over a wire that isn't shaped.
    pub(crate) fn address(&self, name: &str) -> String {
        self.near_address(self.number(name), 2)
    }

    /// Where one's wires end.
    pub(crate) fn wire_addresses(&self, name: &str) -> Vec<String> {
        let ends = self.laid.iter().enumerate().flat_map(|(number, ends)| {
            ends.iter().enumerate().filter(|(_, end)| *end == name).map(move |(end, _)| (number, end))
        });
        ends.map(|(number, end)| self.wire_address(number, end)).collect()
    }

    /// Where one is, seen from the others on the switch.
    pub(crate) fn address_on_switch(&self, name: &str) -> String {
        self.switch_address(self.number(name))
    }

    fn number(&self, name: &str) -> usize {
        self.names.iter().position(|known| known == name).expect("a known name")
    }

    fn device(&self, kind: &str, number: usize) -> String {
        format!("o{kind}{}-{}-{number}", std::process::id() % 10_000, self.subnet)
    }

    fn near_address(&self, number: usize, end: usize) -> String {
        format!("10.77.{}.{}", self.subnet, number * 4 + end)
    }

    fn wire_address(&self, number: usize, end: usize) -> String {
        format!("10.78.{}.{}", self.subnet, number * 4 + end + 1)
    }

    fn switch_address(&self, number: usize) -> String {
        format!("10.79.{}.{}", self.subnet, number + 1)
    }
}

impl Drop for Namespaces {
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
