//! Texts as a POSIX shell takes them for themselves, for commands that people copy.

/// In single quotes.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// In quotes only where it needs them.
pub(crate) fn word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_' | '+' | ',' | '=' | '@' | ':');
    if text.chars().all(plain) { text.to_owned() } else { quoted(text) }
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn paths_are_quoted_for_a_shell_only_where_needed() {
        assert_eq!(word("mac/a+b-1.2.pkg"), "mac/a+b-1.2.pkg");
        assert_eq!(word("it's $HOME.pkg"), r"'it'\''s $HOME.pkg'");
    }
}
