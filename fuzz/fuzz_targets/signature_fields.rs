//! `Signature-Input` and `Signature` of a peer's call (RFC 9421): any text is refused, but for what a key signed, and that
//! only for the very message. What was signed stays good however its field is written.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use ods_store::NodeKey;

#[path = "../../src/mesh/signature.rs"]
mod signature;

use signature::{
    CallParameters, RequestParts, SignatureFields, content_digest, sign_answer, sign_request, verify_answer,
    verify_request,
};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    input: &'a str,
    signature: &'a str,
    path: &'a str,
    body: &'a [u8],
    serial: Option<u32>,
    nonce: u64,
    /// Where the signed fields are bent, and how.
    bend: (u8, u8),
    status: u16,
}

fuzz_target!(|input: Input| {
    let digest = content_digest(input.body);
    let parts = RequestParts { method: "POST", path: input.path, query: "", content_digest: &digest };
    let foreign = SignatureFields { input: input.input.to_owned(), signature: input.signature.to_owned() };
    assert!(verify_request(&parts, &foreign).is_err(), "nobody guesses a signature");

    let (caller, callee) = (NodeKey::from_secret([1; 32]), NodeKey::from_secret([2; 32]));
    let parameters = CallParameters {
        caller: caller.node_id(),
        callee: callee.node_id(),
        nonce: input.nonce.to_string(),
        serial: input.serial.map(u64::from),
    };
    let (fields, bytes) = sign_request(&caller, &parts, &parameters);
    assert_eq!(verify_request(&parts, &fields), Ok((parameters.clone(), bytes)));
    let other = content_digest(b"another body");
    assert!(verify_request(&RequestParts { content_digest: &other, ..parts }, &fields).is_err());

    let mut bent = fields.input.clone().into_bytes();
    let at = usize::from(input.bend.0) % bent.len();
    bent[at] = input.bend.1;
    if let Ok(bent) = String::from_utf8(bent) {
        let bent = SignatureFields { input: bent, ..fields };
        // Another way to write the same is fine; another meaning is not.
        if let Ok((claimed, _)) = verify_request(&parts, &bent) {
            assert_eq!(claimed, parameters, "{}", bent.input);
        }
    }

    let answer = sign_answer(&callee, input.status, &digest, &bytes);
    assert_eq!(verify_answer(&callee.node_id(), input.status, &digest, &bytes, &answer), Ok(()));
    assert!(verify_answer(&caller.node_id(), input.status, &digest, &bytes, &answer).is_err());
    assert!(verify_answer(&callee.node_id(), input.status, &digest, &bytes, &foreign).is_err());
});
