//! The whole API through its router, on a real store.
