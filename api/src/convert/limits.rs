//! Limits on bandwidth as the wire shows them.

use ods_store::{Bandwidth, BandwidthWindow};

use crate::types::{DayName, LimitsView, WindowView};

/// As the wire shows them.
pub(crate) fn limits_view(limits: &Bandwidth) -> LimitsView {
    LimitsView {
        down_bytes_per_s: limits.rates.down,
        up_bytes_per_s: limits.rates.up,
        windows: limits.windows.iter().map(window_view).collect(),
        time_zone: limits.time_zone.clone(),
    }
}

fn window_view(window: &BandwidthWindow) -> WindowView {
    let days = DayName::ALL.into_iter().enumerate().filter(|(day, _)| window.days & (1 << day) != 0);
    WindowView {
        days: days.map(|(_, day)| day).collect(),
        from: clock_text(window.from),
        to: clock_text(window.to),
        down_bytes_per_s: window.rates.down,
        up_bytes_per_s: window.rates.up,
    }
}

fn clock_text(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}
