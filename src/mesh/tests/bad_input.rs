//! Callers that are wrong, late, replayed or hostile.
