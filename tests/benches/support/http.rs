//! A client that costs little: one connection kept open, bodies with a length.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

/// One connection to a node on this machine.
#[derive(Debug)]
pub(crate) struct Http {
    stream: BufReader<TcpStream>,
    authorization: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Http {
    /// Connects to `at`, an address and port. `authorization` is a whole header line, or empty.
    pub(crate) fn connect(at: &str, authorization: &str) -> Self {
        let stream = TcpStream::connect(at).expect("the server listens");
        stream.set_nodelay(true).expect("a socket can be told");
        Self { stream: BufReader::new(stream), authorization: authorization.to_owned() }
    }

    /// Sends a request and reads the answer.
    pub(crate) fn send(&mut self, method: &str, target: &str, body: &[u8]) -> Answer {
        let authorization = if self.authorization.is_empty() { "" } else { &format!("{}\r\n", self.authorization) };
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{authorization}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let request = [head.as_bytes(), body].concat();
        self.stream.get_mut().write_all(&request).expect("the server reads");
        self.answer(method != "HEAD")
    }

    /// Sends a request that must work, and reads its JSON; null if there is none.
    pub(crate) fn json(&mut self, method: &str, target: &str, body: &[u8]) -> serde_json::Value {
        let Answer { status, body } = self.send(method, target, body);
        assert!((200..300).contains(&status), "{method} {target}: {status} {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap_or_default()
    }

    /// The answer to a HEAD names a length, and has no body.
    fn answer(&mut self, has_body: bool) -> Answer {
        let mut line = String::new();
        let mut next = |stream: &mut BufReader<TcpStream>| {
            line.clear();
            stream.read_line(&mut line).expect("the server answers");
            line.trim_end().to_ascii_lowercase()
        };
        let status_line = next(&mut self.stream);
        let status = status_line.split(' ').nth(1).and_then(|text| text.parse().ok());
        let mut length = 0;
        loop {
            let header = next(&mut self.stream);
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut body = vec![0; if has_body { length } else { 0 }];
        self.stream.read_exact(&mut body).expect("the whole body comes");
        Answer { status: status.unwrap_or_else(|| panic!("no status in {status_line:?}")), body }
    }
}
