//! One connection: handshake, protocol, watchdog, goodbye.

use std::{io, net::IpAddr, pin::pin, sync::Arc};

use axum::Router;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto,
};
use ods_api::FileSlices;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    time::{Instant, sleep, sleep_until},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

#[cfg(target_os = "linux")]
use super::slicing::SlicingStream;
use super::{
    Shared,
    activity::{Activity, Expired, Verdict},
    caps::ConnectionPermit,
    crowd::Crowd,
    limits::{
        CONNECTION_WINDOW_BYTES, DEAD_PEER_PROBE, REQUEST_HEAD_BYTES_MAX, STREAM_WINDOW_BYTES,
        STREAMS_PER_CONNECTION_MAX,
    },
    service::ConnectionService,
    stream::WatchedStream,
    unreadable::Explaining,
};
use crate::stream_tasks::StreamTasks;

/// What a connection needs from its listener.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) router: Router,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) shared: Arc<Shared>,
}

/// Serves a connection from `peer` to its end, or until all connections are cut.
pub(super) async fn serve(stream: TcpStream, peer: IpAddr, permit: ConnectionPermit, around: Surroundings) {
    let counters = around.shared.counters.clone();
    counters.connection_opened();
    let cut = around.shared.cut.clone();
    cut.run_until_cancelled(shake_hands(stream, peer, permit, around)).await;
    counters.connection_closed();
}

async fn shake_hands(stream: TcpStream, peer: IpAddr, permit: ConnectionPermit, around: Surroundings) {
    let Some(tls) = around.tls.clone() else {
        return converse_plainly(stream, peer, permit, around).await;
    };
    let in_time = async {
        tokio::select! {
            encrypted = encrypt(stream, &tls) => Ok(encrypted),
            () = handshake_timeout(&around.shared) => Err(()),
        }
    };
    match around.shared.drain.run_until_cancelled(in_time).await {
        Some(Ok(Ok(stream))) => converse(stream, None, peer, permit, around).await,
        Some(Ok(Err(error))) => {
            around.shared.counters.handshake_failed();
            tracing::debug!(%peer, %error, "a TLS handshake failed");
        }
        Some(Err(())) => {
            around.shared.counters.handshake_failed();
            tracing::debug!(%peer, "a TLS handshake took too long");
        }
        None => {}
    }
}

/// Returns once a handshake that begins now takes too long; sooner while others wait for a connection.
async fn handshake_timeout(shared: &Shared) {
    let (began, limits, mut crowd) = (Instant::now(), shared.limits, shared.caps.crowd());
    loop {
        let crowded = *crowd.borrow_and_update() >= Crowd::Waits;
        let limit = if crowded { limits.crowded_head_timeout } else { limits.tls_handshake_timeout };
        tokio::select! {
            () = sleep_until(began + limit) => return,
            Ok(()) = crowd.changed() => {}
        }
    }
}

/// What a client gets that speaks HTTP without TLS here.
const PLAIN_HTTP_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n\
    this address takes https:// only\n";

async fn encrypt(mut stream: TcpStream, tls: &TlsAcceptor) -> io::Result<TlsStream<TcpStream>> {
    let mut first = [0];
    // A TLS record starts with its type; a letter is the start of a plain request's method.
    if stream.peek(&mut first).await? == 1 && first[0].is_ascii_uppercase() {
        // Read, since closing with unread bytes may take the answer back.
        let mut request = vec![0; REQUEST_HEAD_BYTES_MAX];
        let _bytes = stream.read(&mut request).await?;
        stream.write_all(PLAIN_HTTP_ANSWER).await?;
        stream.shutdown().await?;
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the client spoke HTTP without TLS"));
    }
    tls.accept(stream).await
}

#[cfg(target_os = "linux")]
async fn converse_plainly(stream: TcpStream, peer: IpAddr, permit: ConnectionPermit, around: Surroundings) {
    let slices = FileSlices::new();
    converse(SlicingStream::new(stream, slices.clone()), Some(slices), peer, permit, around).await;
}

#[cfg(not(target_os = "linux"))]
async fn converse_plainly(stream: TcpStream, peer: IpAddr, permit: ConnectionPermit, around: Surroundings) {
    converse(stream, None, peer, permit, around).await;
}

/// With `slices`, the stream must know the placeholders of what is queued there.
async fn converse<S>(
    stream: S,
    slices: Option<FileSlices>,
    peer: IpAddr,
    permit: ConnectionPermit,
    around: Surroundings,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Surroundings { router, shared, tls } = around;
    let encrypted = tls.is_some();
    let activity = Arc::new(Activity::new(Instant::now()));
    let mut watchdog = Watchdog { activity: activity.clone(), crowd: shared.caps.crowd(), shared: shared.clone() };
    let io =
        TokioIo::new(Explaining::new(WatchedStream::new(stream, activity.clone(), permit), activity.clone(), peer));
    let service =
        ConnectionService { router, shared: shared.clone(), activity: activity.clone(), peer, encrypted, slices };
    // Streams of an HTTP/2 connection end with it, also when it is dropped.
    let cut = shared.cut.child_token();
    let _cut_streams = cut.clone().drop_guard();
    let protocol = protocol(StreamTasks::new(shared.tasks.clone(), cut));
    let mut connection = pin!(protocol.serve_connection_with_upgrades(io, service));
    let mut leaving = false;
    loop {
        let expired = tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, error, "a connection failed");
                }
                return;
            }
            () = shared.drain.cancelled(), if !leaving => Expired::Idle,
            expired = watchdog.expired() => expired,
        };
        if expired != Expired::Idle || leaving {
            shared.counters.connection_expired();
            tracing::debug!(%peer, ?expired, "a connection is closed");
            return;
        }
        leaving = activity.leave(Instant::now());
        connection.as_mut().graceful_shutdown();
    }
}

/// Tells when a connection has used up one of its times.
struct Watchdog {
    activity: Arc<Activity>,
    crowd: watch::Receiver<Crowd>,
    shared: Arc<Shared>,
}

impl Watchdog {
    async fn expired(&mut self) -> Expired {
        loop {
            let crowd = *self.crowd.borrow_and_update();
            let pause = match self.activity.verdict(&self.shared.limits, crowd, Instant::now()) {
                Verdict::Close(expired) => return expired,
                Verdict::Fine(pause) => pause,
            };
            tokio::select! {
                () = sleep(pause) => {}
                Ok(()) = self.crowd.changed() => {}
            }
        }
    }
}

fn protocol(streams: StreamTasks) -> auto::Builder<StreamTasks> {
    let mut builder = auto::Builder::new(streams);
    // The watchdog has the timeouts for both protocols, and for the time before either is known.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(REQUEST_HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .max_header_list_size(u32::try_from(REQUEST_HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(DEAD_PEER_PROBE)
        .keep_alive_timeout(DEAD_PEER_PROBE);
    builder
}
