//! Every body of the protocol between nodes, asked and answered, from any bytes: a value that encodes to itself, or an
//! error; no more memory than the body is long.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ods_store::Vector;

#[path = "../../src/mesh/limits.rs"]
#[expect(dead_code, reason = "bounds of other parts of the mesh")]
mod limits;
#[path = "../../src/mesh/protocol.rs"]
#[expect(dead_code, reason = "what only the carriers use")]
mod protocol;

use protocol::{Answer, Call, PairRequest, Request};

const ANSWERED: [Call; 7] =
    [Call::Pair, Call::Ping, Call::Roster, Call::States, Call::Log, Call::Outline, Call::Pieces];

fuzz_target!(|input: (u8, &[u8])| {
    let (choice, body) = input;
    let call = Call::POSTS[usize::from(choice) % Call::POSTS.len()];
    if let Ok(request) = Request::decode(call, body) {
        assert_eq!(request.call(), call);
        assert_eq!(Request::decode(call, &request.encode()).as_ref(), Ok(&request));
        match &request {
            Request::Log(query) => {
                let vector: Vector = query.vector();
                assert!(vector.entries.len() <= query.vector.len(), "a stream counts once");
                assert_eq!(query.cursor().is_some(), query.cursor.is_some());
            }
            Request::Pair(PairRequest::Redeem(redemption)) => {
                assert!(redemption.contact.urls.len() <= limits::URLS_MAX, "contacts are capped");
            }
            _ => {}
        }
    }
    let call = ANSWERED[usize::from(choice) % ANSWERED.len()];
    if let Ok(answer) = Answer::decode(call, body) {
        assert_eq!(Answer::decode(call, &answer.encode()), Ok(answer));
    }
    assert!(Request::decode(Call::Blob, body).is_err() && Answer::decode(Call::Blob, body).is_err());
});
