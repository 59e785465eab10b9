//! A bad line, or a bad peer: a proxy in front of a node that spoils what the node answers.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::bytes::Generated;

/// What becomes of a node's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// They pass.
    Honest,
    /// Nonsense instead, whatever is asked.
    Garbage,
    /// Every byte whose place on the connection is a multiple of this is another.
    FlipEvery(u64),
    /// The connection breaks after this many bytes.
    BreakAfter(u64),
    /// Not a byte more after this many, and the connection stays open.
    StallAfter(u64),
    /// The connection breaks after this many bytes of requests.
    CutRequestsAfter(u64),
    /// The connection breaks in place of the answer to the next request of this method, which the node did get; after
    /// that answers pass.
    LoseAnswerTo(&'static str),
}

/// A running proxy. Its threads end with the test's process.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    manner: Arc<Mutex<Manner>>,
    passed: Arc<AtomicU64>,
}

impl Proxy {
    /// Stands before the node at `upstream`.
    pub(crate) fn before(upstream: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", super::node::free_port())).expect("a free port");
        let port = listener.local_addr().expect("a bound address").port();
        let manner = Arc::new(Mutex::new(Manner::Honest));
        let passed = Arc::new(AtomicU64::new(0));
        let (upstream, shared, counted) = (upstream.to_owned(), manner.clone(), passed.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (upstream, shared, counted) = (upstream.clone(), shared.clone(), counted.clone());
                // What breaks on the way is what the test is about.
                std::thread::spawn(move || drop(carry(&client, &upstream, &shared, &counted)));
            }
        });
        Self { port, manner, passed }
    }

    /// Bytes of the node's answers so far, on all connections.
    pub(crate) fn passed(&self) -> u64 {
        self.passed.load(Ordering::SeqCst)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What becomes of answers now.
    pub(crate) fn manner(&self) -> Manner {
        *self.manner.lock().expect("no thread of the proxy panics")
    }

    /// From now on, on new connections and those there are.
    pub(crate) fn set(&self, manner: Manner) {
        *self.manner.lock().expect("no thread of the proxy panics") = manner;
    }
}

fn carry(client: &TcpStream, upstream: &str, manner: &Arc<Mutex<Manner>>, counted: &AtomicU64) -> io::Result<()> {
    let node = TcpStream::connect(upstream)?;
    let (from_client, to_node) = (client.try_clone()?, node.try_clone()?);
    let lost = Arc::new(AtomicBool::new(false));
    let (shared, noted) = (manner.clone(), lost.clone());
    std::thread::spawn(move || {
        drop(requests(&from_client, &to_node, &shared, &noted));
        drop(to_node.shutdown(Shutdown::Write));
    });
    let outcome = answers(&node, client, (manner, &lost), counted);
    drop(client.shutdown(Shutdown::Both));
    drop(node.shutdown(Shutdown::Both));
    outcome
}

/// Passes requests on, and notes when one comes whose answer is to be lost. A client that waits for each answer begins each
/// request with a write of its own.
fn requests(
    mut client: &TcpStream,
    mut node: &TcpStream,
    manner: &Arc<Mutex<Manner>>,
    lost: &AtomicBool,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    let mut passed: u64 = 0;
    loop {
        let count = client.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        let now = *manner.lock().expect("no thread of the proxy panics");
        if matches!(now, Manner::CutRequestsAfter(limit) if passed >= limit) {
            return client.shutdown(Shutdown::Both);
        }
        passed += u64::try_from(count).expect("a buffer's length fits");
        {
            let mut now = manner.lock().expect("no thread of the proxy panics");
            if matches!(*now, Manner::LoseAnswerTo(method) if buffer[..count].starts_with(method.as_bytes())) {
                *now = Manner::Honest;
                lost.store(true, Ordering::SeqCst);
            }
        }
        node.write_all(&buffer[..count])?;
    }
}

fn answers(
    mut node: &TcpStream,
    mut client: &TcpStream,
    (manner, lost): (&Arc<Mutex<Manner>>, &AtomicBool),
    counted: &AtomicU64,
) -> io::Result<()> {
    let mut passed: u64 = 0;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = node.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        if lost.load(Ordering::SeqCst) {
            return Ok(());
        }
        let bytes = &mut buffer[..count];
        let count = u64::try_from(count).expect("a buffer's length fits");
        let mut pass = |bytes: &[u8]| {
            // Counted first: what has arrived is counted, however long this thread has to wait for its next turn.
            counted.fetch_add(count, Ordering::SeqCst);
            client.write_all(bytes)
        };
        let now = *manner.lock().expect("no thread of the proxy panics");
        match now {
            Manner::Garbage => return client.write_all(&Generated::new(passed, 4000).all()),
            Manner::FlipEvery(step) => {
                for (place, byte) in (passed..).zip(bytes.iter_mut()) {
                    *byte ^= u8::from(place % step == step - 1);
                }
                pass(bytes)?;
            }
            Manner::BreakAfter(limit) if passed >= limit => return Ok(()),
            Manner::StallAfter(limit) if passed >= limit => stall_while(manner, now),
            Manner::Honest
            | Manner::BreakAfter(_)
            | Manner::StallAfter(_)
            | Manner::CutRequestsAfter(_)
            | Manner::LoseAnswerTo(_) => pass(bytes)?,
        }
        passed += count;
    }
}

fn stall_while(manner: &Arc<Mutex<Manner>>, now: Manner) {
    while *manner.lock().expect("no thread of the proxy panics") == now {
        super::wait::pause(std::time::Duration::from_millis(50));
    }
}
