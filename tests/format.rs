//! The program opens the golden data folders of every released format, kept in `tests/format/`, and serves what they hold.
//! (`store/tests/golden.rs` looks inside them and says how one is made.)

use std::path::Path;

use crate::support::bytes::blake3_hex;
use crate::support::mesh;
use crate::support::node::{Node, Setup};
use crate::support::tools;

#[test]
fn a_data_folder_of_format_1_is_served() {
    let mut node = Node::new(Setup::default());
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/format/v1");
    tools::run_well("cp", &["-r", golden.to_str().expect("a plain name"), "data"], node.folder());
    tools::run_well("chmod", &["600", "data/node.key"], node.folder());
    node.launch();
    let mut whole = 0;
    for (path, blob) in mesh::listing(&node) {
        let stored = node.package(&path).expect("a listed package")["state"] == "stored";
        let answer = node.download(&path);
        if stored {
            assert_eq!(blake3_hex(&answer.expect(200).body), blob, "{path}");
            whole += 1;
        } else {
            answer.expect(503);
        }
    }
    assert_eq!(whole, 4, "four of its five packages are whole");
    node.put("new.pkg", b"it goes on").expect(201);
}
