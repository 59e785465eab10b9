//! What the listeners have done since start, for `/metrics`.

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    core::Collector, proto::MetricFamily,
};
use tokio::time::Instant;

/// Seconds; requests last from a look-up to a download of many gigabytes.
const DURATIONS_S: [f64; 8] = [0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 600.0];

/// The first digits of statuses, as labels.
const STATUSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// What part of the node a request is for, by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Area {
    Downloads,
    Api,
    Peers,
    /// Health and metrics themselves.
    Health,
}

impl Area {
    const ALL: [Self; 4] = [Self::Downloads, Self::Api, Self::Peers, Self::Health];

    fn of(path: &str) -> Self {
        match path.split('/').nth(1) {
            Some("api") => Self::Api,
            Some("peer") => Self::Peers,
            Some("healthz" | "readyz" | "metrics") => Self::Health,
            _ => Self::Downloads,
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Downloads => "downloads",
            Self::Api => "api",
            Self::Peers => "peers",
            Self::Health => "health",
        }
    }
}

/// Counts of connections, requests and bytes.
#[derive(Debug)]
pub(crate) struct ListenCounters {
    registry: Registry,
    connections_open: IntGauge,
    connections_accepted: IntCounter,
    connections_over_cap: IntCounter,
    connections_expired: IntCounter,
    handshakes_failed: IntCounter,
    panics: IntCounter,
    request_bytes: IntCounter,
    /// In the order of [`Area::ALL`].
    areas: [AreaSeries; 4],
}

/// What is counted of one area. All of it is there from the start, at 0, so that the first of a kind is seen as a rise.
#[derive(Debug)]
struct AreaSeries {
    in_flight: IntGauge,
    /// By the first digit of the status, from 1 to 5.
    requests: [IntCounter; 5],
    response_bytes: IntCounter,
    durations: Histogram,
}

/// A request that is being served.
#[derive(Debug, Clone, Copy)]
pub(super) struct CountedRequest {
    area: Area,
    began: Instant,
}

impl Default for ListenCounters {
    fn default() -> Self {
        let registry = Registry::new();
        let counter = |name, help| added(&registry, IntCounter::new(name, help));
        let by_area = |name, help| added(&registry, IntCounterVec::new(Opts::new(name, help), &["area"]));
        let durations = HistogramOpts::new(
            "ods_http_request_duration_seconds",
            "Time from a request's head to the last byte of its answer.",
        );
        let requests = Opts::new("ods_http_requests_total", "Requests answered, by the first digit of their status.");
        let in_flight = Opts::new("ods_http_requests_in_flight", "Requests being served now, uploads among them.");
        let in_flight = added(&registry, IntGaugeVec::new(in_flight, &["area"]));
        let requests = added(&registry, IntCounterVec::new(requests, &["area", "status"]));
        let response_bytes = by_area("ods_http_response_bytes_total", "Bytes of answers' bodies sent.");
        let durations = added(&registry, HistogramVec::new(durations.buckets(DURATIONS_S.to_vec()), &["area"]));
        let areas = Area::ALL.map(|area| AreaSeries {
            in_flight: in_flight.with_label_values(&[area.label()]),
            requests: STATUSES.map(|status| requests.with_label_values(&[area.label(), status])),
            response_bytes: response_bytes.with_label_values(&[area.label()]),
            durations: durations.with_label_values(&[area.label()]),
        });
        Self {
            connections_open: added(
                &registry,
                IntGauge::new("ods_http_connections_open", "Connections that are open now."),
            ),
            connections_accepted: counter("ods_http_connections_total", "Connections accepted."),
            connections_over_cap: counter(
                "ods_http_connections_over_cap_total",
                "Connections refused because their client had as many as it may.",
            ),
            connections_expired: counter(
                "ods_http_connections_expired_total",
                "Connections closed because their client was too slow or idle.",
            ),
            handshakes_failed: counter("ods_http_tls_handshakes_failed_total", "TLS handshakes that failed."),
            panics: counter("ods_http_panics_total", "Requests whose handler panicked; each is a mistake in ods."),
            request_bytes: counter("ods_http_request_bytes_total", "Bytes of request bodies received."),
            areas,
            registry,
        }
    }
}

/// A metric that the registry knows.
fn added<M: Collector + Clone + 'static>(registry: &Registry, metric: prometheus::Result<M>) -> M {
    let metric = metric.expect("names, labels and buckets are constants that a test has seen");
    registry.register(Box::new(metric.clone())).expect("no name is used twice");
    metric
}

impl ListenCounters {
    pub(super) fn connection_opened(&self) {
        self.connections_accepted.inc();
        self.connections_open.inc();
    }

    pub(super) fn connection_closed(&self) {
        self.connections_open.dec();
    }

    pub(super) fn connection_over_cap(&self) {
        self.connections_over_cap.inc();
    }

    pub(super) fn connection_expired(&self) {
        self.connections_expired.inc();
    }

    pub(super) fn handshake_failed(&self) {
        self.handshakes_failed.inc();
    }

    pub(super) fn panicked(&self) {
        self.panics.inc();
    }

    /// What counts the bytes of request bodies.
    pub(super) fn request_bytes(&self) -> IntCounter {
        self.request_bytes.clone()
    }

    /// A request for `path` begins; it ends with [`Self::answered`].
    pub(super) fn began(&self, path: &str, now: Instant) -> CountedRequest {
        let area = Area::of(path);
        self.series(area).in_flight.inc();
        CountedRequest { area, began: now }
    }

    /// Some of its answer's body goes out: counted at once, since a long answer may take hours.
    pub(super) fn sent(&self, request: CountedRequest, bytes: u64) {
        self.series(request.area).response_bytes.inc_by(bytes);
    }

    /// It is answered to the end, or given up.
    pub(super) fn answered(&self, request: CountedRequest, status: u16, now: Instant) {
        let AreaSeries { in_flight, requests, durations, .. } = self.series(request.area);
        if let Some(requests) = requests.get(usize::from(status / 100).wrapping_sub(1)) {
            requests.inc();
        }
        durations.observe((now - request.began).as_secs_f64());
        in_flight.dec();
    }

    fn series(&self, area: Area) -> &AreaSeries {
        &self.areas[area as usize]
    }

    /// Connections now open.
    pub(crate) fn open_connections(&self) -> i64 {
        self.connections_open.get()
    }

    /// All counts.
    pub(crate) fn families(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }

    /// The counts in the Prometheus text format.
    #[cfg(test)]
    pub(crate) fn prometheus(&self) -> String {
        prometheus::TextEncoder::new().encode_to_string(&self.families()).expect("every family has a value")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_appear_under_their_names() {
        let counters = ListenCounters::default();
        counters.connection_opened();
        let now = Instant::now();
        let first = counters.began("/Packages/a.pkg", now);
        counters.sent(first, 4);
        let begun = counters.prometheus();
        assert!(begun.contains("ods_http_response_bytes_total{area=\"downloads\"} 4\n"), "{begun}");
        counters.sent(first, 6);
        counters.answered(first, 206, now);
        let second = counters.began("/api/v1/node", now);
        counters.sent(second, 5);
        counters.answered(second, 404, now);
        counters.began("/api/v1/node", now);
        let text = counters.prometheus();
        for expected in [
            "# TYPE ods_http_connections_open gauge\nods_http_connections_open 1\n",
            "ods_http_requests_total{area=\"downloads\",status=\"2xx\"} 1\n",
            "ods_http_requests_total{area=\"api\",status=\"4xx\"} 1\n",
            "ods_http_requests_total{area=\"peers\",status=\"5xx\"} 0\n",
            "ods_http_response_bytes_total{area=\"downloads\"} 10\n",
            "ods_http_requests_in_flight{area=\"api\"} 1\n",
            "ods_http_requests_in_flight{area=\"downloads\"} 0\n",
            "ods_http_request_duration_seconds_count{area=\"downloads\"} 1\n",
        ] {
            assert!(text.contains(expected), "{expected} is missing in\n{text}");
        }
    }

    #[test]
    fn paths_belong_to_areas() {
        for (path, area) in [
            ("/", Area::Downloads),
            ("*", Area::Downloads),
            ("/Packages/api/x", Area::Downloads),
            ("/api/v1/node", Area::Api),
            ("/apis", Area::Downloads),
            ("/peer/v1/ping", Area::Peers),
            ("/healthz", Area::Health),
            ("/metrics", Area::Health),
        ] {
            assert_eq!(Area::of(path), area, "{path}");
        }
    }
}
