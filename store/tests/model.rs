//! The store against its model: random operations on both, compared after each.

use proptest::prelude::*;

use crate::operations::{Operation, run};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn the_store_equals_its_model(codes in prop::collection::vec(any::<[u8; 4]>(), 1..25)) {
        let operations: Vec<Operation> = codes.into_iter().map(Operation::decode).collect();
        // A failure is shown as what was done, not as its codes.
        println!("{operations:?}");
        run(&operations);
    }
}
