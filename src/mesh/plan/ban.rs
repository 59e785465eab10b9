//! For how long a source that sent something wrong is asked for nothing more of that blob: longer each time.

use std::collections::BTreeMap;

use ods_store::NodeId;

use crate::mesh::limits::{BAN_MAX_MS, BAN_MIN_MS, OTHER_SIZE_MS};
use crate::mesh::moment::Moment;

/// A source that sent something wrong.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ban {
    times: u32,
    /// It is asked for nothing of that blob before this.
    pub(super) until: Moment,
}

impl Ban {
    /// It did it again.
    pub(super) fn renew(&mut self, now: Moment) {
        self.until = now.plus_ms((BAN_MIN_MS << self.times.min(16)).min(BAN_MAX_MS));
        self.times += 1;
    }

    /// Whether it ever sent something wrong.
    pub(super) const fn is_earned(&self) -> bool {
        self.times > 0
    }

    /// It is of no use, and not to blame.
    pub(super) fn pause(&mut self, now: Moment) {
        self.until = self.until.max(now.plus_ms(OTHER_SIZE_MS));
    }
}

/// Whether a source may be asked for a blob of which these sent something wrong.
pub(super) fn may_ask(banned: &BTreeMap<NodeId, Ban>, node: &NodeId, now: Moment) -> bool {
    banned.get(node).is_none_or(|ban| ban.until <= now)
}
