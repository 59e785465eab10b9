//! `Content-Disposition` (RFC 6266, RFC 8187): a download is always an attachment, under the package's own name.
//!
//! `filename*` carries the exact name. Plain `filename` comes last, since curl and other simple clients take what
//! follows the last one. There, what ASCII can't say is written `_`, and so is a quote: curl takes the `\` before it for
//! a folder's end (RFC 6266, appendix D warns of it).

use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but `attr-char` (RFC 8187 §3.2.1).
const NOT_ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The value of `Content-Disposition` for a file of this name.
pub(super) fn attachment(file_name: &str) -> HeaderValue {
    let mut value = String::with_capacity(48 + 2 * file_name.len());
    value.push_str("attachment; filename*=UTF-8''");
    value.extend(utf8_percent_encode(file_name, NOT_ATTR_CHAR));
    value.push_str("; filename=\"");
    value.extend(file_name.chars().map(quotable));
    value.push('"');
    HeaderValue::from_str(&value).expect("percent-encoded and quoted text is visible ASCII and spaces")
}

/// The character, if it stands for itself in quotes (RFC 9110 §5.6.4).
fn quotable(character: char) -> char {
    let stands_for_itself = matches!(character, ' '..='~') && !matches!(character, '"' | '\\');
    if stands_for_itself { character } else { '_' }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_given_exactly_and_then_plainly() {
        for (name, expected) in [
            ("Firefox-142.pkg", r#"attachment; filename*=UTF-8''Firefox-142.pkg; filename="Firefox-142.pkg""#),
            ("a b+c.pkg", r#"attachment; filename*=UTF-8''a%20b+c.pkg; filename="a b+c.pkg""#),
            ("100%25.pkg", r#"attachment; filename*=UTF-8''100%2525.pkg; filename="100%25.pkg""#),
            ("é.dmg", r#"attachment; filename*=UTF-8''%C3%A9.dmg; filename="_.dmg""#),
            ("日本.msi", r#"attachment; filename*=UTF-8''%E6%97%A5%E6%9C%AC.msi; filename="__.msi""#),
            (r#"a"b.deb"#, r#"attachment; filename*=UTF-8''a%22b.deb; filename="a_b.deb""#),
            ("a;b'c*.deb", r#"attachment; filename*=UTF-8''a%3Bb%27c%2A.deb; filename="a;b'c*.deb""#),
        ] {
            assert_eq!(attachment(name).to_str().expect("ASCII"), expected);
        }
    }

    #[test]
    fn no_name_can_end_the_field_or_the_quotes() {
        let value = attachment("x\r\nSet-Cookie: a\u{0}\\\"; filename=evil");
        let text = value.to_str().expect("ASCII");
        assert!(!text.contains(['\r', '\n', '\0']));
        assert!(text.ends_with(r#"; filename="x__Set-Cookie: a___; filename=evil""#), "{text}");
    }
}
