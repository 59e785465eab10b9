//! When the next request to a source is due: so early that its first byte comes as the last byte of this one does, and no
//! earlier. Two answers that share a line are both late, and what is on its way when the line breaks is lost twice. Pure.

use super::limits::{ALWAYS_TWO_FROM, LEAD_MS};

const MS_NS: u64 = 1_000_000;
const SECOND_NS: u128 = 1_000_000_000;
/// What must have come before a speed is believed.
const BELIEVED_BYTES: u64 = 64 * 1024;

/// One request under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lead {
    left: u64,
    came: u64,
    /// How long the first bytes took.
    first_ns: Option<u64>,
    told: bool,
}

impl Lead {
    /// A request for so many bytes.
    pub(super) const fn new(bytes: u64) -> Self {
        Self { left: bytes, came: 0, first_ns: None, told: false }
    }

    /// So many bytes came, this long after the request was made; true once, when the next is due.
    pub(super) fn becomes_due(&mut self, bytes: u64, now_ns: u64) -> bool {
        if bytes == 0 || self.told {
            return false;
        }
        self.left = self.left.saturating_sub(bytes);
        let Some(first_ns) = self.first_ns else {
            // What came with the first bytes says nothing of the speed.
            self.first_ns = Some(now_ns);
            return false;
        };
        self.came += bytes;
        let rate = rate(self.came, now_ns.saturating_sub(first_ns));
        let lead_ns = LEAD_MS * MS_NS + 2 * first_ns;
        let coming = u128::from(rate) * u128::from(lead_ns) / SECOND_NS;
        self.told = self.came >= BELIEVED_BYTES && (rate >= ALWAYS_TWO_FROM || coming >= u128::from(self.left));
        self.told
    }
}

/// Bytes a second.
fn rate(bytes: u64, took_ns: u64) -> u64 {
    u64::try_from(u128::from(bytes) * SECOND_NS / u128::from(took_ns.max(1))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNK: u64 = 16 * 1024;

    /// How much is left when the next request becomes due, on a line of so many bytes a second that answers after this time.
    fn left_when_due(bytes: u64, rate: u64, first_ms: u64) -> Option<u64> {
        let mut lead = Lead::new(bytes);
        (1..=bytes / CHUNK).find_map(|chunk| {
            let now_ns = first_ms * MS_NS + (chunk - 1) * CHUNK * 1_000_000_000 / rate;
            lead.becomes_due(CHUNK, now_ns).then_some(bytes - chunk * CHUNK)
        })
    }

    #[test]
    fn the_next_request_is_made_as_long_before_the_end_as_it_takes_to_answer_twice_and_a_little() {
        let left = left_when_due(1 << 20, 25_000_000, 1).unwrap();
        assert!((200_000..=250_000).contains(&left), "10 ms are 250,000 bytes: {left}");
        let left = left_when_due(16 << 20, 25_000_000, 50).unwrap();
        assert!((2_600_000..=2_700_000).contains(&left), "108 ms are 2,700,000 bytes: {left}");
    }

    #[test]
    fn on_a_line_that_is_long_or_faster_than_the_work_two_are_always_under_way() {
        assert!(left_when_due(1 << 20, 25_000_000, 100).unwrap() > 900_000);
        assert!(left_when_due(16 << 20, 500_000_000, 1).unwrap() > 15_000_000);
    }

    #[test]
    fn it_is_told_once() {
        let mut lead = Lead::new(1 << 20);
        let told = (1..=64).filter(|chunk| lead.becomes_due(CHUNK, chunk * MS_NS)).count();
        assert_eq!(told, 1);
    }
}
