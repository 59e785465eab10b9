//! An invite as people paste it: any text is an invite that writes itself again, or refused.
#![no_main]

use data_encoding::BASE64URL_NOPAD;
use libfuzzer_sys::fuzz_target;

#[path = "../../api/src/invite_line.rs"]
mod invite_line;

use invite_line::InviteLine;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        check(text);
    }
    // With a right checksum, so that what is inside is reached.
    let mut body = bytes.to_vec();
    body.extend_from_slice(&blake3::hash(bytes).as_bytes()[..4]);
    check(&format!("ods-invite1.{}", BASE64URL_NOPAD.encode(&body)));
});

fn check(text: &str) {
    if let Ok(line) = text.parse::<InviteLine>() {
        let again = line.to_string();
        assert_eq!(again.parse(), Ok(line), "an invite means itself again");
        assert!(!again.contains(char::is_whitespace), "it is one word");
    }
}
