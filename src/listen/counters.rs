//! What the listeners have done since start, for `/metrics`.

use std::{
    fmt::Write,
    sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
};

/// Counts of connections, requests and bytes.
#[derive(Debug, Default)]
pub(crate) struct ListenCounters {
    connections_open: AtomicI64,
    connections_accepted: AtomicU64,
    connections_over_cap: AtomicU64,
    connections_expired: AtomicU64,
    handshakes_failed: AtomicU64,
    panics: AtomicU64,
    /// By the first digit of the status.
    requests: [AtomicU64; 6],
    response_bytes: AtomicU64,
}

impl ListenCounters {
    pub(super) fn connection_opened(&self) {
        self.connections_accepted.fetch_add(1, Relaxed);
        self.connections_open.fetch_add(1, Relaxed);
    }

    pub(super) fn connection_closed(&self) {
        self.connections_open.fetch_sub(1, Relaxed);
    }

    pub(super) fn connection_over_cap(&self) {
        self.connections_over_cap.fetch_add(1, Relaxed);
    }

    pub(super) fn connection_expired(&self) {
        self.connections_expired.fetch_add(1, Relaxed);
    }

    pub(super) fn handshake_failed(&self) {
        self.handshakes_failed.fetch_add(1, Relaxed);
    }

    pub(super) fn panicked(&self) {
        self.panics.fetch_add(1, Relaxed);
    }

    pub(super) fn answered(&self, status: u16, bytes: u64) {
        if let Some(count) = self.requests.get(usize::from(status / 100)) {
            count.fetch_add(1, Relaxed);
        }
        self.response_bytes.fetch_add(bytes, Relaxed);
    }

    /// Connections now open.
    pub(crate) fn open_connections(&self) -> i64 {
        self.connections_open.load(Relaxed)
    }

    /// The counts in the Prometheus text format.
    pub(crate) fn prometheus(&self) -> String {
        let mut text = String::new();
        line(&mut text, "ods_http_connections_open", "gauge", self.connections_open.load(Relaxed));
        for (name, count) in [
            ("ods_http_connections_total", &self.connections_accepted),
            ("ods_http_connections_over_cap_total", &self.connections_over_cap),
            ("ods_http_connections_expired_total", &self.connections_expired),
            ("ods_http_tls_handshakes_failed_total", &self.handshakes_failed),
            ("ods_http_panics_total", &self.panics),
            ("ods_http_response_bytes_total", &self.response_bytes),
        ] {
            line(&mut text, name, "counter", count.load(Relaxed));
        }
        text.push_str("# TYPE ods_http_requests_total counter\n");
        for (digit, count) in self.requests.iter().enumerate().skip(1) {
            write_line(
                &mut text,
                format_args!("ods_http_requests_total{{status=\"{digit}xx\"}} {}\n", count.load(Relaxed)),
            );
        }
        text
    }
}

fn line(text: &mut String, name: &str, kind: &str, value: impl std::fmt::Display) {
    write_line(text, format_args!("# TYPE {name} {kind}\n{name} {value}\n"));
}

fn write_line(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).expect("writing to a string does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_appear_under_their_names() {
        let counters = ListenCounters::default();
        counters.connection_opened();
        counters.answered(206, 10);
        counters.answered(404, 5);
        let text = counters.prometheus();
        for expected in [
            "# TYPE ods_http_connections_open gauge\nods_http_connections_open 1\n",
            "ods_http_requests_total{status=\"2xx\"} 1\n",
            "ods_http_requests_total{status=\"4xx\"} 1\n",
            "ods_http_requests_total{status=\"5xx\"} 0\n",
            "ods_http_response_bytes_total 15\n",
        ] {
            assert!(text.contains(expected), "{expected} is missing in\n{text}");
        }
    }
}
