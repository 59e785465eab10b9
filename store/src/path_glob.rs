//! Globs of package paths.

use globset::{Error, Glob};
use unicode_normalization::UnicodeNormalization as _;

/// Reads a glob, made NFC as the paths are that it is held against. `*` matches `/` too. It becomes an automaton without
/// back-tracking, so that no path takes it more than linear time.
pub fn path_glob(text: &str) -> Result<Glob, Error> {
    Glob::new(&text.nfc().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fits_a_path_however_its_letters_were_typed() {
        for typed in ["\u{E9}/*", "e\u{301}/*"] {
            assert!(path_glob(typed).expect("a glob").compile_matcher().is_match("\u{E9}/z.pkg"), "{typed:?}");
        }
    }
}
