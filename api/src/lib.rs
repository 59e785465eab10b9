//! The HTTP contract of an ODS node.

mod downloads;
mod request;

pub use request::{ClientAddress, RequestId};
