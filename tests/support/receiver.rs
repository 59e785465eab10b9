//! A webhook's receiver: answers as the test says, keeps what came, and can go away and come back.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::node::free_port;

/// What came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) at: Instant,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a delivery is JSON")
    }

    pub(crate) fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap_or_default().to_owned()
    }
}

/// What the receiver does with a delivery.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// This status, with further headers and a body.
    Status(u16, String, String),
    /// Nothing, for so long; then the connection is closed.
    Hang(Duration),
    /// The connection is closed at once.
    Close,
}

pub(crate) fn ok() -> Answer {
    Answer::Status(200, String::new(), "taken".to_owned())
}

pub(crate) fn status(status: u16) -> Answer {
    Answer::Status(status, String::new(), format!("status {status}"))
}

type Script = Box<dyn FnMut(&Received) -> Answer + Send>;

struct Shared {
    received: Mutex<Vec<Received>>,
    script: Mutex<Script>,
    stopping: AtomicBool,
}

/// A receiver that listens until it is dropped.
pub(crate) struct Receiver {
    shared: Arc<Shared>,
    port: u16,
    listening: Option<std::thread::JoinHandle<()>>,
}

impl Receiver {
    /// One that takes everything.
    pub(crate) fn start() -> Self {
        Self::scripted(|_| ok())
    }

    pub(crate) fn scripted(script: impl FnMut(&Received) -> Answer + Send + 'static) -> Self {
        let shared = Arc::new(Shared {
            received: Mutex::default(),
            script: Mutex::new(Box::new(script)),
            stopping: AtomicBool::new(false),
        });
        let mut receiver = Self { shared, port: free_port(), listening: None };
        receiver.listen();
        receiver
    }

    /// Listens again, after [`Self::leave`].
    pub(crate) fn listen(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).expect("the receiver's port is free");
        self.shared.stopping.store(false, Ordering::SeqCst);
        let shared = self.shared.clone();
        self.listening = Some(std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.stopping.load(Ordering::SeqCst) {
                    return;
                }
                let shared = shared.clone();
                std::thread::spawn(move || serve(&stream, &shared));
            }
        }));
    }

    /// Goes away: connections are refused, and those that are open end with their next delivery.
    pub(crate) fn leave(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(listening) = self.listening.take() {
            listening.join().expect("the receiver's thread ends well");
        }
    }

    /// From now on it answers like this.
    pub(crate) fn answer(&self, script: impl FnMut(&Received) -> Answer + Send + 'static) {
        *self.shared.script.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(script);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.shared.received.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.leave();
    }
}

fn serve(stream: &TcpStream, shared: &Shared) {
    let (Ok(input), mut output) = (stream.try_clone(), stream) else { return };
    let mut input = BufReader::new(input);
    while let Some(received) = read(&mut input) {
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let answer = (shared.script.lock().unwrap_or_else(PoisonError::into_inner))(&received);
        shared.received.lock().unwrap_or_else(PoisonError::into_inner).push(received);
        match answer {
            Answer::Status(status, headers, body) => {
                let length = body.len();
                let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {length}\r\n{headers}\r\n");
                if output.write_all(format!("{head}{body}").as_bytes()).is_err() {
                    return;
                }
            }
            Answer::Hang(time) => return std::thread::sleep(time),
            Answer::Close => return,
        }
    }
}

fn read(input: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut line = String::new();
    input.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
    let mut headers = Vec::new();
    loop {
        line.clear();
        input.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    input.read_exact(&mut body).ok()?;
    Some(Received { headers, body: String::from_utf8_lossy(&body).into_owned(), at: Instant::now() })
}
