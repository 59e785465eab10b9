//! Tests of the store through its public doors, on the simulated disk unless the real one matters.
//!
//! - `support.rs`: stores, bytes and requests in a line each
//! - `model.rs`: random operations against a plain map; `operations.rs` has both, for the fuzz target too
//! - `crash.rs`: power lost at every kind of moment
//! - `golden.rs`: data folders that earlier versions wrote
//! - `mesh.rs`: stores that exchange events and statements
//! - `states.rs`: what nodes say of themselves, and what that proves about who has what
//! - `roster.rs`: who may do what: admitting, expelling, merging, in any order
//! - `expel_ahead.rs`: Expels that come ahead of the events they name
//! - `expelled_bytes.rs`: which bytes stay while events are lacking that an expulsion names
//! - `bad_events.rs`: events that are wrong, early, unknown or absurd
//! - `bytes.rs`: uploads, fetches, rot
//! - `space.rs`: gc and retention: what goes, what stays, what is said of it
//! - `local_disk.rs`: what the seam promises, on the machine's own disk
//! - `small_disk.rs`: a real filesystem that fills up under the database
//! - `policy.rs`: which bytes a node keeps, and that the last copy never goes
//! - `planted.rs`: the bugs of `planted/` still fit the code
//! - `races.rs`: gc and everybody else at once, on the real disk
//! - `care.rs`: scrubbing, and how what is found wrong comes back
//! - `damage.rs`: damaged databases, verifying and mending
//! - `backup.rs`: backups and what is restored from them
//! - `uploads.rs`: resumable uploads, struck at any moment
//! - `watches.rs`: what a mirror remembers of its folder
//! - `credentials.rs`: tokens and sessions that end while something is done with them
//! - `once.rs`: requests that make something once
//! - `webhooks.rs`: webhooks as their sender uses the store, and the journal's retention
//! - `opening.rs`: data folders that can't be opened, and what is said then

mod backup;
mod bad_events;
mod bytes;
mod care;
mod crash;
mod credentials;
mod damage;
mod expel_ahead;
mod expelled_bytes;
mod golden;
mod local_disk;
mod mesh;
mod model;
mod once;
mod opening;
mod operations;
mod planted;
mod policy;
mod races;
mod roster;
mod small_disk;
mod space;
mod states;
mod support;
mod uploads;
mod watches;
mod webhooks;
