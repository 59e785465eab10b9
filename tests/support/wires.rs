//! Nodes in network namespaces of their own.

use super::netns::Namespaces;
use super::node::{Node, Place, Setup};
use super::tools;

/// A network of a test's own; everything in it goes with it.
#[derive(Debug)]
pub(crate) struct Wires(Namespaces);

impl Wires {
    /// Namespaces with these names; `None`, said with `what` is left out, where this machine doesn't let the test make them.
    pub(crate) fn between(what: &str, names: &[&'static str]) -> Option<Self> {
        Namespaces::new(names).map(Self).inspect_err(|why| tools::leave_out(what, why)).ok()
    }

    /// A wire between two nodes, this fast each way.
    pub(crate) fn wire(&mut self, one: &'static str, other: &'static str, mbit_per_s: u32) {
        self.0.wire(one, other, mbit_per_s);
    }

    /// Unplugs a wire, or plugs it in again.
    pub(crate) fn plug(&self, one: &str, other: &str, plugged: bool) {
        self.0.plug(one, other, plugged);
    }

    /// A node at a place here, that says of itself where its wires end.
    pub(crate) fn start(&self, name: &'static str) -> Node {
        let mut node = Node::new(self.setup(name));
        let port = node.port();
        for address in self.0.wire_addresses(name) {
            node.setup().arguments.extend(["--url".to_owned(), format!("http://{address}:{port}")]);
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
        let place =
            Place { namespace: self.0.space(name), address: self.0.address(name), listen: "0.0.0.0".to_owned() };
        Setup { name: name.to_owned(), place: Some(place), ..Setup::default() }
    }
}
