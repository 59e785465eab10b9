//! Which of two forms a listing takes (RFC 9110 §12.5.1).

/// How well a range of media types fits a type: its weight in thousandths, then how closely it names it.
type Fit = (u16, u8);

/// Whether `Accept` asks for JSON rather than HTML. HTML is for those who say nothing, or like both the same.
pub(super) fn prefers_json(accept: &str) -> bool {
    fit(accept, "application", "json") > fit(accept, "text", "html")
}

/// Whether `Accept` names HTML, as browsers do. A line of text is for those who don't.
pub(super) fn prefers_html(accept: &str) -> bool {
    let (weight, closeness) = fit(accept, "text", "html");
    weight > 0 && closeness == 2
}

/// The closest range decides a type's weight; 0 if none fits.
fn fit(accept: &str, kind: &str, subtype: &str) -> Fit {
    let ranges = accept.split(',').filter_map(|range| fit_of_range(range, kind, subtype));
    ranges.max_by_key(|(_, closeness)| *closeness).unwrap_or_default()
}

fn fit_of_range(range: &str, kind: &str, subtype: &str) -> Option<Fit> {
    let mut parts = range.split(';').map(str::trim);
    let (range_kind, range_subtype) = parts.next()?.split_once('/')?;
    let closeness = match (range_kind, range_subtype) {
        ("*", "*") => 0,
        (range_kind, "*") if range_kind.eq_ignore_ascii_case(kind) => 1,
        (range_kind, range_subtype)
            if range_kind.eq_ignore_ascii_case(kind) && range_subtype.eq_ignore_ascii_case(subtype) =>
        {
            2
        }
        _ => return None,
    };
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    Some((weight.map_or(Some(1000), thousandths)?, closeness))
}

/// A `qvalue`: `0` to `1` with up to three decimals.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let decimals: u16 = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(decimals),
        "1" if decimals == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_for_those_who_ask_for_it() {
        for (accept, expected) in [
            ("", false),
            ("*/*", false),
            ("text/html", false),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false),
            ("application/json", true),
            ("Application/JSON", true),
            ("application/*", true),
            ("application/json, text/plain, */*", true),
            ("application/json;q=0.5, text/html", false),
            ("application/json, text/html", false),
            ("application/json, text/html;q=0.9", true),
            ("application/json;charset=utf-8; q=0.9, text/*;q=0.8", true),
            ("application/json;q=0, */*", false),
            ("text/html;q=0, */*", true),
            ("application/json;q=2", false),
            ("application/json;q=0.1234, text/html;q=0.1", false),
            ("garbage, application/json", true),
        ] {
            assert_eq!(prefers_json(accept), expected, "{accept:?}");
        }
    }
}
