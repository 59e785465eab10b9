//! The mesh as a whole: by typed values without any carrier, and by HTTP on loopback.

mod bad_input;
mod bad_outline;
mod by_http;
mod by_values;
mod expel_ahead;
mod expelled;
mod linked;
mod live;
mod pairing;
mod rolled_back;
mod rosters;
mod states;
mod support;
