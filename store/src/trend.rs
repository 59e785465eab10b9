//! The trend of this node's storage: what it held and how much was free, noted by the hour.
//!
//! Invariants:
//! - A row stands for an hour since 1970; a later note within the hour replaces it.
//! - Of days that are over for a week, only the last row of each is kept, and nothing of what is older than two years: so
//!   there are at most [`crate::limits::TREND_ROWS_MAX`] rows, which is one page of the API.
//! - Rows of hours to come are of a clock that was wrong; they go with the next note.

use redb::ReadableTable;
use serde::{Deserialize, Serialize};

use crate::codec::{from_row, to_row};
use crate::error::Result;
use crate::limits::{TREND_DAYS_MAX, TREND_HOURS_MAX};
use crate::schema::STORAGE_TREND;
use crate::time::UnixMillis;
use crate::tx::Tx;

const HOUR_MS: u64 = 3_600_000;

/// What was held at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// When it was noted.
    pub at: UnixMillis,
    /// Sealed blobs.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
    /// The database's file.
    pub database_bytes: u64,
    /// Bytes free on the disk.
    pub free_bytes: u64,
}

/// Notes what is held now.
pub(crate) fn note(tx: &Tx<'_>, usage: &Usage) -> Result<()> {
    let mut table = tx.write(STORAGE_TREND)?;
    let now = usage.at.get() / HOUR_MS;
    table.insert(now, to_row(usage).as_slice())?;
    let hours = table.iter()?.map(|entry| Ok(entry?.0.value())).collect::<Result<Vec<u64>>>()?;
    for hour in superfluous(&hours, now) {
        table.remove(hour)?;
    }
    Ok(())
}

/// All that was noted, oldest first.
pub(crate) fn all(table: &impl ReadableTable<u64, &'static [u8]>) -> Result<Vec<Usage>> {
    table.iter()?.map(|entry| from_row("a note of the storage's trend", entry?.1.value())).collect()
}

/// Which of some hours, in order, go at hour `now`.
fn superfluous(hours: &[u64], now: u64) -> Vec<u64> {
    let day = |hour: u64| hour / 24;
    let goes = |(index, hour): (usize, &u64)| {
        let age = now.checked_sub(*hour);
        let is_last_of_day = hours.get(index + 1).is_none_or(|next| day(*next) != day(*hour));
        let is_kept =
            age.is_some_and(|age| age < TREND_HOURS_MAX || is_last_of_day && day(now) - day(*hour) < TREND_DAYS_MAX);
        (!is_kept).then_some(*hour)
    };
    hours.iter().enumerate().filter_map(goes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::TREND_ROWS_MAX;

    const NOW: u64 = 500_000;

    fn kept(hours: &[u64], now: u64) -> Vec<u64> {
        let gone = superfluous(hours, now);
        hours.iter().copied().filter(|hour| !gone.contains(hour)).collect()
    }

    #[test]
    fn a_week_is_kept_by_the_hour_and_two_years_by_the_day() {
        let mut hours: Vec<u64> = Vec::new();
        for now in NOW..NOW + 3 * 365 * 24 {
            hours.push(now);
            hours = kept(&hours, now);
        }
        let now = *hours.last().expect("the last note stays");
        assert_eq!(now, NOW + 3 * 365 * 24 - 1);
        assert!(hours.len() <= TREND_ROWS_MAX, "{}", hours.len());
        assert!((now - TREND_HOURS_MAX + 1..=now).all(|hour| hours.contains(&hour)), "each hour of the last week");
        let days: std::collections::BTreeSet<u64> = hours.iter().map(|hour| hour / 24).collect();
        let last = now / 24;
        assert!((last - TREND_DAYS_MAX + 1..=last).all(|day| days.contains(&day)), "each day of the last two years");
        assert_eq!(days.len() as u64, TREND_DAYS_MAX);
    }

    #[test]
    fn of_a_day_that_had_few_notes_the_last_stays_and_of_hours_to_come_none() {
        let day = NOW / 24 * 24;
        let old = day - 24 * 100;
        assert_eq!(kept(&[old + 2, old + 9, old + 24, day, day + 1], day), [old + 9, old + 24, day]);
        assert_eq!(kept(&[day], day), [day]);
    }
}
