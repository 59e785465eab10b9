//! `ods limit`: bandwidth between nodes, with weekly windows.

use ods_api::{DayName, Guard, LimitsView, NodePatch, PeerPatch, WindowView};

use super::Context;
use crate::cli::{Connected, Connection, Failure, Output, bytes_text};

/// Show or set how fast packages may go between nodes
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Show or set how fast packages may go between nodes: of this node with all others together, or of its link \
                  with one peer. News and catalogs never wait, and what clients download is not limited.\n\nWithout \
                  options the limits there are are shown. Each option changes one part; --window may be given more \
                  than once, and replaces all windows.",
    after_help = "Examples:\n  ods limit --up 10MB\n  ods limit --peer branch-1 --down 500kB --up none\n  \
                  ods limit --window 'mon-fri 08:00-18:00 up=200kB down=1MB' --time-zone Europe/Berlin\n  \
                  ods limit --no-windows --up none --down none"
)]
pub(crate) struct Arguments {
    /// The link with this peer (its name, or the first digits of its id), instead of all together
    #[arg(long)]
    peer: Option<String>,
    /// To this node, a second: such as 500kB or 10MB; `none` for as fast as it goes
    #[arg(long, value_name = "RATE", value_parser = rate)]
    down: Option<Rate>,
    /// From this node
    #[arg(long, value_name = "RATE", value_parser = rate)]
    up: Option<Rate>,
    /// A part of the week with limits of its own: DAYS FROM-TO [up=RATE] [down=RATE]
    #[arg(long = "window", value_name = "WINDOW", value_parser = window)]
    windows: Vec<WindowView>,
    /// Have no windows
    #[arg(long, conflicts_with = "windows")]
    no_windows: bool,
    /// The time zone of all windows, such as Europe/Berlin; `machine` for the node's own
    #[arg(long, value_name = "NAME", conflicts_with = "peer")]
    time_zone: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// A rate that was typed; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rate(Option<u64>);

impl Arguments {
    fn changes(&self) -> bool {
        let rates = self.down.is_some() || self.up.is_some();
        rates || !self.windows.is_empty() || self.no_windows || self.time_zone.is_some()
    }

    fn apply(&self, limits: LimitsView) -> LimitsView {
        let windows = if self.no_windows || !self.windows.is_empty() { self.windows.clone() } else { limits.windows };
        LimitsView {
            down_bytes_per_s: self.down.map_or(limits.down_bytes_per_s, |rate| rate.0),
            up_bytes_per_s: self.up.map_or(limits.up_bytes_per_s, |rate| rate.0),
            windows,
            time_zone: match self.time_zone.as_deref() {
                Some("machine") => None,
                Some(name) => Some(name.to_owned()),
                None => limits.time_zone,
            },
        }
    }
}

/// Whose limits these are, as they stood when they were read.
struct Seen {
    /// The peer's id; the node's own limits if there is none.
    peer: Option<String>,
    limits: LimitsView,
    /// What it is like now is what was read: limits are written whole, so that those of somebody else would be lost.
    guard: Guard,
}

pub(crate) async fn run(arguments: &Arguments, context: &mut Context) -> Result<(), Failure> {
    let node = arguments.connection.connect(context)?;
    let seen = read(&node, arguments).await?;
    let limits = if arguments.changes() { write(&node, arguments, seen).await? } else { seen.limits };
    if context.output.is_json() { context.output.json(&limits) } else { show(&limits, &mut context.output) }
}

async fn read(node: &Connected, arguments: &Arguments) -> Result<Seen, Failure> {
    let (peer, limits, etag) = match &arguments.peer {
        Some(typed) => {
            let peer = super::peer::find(node, typed).await?;
            (Some(peer.id), peer.limits, peer.etag)
        }
        None => {
            let own = node.client.node().await.map_err(|error| node.explain(error))?;
            (None, own.limits, own.etag)
        }
    };
    Ok(Seen { peer, limits, guard: Guard::OnlyIf(etag) })
}

async fn write(node: &Connected, arguments: &Arguments, seen: Seen) -> Result<LimitsView, Failure> {
    let limits = Some(arguments.apply(seen.limits));
    let written = match &seen.peer {
        Some(peer) => {
            let patch = PeerPatch { limits, ..PeerPatch::default() };
            node.client.edit_peer(peer, &patch, &seen.guard).await.map(|peer| peer.limits)
        }
        None => {
            let patch = NodePatch { limits, ..NodePatch::default() };
            node.client.edit_node(&patch, &seen.guard).await.map(|node| node.limits)
        }
    };
    written.map_err(|error| node.explain(error))
}

fn show(limits: &LimitsView, output: &mut Output) -> Result<(), Failure> {
    output.field("down", Some(&rate_text(limits.down_bytes_per_s)))?;
    output.field("up", Some(&rate_text(limits.up_bytes_per_s)))?;
    for window in &limits.windows {
        let days: Vec<&str> = window.days.iter().map(|day| day.as_str()).collect();
        let (down, up) = (rate_text(window.down_bytes_per_s), rate_text(window.up_bytes_per_s));
        let text = format!("{} {}-{}: down {down}, up {up}", days.join(","), window.from, window.to);
        output.field("window", Some(&text))?;
    }
    output.field("time zone", limits.time_zone.as_deref())
}

fn rate_text(rate: Option<u64>) -> String {
    rate.map_or_else(|| "no limit".to_owned(), |rate| format!("{} a second", bytes_text(rate)))
}

/// Reads `500kB`, `10MB`, `1.5 MB`, `1000000` or `none`; units are powers of 1000.
fn rate(text: &str) -> Result<Rate, String> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(Rate(None));
    }
    let rate = bytes(text.strip_suffix("/s").unwrap_or(text));
    rate.map(|rate| Rate(Some(rate)))
        .ok_or_else(|| format!("\"{text}\" is no rate; write one such as 500kB, 10MB or none"))
}

/// A number of bytes as people type it; units are powers of 1000.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let end = text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let power = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" => 1,
        "m" | "mb" => 2,
        "g" | "gb" => 3,
        "t" | "tb" => 4,
        _ => return None,
    };
    let (whole, parts) = number.split_once('.').unwrap_or((number, ""));
    let zeros = (3_usize * power).checked_sub(parts.len())?;
    format!("{whole}{parts}{}", "0".repeat(zeros)).parse().ok()
}

/// Reads `mon-fri 08:00-18:00 up=200kB down=1MB`; days are `daily`, a list or a range.
fn window(text: &str) -> Result<WindowView, String> {
    let explain = || format!("\"{text}\" is no window; write one such as 'mon-fri 08:00-18:00 up=200kB'");
    let mut words = text.split_whitespace();
    let (Some(days), Some(hours)) = (words.next(), words.next()) else { return Err(explain()) };
    let (from, to) = hours.split_once('-').ok_or_else(explain)?;
    let days = days_of(days).ok_or_else(explain)?;
    let mut window =
        WindowView { days, from: from.to_owned(), to: to.to_owned(), down_bytes_per_s: None, up_bytes_per_s: None };
    for word in words {
        match word.split_once('=') {
            Some(("up", value)) => window.up_bytes_per_s = rate(value)?.0,
            Some(("down", value)) => window.down_bytes_per_s = rate(value)?.0,
            _ => return Err(explain()),
        }
    }
    Ok(window)
}

fn days_of(text: &str) -> Option<Vec<DayName>> {
    if text == "daily" {
        return Some(Vec::new());
    }
    let day = |name: &str| DayName::ALL.iter().position(|day| day.as_str() == name);
    let mut days = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (day(first)?, day(last)?);
        let count = (last + 7 - first) % 7 + 1;
        days.extend((0..count).map(|step| DayName::ALL[(first + step) % 7]));
    }
    Some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_people_type_them() {
        for (text, wanted) in [
            ("none", None),
            ("500kB", Some(500_000)),
            ("10MB", Some(10_000_000)),
            ("1.5MB", Some(1_500_000)),
            ("1.5 mb/s", Some(1_500_000)),
            ("1G", Some(1_000_000_000)),
            ("12345", Some(12_345)),
        ] {
            assert_eq!(rate(text), Ok(Rate(wanted)), "{text}");
        }
        for text in ["", "fast", "10MiB", "1.5", "-1", "1.2.3MB", "99999999999999999999"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn windows_are_read_as_people_type_them() {
        use DayName::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
        let office = window("mon-fri 08:00-18:00 up=200kB down=none").expect("a window");
        assert_eq!((office.days.as_slice(), office.from.as_str()), (&[Mon, Tue, Wed, Thu, Fri][..], "08:00"));
        assert_eq!((office.up_bytes_per_s, office.down_bytes_per_s), (Some(200_000), None));
        assert_eq!(window("sat-mon,wed 22:00-06:00").expect("a window").days, [Sat, Sun, Mon, Wed]);
        assert_eq!(window("daily 00:00-24:00").expect("a window").days, []);
        for text in ["", "mon", "mon 8", "moon 08:00-09:00", "mon 08:00-09:00 side=1MB"] {
            assert!(window(text).is_err(), "{text}");
        }
    }
}
