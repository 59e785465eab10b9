//! The listener through real sockets, with short limits.

mod caps;
mod drain;
mod protocols;
mod requests;
mod support;
mod timeouts;
