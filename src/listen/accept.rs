//! The accept loop of one listener.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};

use super::{
    Shared,
    bind::tune,
    caps::{Place, Seat},
    connection::{Surroundings, serve},
    limits::{ACCEPT_PAUSE_MAX, ACCEPT_PAUSE_MIN},
    pulse::PulsePoint,
};

/// Accepts connections until the drain begins; the socket closes then.
pub(super) async fn accept_loop(listener: TcpListener, around: Surroundings, pulse: PulsePoint) {
    let drain = around.shared.drain.clone();
    tokio::select! {
        () = drain.cancelled() => {}
        () = accept_for_ever(listener, around) => {}
        () = pulse.answer() => {}
    }
}

async fn accept_for_ever(listener: TcpListener, around: Surroundings) {
    let mut pause = AcceptPause::default();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                pause = AcceptPause::default();
                welcome(stream, peer, &around).await;
            }
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => sleep(pause.next(&error)).await,
        }
    }
}

/// Serves a connection once there is room for it; nobody makes any for one that is refused, says nothing, or left.
async fn welcome(stream: TcpStream, peer: SocketAddr, around: &Surroundings) {
    let Surroundings { shared, .. } = around;
    let peer = peer.ip().to_canonical();
    let Some(place) = place(peer, shared) else {
        shared.counters.connection_over_cap();
        tracing::debug!(%peer, "a connection is refused: this client has as many as it may");
        return;
    };
    tune(&stream);
    match shared.caps.admit_now(place) {
        Ok(permit) => drop(shared.tasks.spawn(serve(stream, peer, permit, around.clone()))),
        Err(place) => {
            let Some(seat) = shared.caps.seat().await else { return };
            shared.tasks.spawn(wait(stream, peer, (place, seat), around.clone()));
        }
    }
}

/// Waits for room, beside others, until the drain begins.
async fn wait(stream: TcpStream, peer: IpAddr, (place, seat): (Place, Seat), around: Surroundings) {
    let admitted = around.shared.drain.run_until_cancelled(around.shared.caps.admit(place, &stream)).await;
    drop(seat);
    match admitted {
        Some(Some(permit)) => serve(stream, peer, permit, around).await,
        Some(None) => tracing::debug!(%peer, "a client that waited for room said nothing, or left"),
        None => {}
    }
}

fn place(peer: IpAddr, shared: &Shared) -> Option<Place> {
    if shared.proxies.contains(peer) { Some(Place::of_proxy()) } else { shared.caps.place(peer) }
}

/// Whether the error is the accepted connection's own, so that the next one may be fine.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
            | io::ErrorKind::TimedOut
    )
}

/// The growing pause while accepting fails, as when the process has no file handles left.
#[derive(Debug, Default)]
struct AcceptPause {
    last: Option<Duration>,
}

impl AcceptPause {
    fn next(&mut self, error: &io::Error) -> Duration {
        if self.last.is_none() {
            tracing::error!(%error, "connections can't be accepted for now; are there too many open files?");
        }
        let pause = self.last.map_or(ACCEPT_PAUSE_MIN, |last| (last * 2).min(ACCEPT_PAUSE_MAX));
        self.last = Some(pause);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_after_failed_accepts_grows_to_its_bound() {
        let mut pause = AcceptPause::default();
        let error = io::Error::from_raw_os_error(24);
        let pauses: Vec<_> = (0..8).map(|_| pause.next(&error).as_millis()).collect();
        assert_eq!(pauses, [20, 40, 80, 160, 320, 640, 1000, 1000]);
    }

    #[test]
    fn a_client_that_gave_up_in_the_queue_costs_no_pause() {
        assert!(concerns_one_connection(&io::ErrorKind::ConnectionAborted.into()));
        assert!(!concerns_one_connection(&io::ErrorKind::OutOfMemory.into()));
    }
}
