//! Time for scheduling: milliseconds since this node started, which no clock change can touch.

/// A moment, in milliseconds since the node started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Moment(u64);

impl Moment {
    /// The moment this many milliseconds after the start.
    pub(super) const fn new(ms: u64) -> Self {
        Self(ms)
    }

    /// This moment and `ms` more.
    #[must_use]
    pub(super) const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this; 0 if that is later.
    pub(super) const fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
