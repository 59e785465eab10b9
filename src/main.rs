//! The `ods` program.
fn main() {}
