//! Any sequence of operations on a store, with restarts and power cuts between them, against the model of the store's tests:
//! a plain map.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../store/tests/operations.rs"]
mod operations;
#[path = "../../store/tests/support.rs"]
#[expect(dead_code, reason = "what only the store's own tests use")]
mod support;

use operations::{Operation, run};

/// Enough to bring several paths through several states; each costs milliseconds.
const OPERATIONS_MAX: usize = 32;

fuzz_target!(|bytes: &[u8]| {
    let (codes, _) = bytes.as_chunks::<4>();
    let codes = codes.iter().take(OPERATIONS_MAX);
    run(&codes.copied().map(Operation::decode).collect::<Vec<_>>());
});
