//! The one clock of the node.
//!
//! Everything else takes the time as an argument, so that tests and the simulation can choose it.

use std::time::{SystemTime, UNIX_EPOCH};

use ods_store::UnixMillis;

/// This machine's idea of the time; 1970 if its clock is set before that.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
pub fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis::new(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_past_the_day_this_was_written() {
        assert!(now().unix_seconds() > 1_700_000_000);
    }
}
