//! The seam to the node's listeners: where it answers, how that is encrypted, and until when its certificates are good.

use std::fmt;
use std::sync::Arc;

use crate::types::ListenerView;

type Tell = dyn Fn() -> Vec<ListenerView> + Send + Sync;

/// Tells of the listeners as they are at that moment: certificates are renewed while they serve.
#[derive(Clone)]
pub struct ListenersHandle(Arc<Tell>);

impl ListenersHandle {
    /// What tells of them.
    pub fn new(tell: impl Fn() -> Vec<ListenerView> + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// The listeners.
    pub(crate) fn all(&self) -> Vec<ListenerView> {
        (self.0)()
    }
}

impl Default for ListenersHandle {
    fn default() -> Self {
        Self::new(Vec::new)
    }
}

impl fmt::Debug for ListenersHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ListenersHandle")
    }
}
