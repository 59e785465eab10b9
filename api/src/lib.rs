//! The HTTP contract of an ODS node.

mod request;

pub use request::{ClientAddress, RequestId};
