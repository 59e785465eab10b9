//! The HTTP contract of an ODS node.
