//! A roster statement from a peer: any bytes give a statement or an error, never a panic. Decoding comes before the
//! signature, so the bodies are reached without a key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ods_store::{SIGNATURE_BYTES, SignedStatement};

fuzz_target!(|bytes: &[u8]| {
    let (signature, frame) = bytes.split_at(bytes.len().min(SIGNATURE_BYTES));
    for (frame, signature) in [(frame, signature), (bytes, &[0; SIGNATURE_BYTES][..])] {
        let signed = SignedStatement { frame: frame.to_vec(), signature: signature.to_vec() };
        if let Ok(statement) = signed.verify() {
            assert_eq!(statement.id, signed.id(), "a statement's name is its frame's digest");
        }
    }
});
