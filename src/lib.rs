//! ODS, the Open Distribution Server: the node.

pub mod clock;
pub mod worker;
