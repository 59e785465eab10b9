//! An event's frame and signature from a peer: any bytes give an event within its caps or an error, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ods_store::{Body, Event, PATH_BYTES_MAX, REPLACES_MAX, SIGNATURE_BYTES, SignedEvent};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(event) = Event::decode(bytes) {
        assert!(event.header.seq > 0, "seq counts from 1");
        assert!(event.body.replaces().len() <= REPLACES_MAX, "replaces is capped");
        assert!(event.body.path().is_none_or(|path| path.len() <= PATH_BYTES_MAX), "paths are capped");
        assert!(!matches!(event.body, Body::Unknown { kind: 1 | 2 }), "known kinds are decoded");
    }
    let (signature, frame) = bytes.split_at(bytes.len().min(SIGNATURE_BYTES));
    let signed = SignedEvent { frame: frame.to_vec(), signature: signature.to_vec() };
    if let Ok(event) = signed.verify() {
        assert_eq!(event.id, signed.id(), "an event's name is its frame's digest");
    }
});
