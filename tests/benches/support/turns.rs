//! Sides that take turns, so that what else the machine does meets them alike.

/// How many turns each side has: `ODS_BENCH_PAIRS`, or 5.
#[expect(clippy::disallowed_methods, reason = "the benches have no configuration but their variables")]
fn pairs() -> usize {
    std::env::var("ODS_BENCH_PAIRS").ok().and_then(|text| text.parse().ok()).unwrap_or(5)
}

/// Lets the sides take turns, once to warm up and then `ODS_BENCH_PAIRS` (5) times. Gives each side's results, in the sides' order.
pub(crate) fn take_turns<T>(sides: &mut [&mut dyn FnMut() -> T]) -> Vec<Vec<T>> {
    let mut results: Vec<Vec<T>> = sides.iter_mut().map(|side| drop(side())).map(|()| Vec::new()).collect();
    for turn in 0..pairs() {
        for at in 0..sides.len() {
            // Each begins as often as any other.
            let side = (at + turn) % sides.len();
            results[side].push(sides[side]());
        }
    }
    results
}

/// The middle of the values, or of the two middle ones.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}
