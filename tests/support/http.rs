//! Plain HTTP/1.1 over a socket: small enough to send what no library would, such as a body that stops halfway.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A socket that stays silent this long fails its test.
const SILENCE_MAX: Duration = Duration::from_mins(1);

/// An answer, read whole.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// A header's value; names are compared in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("status {}, not JSON ({error}): {}", self.status, self.text()))
    }

    /// The answer if it has this status; else the test fails with what was said.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "answer: {}", self.text());
        self
    }

    /// Checks that this is a problem document with this status and code that speaks to a person.
    #[track_caller]
    pub(crate) fn expect_problem(self, status: u16, code: &str) -> serde_json::Value {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "answer: {}", answer.text());
        let problem = answer.json();
        assert_eq!((problem["status"].as_u64(), problem["code"].as_str()), (Some(u64::from(status)), Some(code)));
        assert!(problem["title"].as_str().is_some_and(|title| !title.is_empty()), "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 5), "{problem}");
        problem
    }
}

/// A request being built.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    address: String,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// `target` goes out as it stands: already encoded, or wrong on purpose.
    pub(crate) fn new(address: &str, method: &str, target: &str) -> Self {
        Self {
            address: address.to_owned(),
            method: method.to_owned(),
            target: target.to_owned(),
            headers: vec![],
            body: vec![],
        }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    pub(crate) fn json(self, value: &serde_json::Value) -> Self {
        self.header("Content-Type", "application/json").body(value.to_string().as_bytes())
    }

    /// Sends it and reads the whole answer.
    #[track_caller]
    pub(crate) fn send(&self) -> Response {
        self.try_send().unwrap_or_else(|error| panic!("{} {}: {error}", self.method, self.target))
    }

    /// The same where the node may be gone.
    pub(crate) fn try_send(&self) -> io::Result<Response> {
        let length = self.body.len().to_string();
        let mut exchange = self.open(self.has_body().then_some(length.as_str()))?;
        // A node that refuses early may answer and close before it has read the body.
        let sent = exchange.write(&self.body);
        match exchange.answer() {
            Ok(answer) => Ok(answer),
            Err(error) => Err(sent.err().unwrap_or(error)),
        }
    }

    /// Sends the head with this `Content-Length` and leaves the body to the caller.
    pub(crate) fn open(&self, content_length: Option<&str>) -> io::Result<Exchange> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.set_write_timeout(Some(SILENCE_MAX))?;
        stream.set_nodelay(true)?;
        let mut exchange = Exchange { method: self.method.clone(), stream: BufReader::new(stream) };
        exchange.write(self.head(content_length).as_bytes())?;
        Ok(exchange)
    }

    fn head(&self, content_length: Option<&str>) -> String {
        let mut head =
            format!("{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.method, self.target, self.address);
        let length = content_length.map(|length| ("Content-Length", length));
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in headers.chain(length) {
            write!(head, "{name}: {value}\r\n").expect("text grows");
        }
        head + "\r\n"
    }

    fn has_body(&self) -> bool {
        !self.body.is_empty() || matches!(self.method.as_str(), "PUT" | "POST" | "PATCH")
    }
}

/// A request on its way.
#[derive(Debug)]
pub(crate) struct Exchange {
    method: String,
    stream: BufReader<TcpStream>,
}

impl Exchange {
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Says that nothing more will come, and leaves the reading side open.
    pub(crate) fn finish_writing(&self) -> io::Result<()> {
        self.stream.get_ref().shutdown(std::net::Shutdown::Write)
    }

    /// Reads the answer whole.
    pub(crate) fn answer(mut self) -> io::Result<Response> {
        let (status, headers) = self.head()?;
        let mut response = Response { status, headers, body: vec![] };
        if self.method == "HEAD" || status == 204 || status == 304 {
            return Ok(response);
        }
        response.body = match (response.header("transfer-encoding"), response.header("content-length")) {
            (Some("chunked"), _) => self.chunks()?,
            (_, Some(length)) => self.exactly(length.parse().map_err(|_| bad("a Content-Length"))?)?,
            _ => self.rest()?,
        };
        Ok(response)
    }

    /// Reads status and headers; the body can then be read from [`Self::reader`].
    pub(crate) fn head(&mut self) -> io::Result<(u16, Vec<(String, String)>)> {
        let status_line = self.line()?;
        let status = status_line.split(' ').nth(1).and_then(|text| text.parse().ok()).ok_or_else(|| bad("a status"))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| bad("a header"))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        if status == 100 { self.head() } else { Ok((status, headers)) }
    }

    pub(crate) fn reader(&mut self) -> &mut dyn BufRead {
        &mut self.stream
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection closed before the answer"));
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(body)
    }

    fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        self.stream.read_to_end(&mut body)?;
        Ok(body)
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let size = usize::from_str_radix(self.line()?.trim(), 16).map_err(|_| bad("a chunk size"))?;
            body.extend(self.exactly(size)?);
            self.line()?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the answer lacks {what}"))
}

/// A path's segments, percent-encoded one by one; `/` stays.
pub(crate) fn encode_path(path: &str) -> String {
    const KEEP: percent_encoding::AsciiSet =
        percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
    percent_encoding::utf8_percent_encode(path, &KEEP).to_string()
}
