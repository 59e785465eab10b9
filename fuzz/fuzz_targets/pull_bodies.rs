//! What nodes ask of a log and answer, from any bytes: a value that encodes to the same value again, or an error.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use ods_store::{LogPage, LogQuery, SignedStatement, Vector};
use serde::Serialize;
use serde::de::DeserializeOwned;

fuzz_target!(|bytes: &[u8]| {
    round_trip::<LogQuery>(bytes);
    round_trip::<Vec<SignedStatement>>(bytes);
    if let Some(page) = round_trip::<LogPage>(bytes) {
        for (_, event) in page.items {
            drop(event.verify());
        }
    }
    if let Some(vector) = round_trip::<Vector>(bytes) {
        assert_eq!(vector.digest(), vector.clone().digest(), "equal vectors, equal digests");
    }
});

fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) -> Option<T> {
    let value: T = postcard::from_bytes(bytes).ok()?;
    let encoded = postcard::to_stdvec(&value).expect("what was decoded encodes");
    assert_eq!(postcard::from_bytes::<T>(&encoded).as_ref(), Ok(&value));
    Some(value)
}
