//! What people may call tokens, users, webhooks and nodes, and what their prefixes may be.
//!
//! Invariant: a name is checked where it is set, never where it is read: what is there, or what another node is called, is
//! shown as it is.

use unicode_normalization::UnicodeNormalization as _;

use crate::error::{Result, StoreError};
use crate::invisible;
use crate::limits::{NAME_BYTES_MAX, PREFIXES_MAX};
use crate::path::{PackagePath, PathError};
use crate::tokens::Scope;

/// Errs unless a name, sent as this field, is something that people can read and tell from others, and that logs can hold:
/// 1 to [`NAME_BYTES_MAX`] bytes, not all of them blank, no control characters, and none that hide or turn the text around.
pub fn check_name(field: &'static str, name: &str) -> Result<()> {
    if name.trim().is_empty() {
        return Err(StoreError::BadName { field, reason: format!("must have 1 to {NAME_BYTES_MAX} bytes") });
    }
    check_optional_name(field, name)
}

/// The same of a name that may be empty.
pub(crate) fn check_optional_name(field: &'static str, name: &str) -> Result<()> {
    let bad = |reason: String| Err(StoreError::BadName { field, reason });
    if name.len() > NAME_BYTES_MAX {
        return bad(format!("must have at most {NAME_BYTES_MAX} bytes"));
    }
    check_characters(field, name)
}

/// A name as people compare it: without the blanks around it, in lower case, and with its accents in the one way (NFC) in which
/// not every keyboard sends them.
pub fn folded_name(name: &str) -> String {
    name.trim().to_lowercase().nfc().collect()
}

/// Which of these names people mean by one that they type. Of two that earlier versions let differ in how accents are sent, the one
/// spelt so.
pub fn find_name<'a>(names: impl Iterator<Item = &'a str> + Clone, typed: &str) -> Option<usize> {
    let (lower, folded) = (typed.trim().to_lowercase(), folded_name(typed));
    let spelt_so = names.clone().position(|name| name.trim().to_lowercase() == lower);
    spelt_so.or_else(|| names.zip(0..).find(|(name, _)| folded_name(name) == folded).map(|(_, at)| at))
}

/// Errs if a text, sent as this field, has a character that logs and screens can't show as it is.
pub(crate) fn check_characters(field: &'static str, text: &str) -> Result<()> {
    let bad = |reason: String| Err(StoreError::BadName { field, reason });
    if text.chars().any(char::is_control) {
        return bad("must have no control characters".to_owned());
    }
    match invisible::find(text) {
        None => Ok(()),
        Some(hidden) => bad(format!(
            "has a character that can't be seen or turns the text around (U+{:04X}), so that it looks like another name; \
             leave it out",
            u32::from(hidden)
        )),
    }
}

/// The prefixes of whoever has a scope, as [`check_prefixes`] gives them. An admin may do everything, so it has none.
pub(crate) fn check_reach(scope: Scope, prefixes: &[String]) -> Result<Vec<String>> {
    if scope == Scope::Admin && !prefixes.is_empty() {
        let reason = "must be empty: an admin may do everything".to_owned();
        return Err(StoreError::BadName { field: "prefixes", reason });
    }
    check_prefixes(prefixes)
}

/// Prefixes without trailing `/`, each a path that may be published at.
pub(crate) fn check_prefixes(prefixes: &[String]) -> Result<Vec<String>> {
    if prefixes.len() > PREFIXES_MAX {
        let reason = format!("has {}; at most {PREFIXES_MAX} are allowed", prefixes.len());
        return Err(StoreError::BadName { field: "prefixes", reason });
    }
    let mut parsed = Vec::with_capacity(prefixes.len());
    for prefix in prefixes {
        let path = PackagePath::parse(prefix.trim_end_matches('/'));
        let bad =
            |error: PathError| StoreError::BadName { field: "prefixes", reason: format!("has {prefix:?}: {error}") };
        let path = path.and_then(|path| path.check_new().map(|()| path.as_str().to_owned())).map_err(bad)?;
        if !parsed.contains(&path) {
            parsed.push(path);
        }
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_people_can_read() {
        for good in ["ci", "Ada Lovelace", "é", "بيت", "می\u{200C}خواهم", "👩\u{200D}💻", &"x".repeat(NAME_BYTES_MAX)]
        {
            assert!(check_name("name", good).is_ok(), "{good:?}");
        }
        for bad in [
            "",
            " ",
            "\u{A0}",
            "a\nb",
            "a\u{7}",
            "ci\u{200B}",
            "\u{202E}ic",
            "ci\u{2066}",
            &"x".repeat(NAME_BYTES_MAX + 1),
        ] {
            assert!(check_name("name", bad).is_err(), "{bad:?}");
        }
        assert!(check_optional_name("name", "").is_ok() && check_optional_name("name", "\u{AD}").is_err());
    }

    #[test]
    fn what_is_wrong_names_the_field_and_the_character() {
        let error = check_name("name", "ci\u{202E}").expect_err("it turns the text around");
        assert!(
            matches!(error, StoreError::BadName { field: "name", .. }) && error.to_string().contains("U+202E"),
            "{error}"
        );
        let error = check_prefixes(&["mac/".to_owned(), "../x".to_owned()]).expect_err("no path");
        assert!(
            matches!(error, StoreError::BadName { field: "prefixes", .. }) && error.to_string().contains("../x"),
            "{error}"
        );
        let twice = ["mac/", "win", "mac", "mac//"].map(str::to_owned);
        assert_eq!(check_prefixes(&twice).expect("prefixes"), ["mac", "win"]);
        assert!(check_prefixes(&["mac\u{200B}".to_owned()]).is_err(), "nothing can be published there");
    }
}
