//! Limits on bandwidth in a body.

use ods_store::{Bandwidth, BandwidthWindow, Rates};

use crate::error::{ApiError, Code};
use crate::types::{DayName, LimitsView, WindowView};

/// As the store takes them.
pub(super) fn parse(view: LimitsView) -> Result<Bandwidth, ApiError> {
    if let Some(zone) = &view.time_zone
        && jiff::tz::TimeZone::get(zone).is_err()
    {
        return Err(invalid(format!("this machine knows no time zone {zone:?}; name one such as Europe/Berlin")));
    }
    Ok(Bandwidth {
        rates: Rates { down: view.down_bytes_per_s, up: view.up_bytes_per_s },
        windows: view.windows.iter().map(window).collect::<Result<_, _>>()?,
        time_zone: view.time_zone,
    })
}

fn window(view: &WindowView) -> Result<BandwidthWindow, ApiError> {
    let named = view.days.iter().fold(0, |days, day| days | bit(*day));
    Ok(BandwidthWindow {
        days: if view.days.is_empty() { 0b111_1111 } else { named },
        from: minute(&view.from)?,
        to: minute(&view.to)?,
        rates: Rates { down: view.down_bytes_per_s, up: view.up_bytes_per_s },
    })
}

fn bit(day: DayName) -> u8 {
    DayName::ALL.iter().position(|known| *known == day).map_or(0, |position| 1 << position)
}

fn minute(text: &str) -> Result<u16, ApiError> {
    let parsed = text.split_once(':').and_then(|(hours, minutes)| {
        let are_two = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        let two = |digits: &str| are_two(digits).then(|| digits.parse::<u16>().ok()).flatten();
        Some((two(hours)?, two(minutes)?))
    });
    match parsed {
        Some((hours, minutes)) if minutes < 60 && hours * 60 + minutes <= 24 * 60 => Ok(hours * 60 + minutes),
        _ => Err(invalid(format!("{text:?} is no time of the day; write one such as 08:00"))),
    }
}

fn invalid(detail: String) -> ApiError {
    ApiError::new(Code::Invalid, detail).fact("field", "limits")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::limits_view;

    #[test]
    fn limits_survive_the_wire() {
        let view = LimitsView {
            down_bytes_per_s: Some(10_000_000),
            up_bytes_per_s: None,
            windows: vec![WindowView {
                days: vec![DayName::Mon, DayName::Sun],
                from: "22:05".to_owned(),
                to: "06:00".to_owned(),
                down_bytes_per_s: None,
                up_bytes_per_s: Some(20_000),
            }],
            time_zone: Some("UTC".to_owned()),
        };
        let stored = parse(view.clone()).expect("they make sense");
        assert_eq!((stored.windows[0].days, stored.windows[0].from, stored.windows[0].to), (0b100_0001, 1325, 360));
        assert_eq!(limits_view(&stored), view);
    }

    #[test]
    fn no_days_are_all_days_and_times_are_checked() {
        let at = |from: &str, to: &str| WindowView {
            days: vec![],
            from: from.to_owned(),
            to: to.to_owned(),
            down_bytes_per_s: None,
            up_bytes_per_s: None,
        };
        assert_eq!(window(&at("00:00", "24:00")).expect("a day").days, 0b111_1111);
        for bad in ["8:00", "24:01", "12:60", "noon", "-1:00", "+1:00", ""] {
            assert!(window(&at(bad, "12:00")).is_err(), "{bad}");
        }
        assert!(parse(LimitsView { time_zone: Some("Mars/Olympus".to_owned()), ..LimitsView::default() }).is_err());
    }
}
