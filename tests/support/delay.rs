//! A proxy that delays: whatever comes goes on as fast as it came, a while later, both ways.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

/// Parts that may be on their way at once; enough for a fast line.
const PARTS_MAX: usize = 4096;

/// Stands before the node at `upstream` and delays by `delay` each way; where it listens. Its threads end with the process.
pub(crate) fn before(upstream: &str, delay: Duration) -> String {
    let listener = TcpListener::bind(("127.0.0.1", super::node::free_port())).expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("a bound address"));
    let upstream = upstream.to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(node) = TcpStream::connect(&upstream) else { continue };
            let (Ok(from_client), Ok(from_node)) = (client.try_clone(), node.try_clone()) else { continue };
            carry(from_client, node, delay);
            carry(from_node, client, delay);
        }
    });
    url
}

/// Carries one way, in two threads: one notes when each part came, one waits until its time has come.
fn carry(mut from: TcpStream, mut to: TcpStream, delay: Duration) {
    let (parts, arriving) = sync_channel::<(Instant, Vec<u8>)>(PARTS_MAX);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            if parts.send((Instant::now() + delay, buffer[..count].to_vec())).is_err() {
                return;
            }
        }
    });
    std::thread::spawn(move || {
        drop(to.set_nodelay(true));
        for (due, part) in arriving {
            super::wait::pause(due.saturating_duration_since(Instant::now()));
            if to.write_all(&part).is_err() {
                break;
            }
        }
        drop(to.shutdown(Shutdown::Write));
    });
}
