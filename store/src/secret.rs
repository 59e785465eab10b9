//! Secrets that this node gives out: tokens, sessions, the set-up link. One shape for all.
//!
//! `ods_` ‖ a letter for what it is ‖ 32 random base32 characters ‖ 8 of a checksum. The prefix lets secret scanners find a
//! leaked one, the checksum tells a mistyped one from one that ended without a look-up. 160 random bits need no slow hash.

use data_encoding::BASE32_NOPAD;

use crate::entropy::Entropy;

/// Bytes before the checksum.
const BODY_BYTES: usize = 37;
/// Bytes in all.
const SECRET_BYTES: usize = 45;

/// A new secret of the kind with this letter.
pub(crate) fn new(letter: char, entropy: &Entropy) -> String {
    let random: [u8; 20] = entropy.bytes();
    let body = format!("ods_{letter}{}", BASE32_NOPAD.encode(&random).to_lowercase());
    let sum = checksum(&body);
    body + &sum
}

/// Whether a text has a secret's form and checksum. Says nothing about whether it is good.
pub(crate) fn is_shaped(text: &str) -> bool {
    let ours = text.is_ascii() && text.len() == SECRET_BYTES && text.starts_with("ods_");
    ours && checksum(&text[..BODY_BYTES]) == text[BODY_BYTES..]
}

/// Whether a text is shaped as a secret of the kind with this letter.
pub(crate) fn is_of_kind(text: &str, letter: char) -> bool {
    is_shaped(text) && text[4..].starts_with(letter)
}

fn checksum(body: &str) -> String {
    let sum = blake3::derive_key("ods token checksum v1", body.as_bytes());
    BASE32_NOPAD.encode(&sum[..5]).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_of_its_kind_and_a_mistyped_one_of_none() {
        let secret = new('w', &Entropy::new(&[7; 32]));
        assert!(is_shaped(&secret) && is_of_kind(&secret, 'w') && !is_of_kind(&secret, 'a'), "{secret}");
        let mistyped = format!("{}x{}", &secret[..20], &secret[21..]);
        for text in [mistyped.as_str(), "", "ods_", &secret[1..], &format!("{secret} "), &"é".repeat(45)] {
            assert!(!is_shaped(text), "{text:?}");
        }
    }
}
