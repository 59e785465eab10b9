//! Sizes, times and names as people read and type them.

use jiff::{Span, SpanRelativeTo, Timestamp, Unit};
use ods_store::{UnixMillis, is_deceptive};

/// A size with three digits: `999 B`, `1.2 MB`, `25.0 GB`. Units are powers of 1000, as file managers count.
pub(crate) fn bytes_text(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut unit = 0;
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let mut value = bytes as f64;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    match (unit, value) {
        (0, _) => format!("{bytes} B"),
        (_, 100.0..) => format!("{value:.0} {}", UNITS[unit]),
        _ => format!("{value:.1} {}", UNITS[unit]),
    }
}

/// A moment to the minute, in UTC: `2026-11-22 10:00Z`.
pub(crate) fn time_text(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%MZ").to_string()
}

/// How long ago a moment is: `just now`, `25 s ago`, `5 min ago`, `3 h ago`, `12 days ago`.
pub(crate) fn age_text(at: Timestamp, now: UnixMillis) -> String {
    let now_s = i64::try_from(now.unix_seconds()).unwrap_or(i64::MAX);
    let seconds = now_s.saturating_sub(at.as_second());
    match seconds {
        ..2 => "just now".to_owned(),
        2..60 => format!("{seconds} s ago"),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// Reads a length of time as [`duration_seconds`] does, or none at all: `0`.
pub(crate) fn duration_or_zero(text: &str) -> Result<u64, String> {
    if matches!(text, "0" | "0s") { Ok(0) } else { duration_seconds(text) }
}

/// Reads a length of time such as `90s`, `15m`, `1h30m`, `7d` or `2 weeks`, as whole seconds.
pub(crate) fn duration_seconds(text: &str) -> Result<u64, String> {
    let explain = || format!("\"{text}\" is no length of time; write one such as 90s, 15m, 1h30m or 7d");
    let span: Span = text.parse().map_err(|_| explain())?;
    let total = span.total((Unit::Second, SpanRelativeTo::days_are_24_hours())).map_err(|_| explain())?;
    if !(1.0..=1e12).contains(&total) {
        return Err(explain());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be from 1 to 10^12")]
    let seconds = total as u64;
    Ok(seconds)
}

/// The start of an id, enough to tell it from others on one screen.
pub(crate) fn short_id(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// A text that can be shown on a terminal: on one line, with control characters, and those that hide or turn the text around,
/// escaped. Others choose titles, and names on other nodes.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => shown.push(' '),
            odd if odd.is_control() || is_deceptive(odd) => shown.extend(odd.escape_unicode()),
            other => shown.push(other),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits_and_a_unit() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (1234, "1.2 kB"),
            (99_949, "99.9 kB"),
            (123_456, "123 kB"),
            (999_949, "1000 kB"),
            (999_950, "1.0 MB"),
            (25_000_000_000, "25.0 GB"),
            (u64::MAX, "18447 PB"),
        ] {
            assert_eq!(bytes_text(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn nothing_of_a_text_turns_or_hides_on_a_terminal() {
        for (text, shown) in [
            ("two\nlines\tand", "two lines and"),
            ("\u{1b}[2Jx", "\\u{1b}[2Jx"),
            ("t/\u{202E}gkp.exe", "t/\\u{202e}gkp.exe"),
            ("pr\u{200B}od\u{2028}", "pr\\u{200b}od\\u{2028}"),
            ("عברית 👩\u{200D}💻", "عברית 👩\u{200D}💻"),
        ] {
            assert_eq!(printable(text), shown);
        }
    }

    #[test]
    fn lengths_of_time_are_read_as_people_type_them() {
        for (text, seconds) in
            [("90s", 90), ("15m", 900), ("1h", 3600), ("1h30m", 5400), ("7d", 604_800), ("2 weeks", 1_209_600)]
        {
            assert_eq!(duration_seconds(text), Ok(seconds), "{text}");
        }
        for text in ["", "1", "x", "-1h", "0s", "1 month", "3y"] {
            assert!(duration_seconds(text).expect_err(text).contains("write one such as"), "{text}");
        }
    }

    #[test]
    fn ages_are_rough() {
        let now = UnixMillis::new(1_000_000_000_000);
        let at = |seconds_ago: i64| Timestamp::from_second(1_000_000_000 - seconds_ago).expect("a time");
        for (seconds_ago, text) in [
            (-5, "just now"),
            (1, "just now"),
            (59, "59 s ago"),
            (60, "1 min ago"),
            (7200, "2 h ago"),
            (864_000, "10 days ago"),
        ] {
            assert_eq!(age_text(at(seconds_ago), now), text);
        }
        assert_eq!(time_text(at(0)), "2001-09-09 01:46Z");
    }
}
