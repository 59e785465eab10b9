//! `limits` of `/node` and `/peers/{id}`: bandwidth between nodes, with weekly windows.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How fast the bytes of packages may go between nodes. News, logs and states never wait, and what clients download is not
/// limited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = Limits)]
pub struct LimitsView {
    /// From others to this node, in bytes a second, at least 10000; null: as fast as it goes.
    #[schema(example = 10_000_000)]
    pub down_bytes_per_s: Option<u64>,
    /// From this node to others.
    pub up_bytes_per_s: Option<u64>,
    /// Parts of the week with limits of their own; the first that covers a moment decides.
    #[serde(deserialize_with = "super::objects::many")]
    pub windows: Vec<WindowView>,
    /// The IANA name of the time zone of all windows; null: the machine's. Of a peer it is always null: the node's holds.
    #[schema(example = "Europe/Berlin")]
    pub time_zone: Option<String>,
}

/// A part of the week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LimitWindow)]
pub struct WindowView {
    /// `mon` … `sun`: days on which it begins; empty: every day.
    #[serde(default)]
    pub days: Vec<DayName>,
    /// When it begins, `HH:MM`.
    #[schema(example = "08:00")]
    pub from: String,
    /// When it is over, `HH:MM` up to `24:00`; not later than `from`: on the next day.
    #[schema(example = "18:00")]
    pub to: String,
    /// What holds meanwhile, in bytes a second; null: as fast as it goes.
    #[serde(default)]
    pub down_bytes_per_s: Option<u64>,
    /// Likewise.
    #[serde(default)]
    pub up_bytes_per_s: Option<u64>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Day)]
#[expect(missing_docs, reason = "the names of days say it all")]
pub enum DayName {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl DayName {
    /// All of them, Monday first.
    pub const ALL: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];

    /// `mon` … `sun`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mon => "mon",
            Self::Tue => "tue",
            Self::Wed => "wed",
            Self::Thu => "thu",
            Self::Fri => "fri",
            Self::Sat => "sat",
            Self::Sun => "sun",
        }
    }
}
