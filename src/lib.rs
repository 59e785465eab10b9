//! ODS, the Open Distribution Server: the node.
