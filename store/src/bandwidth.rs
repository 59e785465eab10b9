//! Limits on bandwidth between nodes, with weekly windows: what may be set, and what holds when. Rows, and pure rules; no
//! clock and no time zone here.
//!
//! Invariants: limits concern the bytes of blobs between nodes only. Everything else (news, logs, states) goes at once, and
//! what clients download is not limited. Of the windows the first that covers a moment decides; outside of them the plain
//! values hold. A window whose end isn't after its beginning runs past midnight, and belongs to the day on which it begins.

use std::fmt;

use redb::ReadableTable;
use serde::{Deserialize, Serialize};

use crate::audit::{self, Deed};
use crate::codec::{from_row, to_row};
use crate::digest::NodeId;
use crate::error::{Result, StoreError};
use crate::journal::{self, Moment};
use crate::limits::{BANDWIDTH_BYTES_PER_S_MIN, BANDWIDTH_WINDOWS_MAX, NAME_BYTES_MAX};
use crate::publish::Author;
use crate::schema::{BANDWIDTH, PEERS};
use crate::store::Store;
use crate::tables::Tables;
use crate::time::UnixMillis;
use crate::tx::Tx;

const DAY_MINUTES: u16 = 24 * 60;

/// From the lowest bit of [`BandwidthWindow::days`] on, as the API calls them.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Bytes a second, each way; `None`: as fast as it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rates {
    /// From others to this node.
    pub down: Option<u64>,
    /// From this node to others.
    pub up: Option<u64>,
}

/// A part of the week with rates of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BandwidthWindow {
    /// Days on which it begins: the lowest bit is Monday, the seventh Sunday.
    pub days: u8,
    /// The first minute of the day.
    pub from: u16,
    /// The minute of the day at which it is over.
    pub to: u16,
    /// What holds meanwhile.
    pub rates: Rates,
}

impl BandwidthWindow {
    /// Whether a moment is within: day 0 is Monday, minutes count from midnight.
    pub fn covers(&self, day: u8, minute: u16) -> bool {
        let begins = |day: u8| self.days & (1 << (day % 7)) != 0;
        if self.from < self.to {
            begins(day) && (self.from..self.to).contains(&minute)
        } else {
            (begins(day) && minute >= self.from) || (begins(day + 6) && minute < self.to)
        }
    }
}

/// Limits of a node, or of its link with one peer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bandwidth {
    /// What holds outside of the windows.
    pub rates: Rates,
    /// The first that covers a moment decides.
    pub windows: Vec<BandwidthWindow>,
    /// The IANA name of the time zone that windows are in; `None`: the machine's. A link's are in the node's.
    pub time_zone: Option<String>,
}

impl Bandwidth {
    /// What holds at a moment: day 0 is Monday, minutes count from midnight.
    pub fn at(&self, day: u8, minute: u16) -> Rates {
        let window = self.windows.iter().find(|window| window.covers(day, minute));
        window.map_or(self.rates, |window| window.rates)
    }

    fn check(&self) -> Result<()> {
        let bad = |reason: &str| Err(StoreError::BadName { field: "limits", reason: reason.to_owned() });
        let rates = self.windows.iter().map(|window| window.rates).chain([self.rates]);
        if rates.flat_map(|rates| [rates.down, rates.up]).flatten().any(|rate| rate < BANDWIDTH_BYTES_PER_S_MIN) {
            return bad("must be at least 10000 bytes a second each; pause a link to stop it");
        }
        if self.windows.len() > BANDWIDTH_WINDOWS_MAX {
            return bad("must have at most 32 windows");
        }
        let fits = |window: &BandwidthWindow| {
            (1..128).contains(&window.days) && window.from < DAY_MINUTES && window.to <= DAY_MINUTES
        };
        if !self.windows.iter().all(fits) {
            return bad("must have windows on one day at least, within 00:00 and 24:00");
        }
        if self.time_zone.as_ref().is_some_and(|zone| zone.is_empty() || zone.len() > NAME_BYTES_MAX) {
            return bad("must name a time zone such as Europe/Berlin");
        }
        Ok(())
    }
}

impl fmt::Display for Bandwidth {
    /// For people: `down 1000000 B/s, up as fast as it goes; mon fri 22:00-06:00 down …, up … (Europe/Berlin)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = |rate: Option<u64>| rate.map_or("as fast as it goes".to_owned(), |rate| format!("{rate} B/s"));
        write!(f, "down {}, up {}", rate(self.rates.down), rate(self.rates.up))?;
        for window in &self.windows {
            let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
            let (from, to) = (clock(window.from), clock(window.to));
            let (down, up) = (rate(window.rates.down), rate(window.rates.up));
            let days = DAYS.iter().enumerate().filter(|(day, _)| window.days & (1 << day) != 0);
            let days = days.map(|(_, name)| *name).collect::<Vec<_>>().join(" ");
            write!(f, "; {days} {from}-{to} down {down}, up {up}")?;
        }
        match &self.time_zone {
            Some(zone) => write!(f, " ({zone})"),
            None => Ok(()),
        }
    }
}

impl Store {
    /// The limits of this node.
    pub fn bandwidth(&self) -> Result<Bandwidth> {
        of(&self.read()?, &self.node_id())
    }

    /// The limits of the link with a peer.
    pub fn peer_bandwidth(&self, peer: &NodeId) -> Result<Bandwidth> {
        of(&self.read()?, peer)
    }

    /// All limits: of this node, under its own id, and of links.
    pub fn bandwidths(&self) -> Result<Vec<(NodeId, Bandwidth)>> {
        let rows = self.read()?.open_table(BANDWIDTH)?;
        let all = rows.iter()?.map(|entry| {
            let (node, row) = entry?;
            Ok((NodeId::from_bytes(*node.value()), from_row("limits", row.value())?))
        });
        all.collect()
    }

    /// Changes the limits of this node, or of the link with a peer. Limits of a peer that is removed go with their next
    /// change: they do nothing without the link.
    pub fn set_bandwidth(&self, node: &NodeId, limits: &Bandwidth, author: &Author, now: UnixMillis) -> Result<()> {
        let (node, limits, author) = (*node, limits.clone(), author.clone());
        self.write(move |tx| set(tx, &node, &limits, &author, now))
    }
}

/// The limits of this node, or of its link with another; none are the default.
pub(crate) fn of(tables: &impl Tables, node: &NodeId) -> Result<Bandwidth> {
    let row = tables.table(BANDWIDTH)?.get(node.as_bytes())?.map(|row| from_row("limits", row.value())).transpose()?;
    Ok(row.unwrap_or_default())
}

/// Changes the limits of this node, or of the link with a peer.
pub(crate) fn set(tx: &Tx<'_>, node: &NodeId, limits: &Bandwidth, author: &Author, now: UnixMillis) -> Result<()> {
    limits.check()?;
    let before = of(tx, node)?;
    if before == *limits {
        author.told();
        return Ok(());
    }
    for gone in without_link(tx)? {
        tx.write(BANDWIDTH)?.remove(gone.as_bytes())?;
    }
    if *limits == Bandwidth::default() {
        tx.write(BANDWIDTH)?.remove(node.as_bytes())?;
    } else {
        tx.write(BANDWIDTH)?.insert(node.as_bytes(), to_row(limits).as_slice())?;
    }
    let facts = |limits: &Bandwidth| audit::facts([("limits", limits.to_string())]);
    let peer = Some(*node).filter(|node| *node != tx.context.key.node_id());
    let (action, subject) =
        peer.map_or(("node.changed", "limits".to_owned()), |peer| ("peer.changed", peer.to_string()));
    let deed = Deed::changed(action, subject, facts(&before), facts(limits));
    audit::append(tx, Moment::live(now), author, &deed)?;
    tx.changed(|effects| effects.peers_changed = true);
    journal::node_edited(tx, Moment::live(now), author.as_str(), ("limits", peer), &deed).map(drop)
}

/// Peers that have limits, and no link any more.
fn without_link(tx: &Tx<'_>) -> Result<Vec<NodeId>> {
    let (own, rows, peers) = (tx.context.key.node_id(), tx.read(BANDWIDTH)?, tx.read(PEERS)?);
    let mut gone = Vec::new();
    for entry in rows.iter()? {
        let limited = NodeId::from_bytes(*entry?.0.value());
        if limited != own && peers.get(limited.as_bytes())?.is_none() {
            gone.push(limited);
        }
    }
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn rates(down: u64) -> Rates {
        Rates { down: Some(down), up: None }
    }

    fn window(days: u8, from: u16, to: u16) -> BandwidthWindow {
        BandwidthWindow { days, from, to, rates: rates(20_000) }
    }

    #[test]
    fn people_read_days_by_name() {
        let limits = Bandwidth {
            rates: rates(1_000_000),
            windows: vec![window(0b101_0001, 22 * 60, 6 * 60)],
            time_zone: Some("Europe/Berlin".to_owned()),
        };
        let read = "down 1000000 B/s, up as fast as it goes; mon fri sun 22:00-06:00 down 20000 B/s, up as fast as it goes \
                    (Europe/Berlin)";
        assert_eq!(limits.to_string(), read);
    }

    #[test]
    fn a_window_covers_its_days_and_hours() {
        let office = window(0b001_1111, 8 * 60, 18 * 60);
        assert!(office.covers(0, 8 * 60) && office.covers(4, 18 * 60 - 1));
        assert!(!office.covers(0, 8 * 60 - 1) && !office.covers(0, 18 * 60) && !office.covers(5, 600));
    }

    #[test]
    fn a_window_past_midnight_belongs_to_the_day_on_which_it_begins() {
        let sunday_night = window(0b100_0000, 22 * 60, 6 * 60);
        assert!(sunday_night.covers(6, 23 * 60) && sunday_night.covers(0, 5 * 60));
        assert!(!sunday_night.covers(6, 5 * 60) && !sunday_night.covers(0, 23 * 60) && !sunday_night.covers(0, 6 * 60));
        let whole_day = window(0b000_0010, 0, 0);
        assert!(whole_day.covers(1, 0) && whole_day.covers(1, 1439) && !whole_day.covers(2, 0));
    }

    #[test]
    fn the_first_window_decides_and_outside_the_plain_rates_hold() {
        let late = BandwidthWindow { rates: rates(30_000), ..window(0b111_1111, 0, 24 * 60) };
        let limits = Bandwidth { rates: rates(10_000), windows: vec![window(1, 60, 120)], time_zone: None };
        assert_eq!((limits.at(0, 60), limits.at(0, 120)), (rates(20_000), rates(10_000)));
        let both = Bandwidth { windows: vec![window(1, 60, 120), late], ..limits };
        assert_eq!((both.at(0, 60), both.at(0, 120)), (rates(20_000), rates(30_000)));
    }

    #[test]
    fn limits_that_make_no_sense_are_refused() {
        let with = |window: BandwidthWindow| Bandwidth { windows: vec![window], ..Bandwidth::default() };
        assert!(with(window(1, 0, 24 * 60)).check().is_ok());
        for bad in [window(0, 0, 60), window(128, 0, 60), window(1, 24 * 60, 60), window(1, 0, 24 * 60 + 1)] {
            assert!(with(bad).check().is_err());
        }
        assert!(Bandwidth { rates: rates(9_999), ..Bandwidth::default() }.check().is_err());
        let many = vec![window(1, 0, 60); BANDWIDTH_WINDOWS_MAX + 1];
        assert!(Bandwidth { windows: many, ..Bandwidth::default() }.check().is_err());
    }
}
