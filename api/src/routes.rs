//! The handlers: extract, convert, one call, convert.

pub(crate) mod audit;
pub(crate) mod bulk;
pub(crate) mod deliveries;
pub(crate) mod docs;
pub(crate) mod events;
pub(crate) mod invites;
pub(crate) mod node;
pub(crate) mod packages;
pub(crate) mod peers;
pub(crate) mod restore;
pub(crate) mod revisions;
pub(crate) mod roster;
pub(crate) mod scrub;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod snapshot;
pub(crate) mod storage;
pub(crate) mod stream;
pub(crate) mod survey;
pub(crate) mod tokens;
pub(crate) mod transfers;
pub(crate) mod uploads;
pub(crate) mod users;
pub(crate) mod watches;
pub(crate) mod webhooks;

mod happenings;
mod limits;
mod listing;
mod metadata;
mod receive;
mod urls;

pub use urls::node_url;
