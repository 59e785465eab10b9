//! A file over 4 GiB: published, downloaded whole, and asked for around the edges where numbers of 32 bits end.

use crate::support::http::Response;
use crate::support::node::Node;

const BLOCK_BYTES: u64 = 1 << 20;
const BLOCKS: u64 = 5 * 1024;
const SIZE: u64 = BLOCKS * BLOCK_BYTES + 7;

/// Block `number` of the file: its number, then zeros. Cheap to make and to compare, and no two are equal.
fn block(number: u64) -> Vec<u8> {
    let length = BLOCK_BYTES.min(SIZE - number * BLOCK_BYTES);
    let mut bytes = vec![0; usize::try_from(length).expect("a block fits")];
    let stamp = number.to_le_bytes();
    let count = stamp.len().min(bytes.len());
    bytes[..count].copy_from_slice(&stamp[..count]);
    bytes
}

#[test]
fn a_file_over_four_gibibytes_is_published_and_downloaded_whole() {
    let node = Node::start("hq");
    let mut upload = node.api("PUT", "/packages/huge.dmg").open(Some(&SIZE.to_string())).expect("a connection");
    for number in 0..=BLOCKS {
        upload.write(&block(number)).expect("the node reads");
    }
    let published = upload.answer().expect("an answer").expect(201).json();
    assert_eq!(published["package"]["size"], SIZE);

    let mut download = node.request("GET", "/Packages/huge.dmg").open(None).expect("a connection");
    let (status, headers) = download.head().expect("an answer");
    let answer = Response { status, headers, body: vec![] };
    assert_eq!(answer.header("content-length"), Some(SIZE.to_string().as_str()));
    assert_eq!(answer.status, 200);
    for number in 0..=BLOCKS {
        let expected = block(number);
        let mut got = vec![0; expected.len()];
        download.reader().read_exact(&mut got).expect("the whole file comes");
        assert!(got == expected, "block {number}");
    }

    let four_gib: u64 = 1 << 32;
    for (from, to) in [(four_gib - 3, four_gib + 12), (four_gib, four_gib), (SIZE - 1, SIZE - 1), (SIZE - 9, SIZE + 9)]
    {
        let range = format!("bytes={from}-{to}");
        let answer = node.request("GET", "/Packages/huge.dmg").header("Range", &range).send().expect(206);
        let last = to.min(SIZE - 1);
        assert_eq!(answer.header("content-range"), Some(format!("bytes {from}-{last}/{SIZE}").as_str()));
        assert_eq!(answer.body, bytes_of(from, last));
    }
}

fn bytes_of(first: u64, last: u64) -> Vec<u8> {
    let at = |index: u64| {
        let within = usize::try_from(index % BLOCK_BYTES).expect("a block fits");
        block(index / BLOCK_BYTES)[within]
    };
    (first..=last).map(at).collect()
}
