//! The harness: everything a test needs to run nodes and to look at them as a client does.
//!
//! Architecture invariant: nothing here calls into the product. It runs the built program, speaks bytes over sockets,
//! reads files, and uses other people's tools.

pub(crate) mod bytes;
pub(crate) mod delay;
pub(crate) mod http;
pub(crate) mod mesh;
#[expect(dead_code, reason = "the benches, which share it, also have a switch")]
pub(crate) mod netns;
pub(crate) mod node;
pub(crate) mod proxy;
pub(crate) mod receiver;
pub(crate) mod tools;
pub(crate) mod wait;
pub(crate) mod wires;
