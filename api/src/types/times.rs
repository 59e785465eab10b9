//! Times that callers give: RFC 3339, as far as they can be told again.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, de::Error};

/// The last moment that can be told, to the second. No year after 9999 is RFC 3339, and in none of its time zones may it be one.
const LATEST: &str = "9999-12-30T22:00:00Z";

/// A time.
pub(super) fn time<'de, D: Deserializer<'de>>(value: D) -> Result<Timestamp, D::Error> {
    parse(&String::deserialize(value)?, "").map_err(D::Error::custom)
}

/// A time, or null.
pub(super) fn time_if_any<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Timestamp>, D::Error> {
    if_any(value, "")
}

/// When something ends, or null.
pub(super) fn end_if_any<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Timestamp>, D::Error> {
    if_any(value, "; leave it out for what never ends")
}

fn if_any<'de, D: Deserializer<'de>>(value: D, hint: &str) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(value)?;
    text.map(|text| parse(&text, hint)).transpose().map_err(D::Error::custom)
}

fn parse(text: &str, hint: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(100).collect();
        // In brackets, since the place in the body is told behind it.
        format!("{shown:?} is no time (write RFC 3339, such as 2026-11-22T10:00:00Z; {LATEST} is the latest{hint})")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_taken_up_to_the_latest_that_is_named() {
        assert_eq!(parse(LATEST, "").map(|at| at.to_string()), Ok(LATEST.to_owned()));
        assert_eq!(Timestamp::MAX.as_second(), parse(LATEST, "").expect("a time").as_second());
        for refused in ["9999-12-30T22:00:01Z", "9999-12-31T23:59:59Z", "10000-01-01T00:00:00Z", "tomorrow", ""] {
            let error = parse(refused, "; or not").expect_err(refused);
            assert!(
                error.starts_with(&format!("{refused:?} is no time"))
                    && error.ends_with(&format!("{LATEST} is the latest; or not)")),
                "{error}"
            );
        }
    }
}
