//! `/metrics`: the node in numbers, in the Prometheus text format. Every family is in the table of `api/README.md`; a test
//! holds them together.
//!
//! What happened is counted where it happens ([`ListenCounters`]); what is there is read at each question.

use std::sync::PoisonError;

use ods_api::{PeerState, PeerStatuses};
use ods_store::{Overview, UnixMillis};
use prometheus::{IntGauge, IntGaugeVec, Opts, Registry, TextEncoder, core::Collector, proto::MetricFamily};

use super::care_metrics::{self, Care};
use crate::listen::ListenCounters;

/// The media type of what [`text`] gives.
pub(super) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

const START_TIME: &str = "process_start_time_seconds";

/// Everything, as text, of a node that was started then.
pub(super) fn text(
    counters: &ListenCounters,
    overview: &Overview,
    peers: &PeerStatuses,
    care: &Care,
    started: UnixMillis,
) -> prometheus::Result<String> {
    let mut families = counters.families();
    families.extend(of_store(overview)?);
    families.extend(of_peers(peers)?);
    families.extend(care_metrics::families(care)?);
    let start = IntGauge::new(START_TIME, "When the node was started.")?;
    start.set(i64::try_from(started.get() / 1000).unwrap_or(i64::MAX));
    families.extend(start.collect());
    families.extend(of_process());
    TextEncoder::new().encode_to_string(&families)
}

fn of_store(overview: &Overview) -> prometheus::Result<Vec<MetricFamily>> {
    let registry = Registry::new();
    let build = IntGaugeVec::new(Opts::new("ods_build_info", "Always 1; the version is a label."), &["version"])?;
    build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
    registry.register(Box::new(build))?;
    for (name, value, help) in [
        ("ods_packages", overview.packages, "Packages listed."),
        ("ods_log_events", overview.log_events, "Events held, of this node and all others."),
        ("ods_log_head_lsn", overview.head.get(), "The last place given out in log and journal."),
        ("ods_blobs", overview.blobs, "Blobs held whole."),
        ("ods_blob_bytes", overview.blob_bytes, "Bytes of the blobs held whole."),
        ("ods_wants", overview.wants.count, "Blobs that should be here and aren't yet."),
        ("ods_want_bytes", overview.wants.bytes, "Bytes of the blobs that should be here and aren't yet."),
        ("ods_storage_free_bytes", overview.free_bytes, "Bytes free on the disk of the data folder."),
    ] {
        let gauge = IntGauge::new(name, help)?;
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        registry.register(Box::new(gauge))?;
    }
    Ok(registry.gather())
}

fn of_peers(peers: &PeerStatuses) -> prometheus::Result<Vec<MetricFamily>> {
    let registry = Registry::new();
    let states = IntGaugeVec::new(Opts::new("ods_peers", "Peers, by how it stands with them."), &["state"])?;
    for state in PeerState::ALL {
        states.with_label_values(&[state.as_str()]);
    }
    let by_peer = |name, help| IntGaugeVec::new(Opts::new(name, help), &["peer"]);
    let connected = by_peer("ods_peer_connected", "Whether the peer answered the last request.")?;
    let events = by_peer("ods_peer_behind_events", "Events that the peer has and this node lacks.")?;
    let bytes = by_peer("ods_peer_behind_bytes", "Bytes that the peer has and this node wants.")?;
    let seen = by_peer("ods_peer_last_seen_timestamp_seconds", "When the peer last gave a sign of life.")?;
    for (node, status) in &*peers.read().unwrap_or_else(PoisonError::into_inner) {
        states.with_label_values(&[status.state.as_str()]).inc();
        let node = node.to_string();
        connected.with_label_values(&[&node]).set(i64::from(status.state == PeerState::Connected));
        let set = |gauge: &IntGaugeVec, value: Option<u64>| {
            if let Some(value) = value {
                gauge.with_label_values(&[&node]).set(i64::try_from(value).unwrap_or(i64::MAX));
            }
        };
        set(&events, status.behind_events);
        set(&bytes, status.behind_bytes);
        set(&seen, status.last_seen.map(|at| at.get() / 1000));
    }
    for gauge in [states, connected, events, bytes, seen] {
        registry.register(Box::new(gauge))?;
    }
    Ok(registry.gather())
}

/// CPU, memory and open files, as every program for Prometheus names them. Not the start: the library asks `/proc/stat`, which
/// a locked-in service doesn't see.
#[cfg(target_os = "linux")]
fn of_process() -> Vec<MetricFamily> {
    let mut families = prometheus::process_collector::ProcessCollector::for_self().collect();
    families.retain(|family| family.name() != START_TIME);
    families
}

#[cfg(not(target_os = "linux"))]
fn of_process() -> Vec<MetricFamily> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Arc};

    use ods_api::PeerStatus;
    use ods_store::{LocalDisk, NodeId, Store, StoreOptions};

    use super::*;

    /// A node with one peer, which was seen.
    fn all() -> String {
        let folder = tempfile::tempdir().unwrap();
        let options = StoreOptions { cache_bytes: 1 << 20, entropy: [7; 32], name: "test".to_owned() };
        let store = Store::open(Arc::new(LocalDisk::new()), folder.path(), &options).unwrap();
        let peers = PeerStatuses::default();
        let status = PeerStatus {
            state: PeerState::Connected,
            last_seen: Some(UnixMillis::new(1_700_000_000_500)),
            behind_events: Some(3),
            behind_bytes: Some(1 << 33),
            error: None,
        };
        peers.write().unwrap().insert(NodeId::from_bytes([1; 32]), status);
        let care = care_metrics::CareCounters::after(store.head()).read(&store).unwrap();
        let started = UnixMillis::new(1_600_000_000_000);
        text(&ListenCounters::default(), &store.overview().unwrap(), &peers, &care, started).unwrap()
    }

    #[test]
    fn every_family_is_documented_and_nothing_else_is() {
        let text = all();
        let shown: BTreeMap<&str, &str> =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
        let document = include_str!("../../api/README.md");
        let rows = document.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let documented: BTreeMap<&str, &str> = rows
            .filter(|(name, _)| name.starts_with("ods_") || name.starts_with("process_"))
            // Those of the process are for Linux only.
            .filter(|(name, _)| cfg!(target_os = "linux") || name.starts_with("ods_") || *name == START_TIME)
            .filter_map(|(name, rest)| Some((name.split('{').next()?, rest.split('|').nth(1)?.trim())))
            .collect();
        assert_eq!(documented, shown, "the table of api/README.md, left, and what is shown, right");
    }

    #[test]
    fn every_family_says_what_it_means() {
        let text = all();
        let named = |prefix: &str| -> Vec<String> {
            let lines = text.lines().filter_map(|line| line.strip_prefix(prefix));
            lines.filter_map(|line| line.split(' ').next().map(str::to_owned)).collect()
        };
        assert_eq!(named("# HELP "), named("# TYPE "));
        assert!(!named("# TYPE ").is_empty());
    }

    #[test]
    fn peers_are_counted_and_their_lag_is_told() {
        let text = all();
        let node = NodeId::from_bytes([1; 32]);
        for line in [
            "ods_peers{state=\"connected\"} 1".to_owned(),
            "ods_peers{state=\"unreachable\"} 0".to_owned(),
            "process_start_time_seconds 1600000000".to_owned(),
            format!("ods_peer_connected{{peer=\"{node}\"}} 1"),
            format!("ods_peer_behind_events{{peer=\"{node}\"}} 3"),
            format!("ods_peer_behind_bytes{{peer=\"{node}\"}} 8589934592"),
            format!("ods_peer_last_seen_timestamp_seconds{{peer=\"{node}\"}} 1700000000"),
        ] {
            assert!(text.lines().any(|one| one == line), "{line} is missing in\n{text}");
        }
    }
}
