//! Watched folders.

mod inbox;
mod names;
mod reason;
mod scan;
mod settle;
mod sight;
