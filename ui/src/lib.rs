//! The embedded web page. This version has none yet: everything is reachable through the API and the command line, of
//! which the page will be one more client. The crate marks its place: it depends on nothing of ours, and only the node
//! mounts it.
