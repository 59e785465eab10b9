//! The web page, embedded. It is one more client of the admin API: this crate only hands out its files, which are in
//! `ui/assets` as browsers run them (without comments and needless space). It depends on nothing of ours, and only the
//! node mounts it.
//!
//! - `/ui/` and the addresses of the page's own router answer `index.html`, which names the other files under a base path
//!   that holds a hash of all of them. It is asked for anew each time.
//! - Below that base path files never change, so browsers keep them.
//! - Anything else below `/ui` is 404; to a browser that asks for markup the body is the page, which says so.
//!
//! Invariants:
//! - No answer lets the page load or send anything elsewhere, or run what isn't one of its files ([`answer::POLICY`]).
//! - The files of two versions are never mixed: the base path of another version is 404.
//! - A debug build reads the files from the source tree again whenever `index.html` is asked for; a release build holds them.

mod answer;
mod file;
mod files;
mod media_type;
mod routes;
mod squeeze;

#[cfg(test)]
mod tests;

pub use routes::router;
