//! Watches.

use ods_store::{UnixMillis, WatchMode, WatchRow, WatchSettings};

use super::timestamp;
use crate::settings_handle::SettingSource;
use crate::types::{PauseView, RefusedView, SettlingView, TakenView, WatchModeName, WatchView};
use crate::watch_handle::{ConfiguredWatch, WatchPause, WatchState, WatchStatus};

impl From<WatchModeName> for WatchMode {
    fn from(name: WatchModeName) -> Self {
        match name {
            WatchModeName::Keep => Self::Keep,
            WatchModeName::Consume => Self::Consume,
            WatchModeName::Mirror => Self::Mirror,
        }
    }
}

/// A watch that was made here, and how it is doing.
pub(crate) fn watch(row: WatchRow, status: Option<WatchStatus>) -> WatchView {
    WatchView {
        source: "stored".to_owned(),
        version: Some(row.version),
        created_at: Some(timestamp(row.created_at)),
        created_by: Some(row.by),
        ..view(row.id.to_string(), row.settings, status)
    }
}

/// A watch that the configuration names, and how it is doing.
pub(crate) fn configured_watch(watch: &ConfiguredWatch, status: Option<WatchStatus>) -> WatchView {
    let source = match watch.source {
        SettingSource::Flag => "flag",
        SettingSource::Environment => "environment",
        SettingSource::File => "file",
        SettingSource::Stored => "stored",
        SettingSource::Default => "default",
    };
    WatchView {
        source: source.to_owned(),
        place: Some(watch.place.clone()),
        ..view(watch.id.to_string(), watch.settings.clone(), status)
    }
}

fn view(id: String, settings: WatchSettings, status: Option<WatchStatus>) -> WatchView {
    let idle = if settings.enabled { "starting" } else { "off" };
    let mut view = WatchView {
        id,
        folder: settings.folder,
        prefix: settings.prefix,
        tags: settings.tags,
        mode: settings.mode.as_str().to_owned(),
        settle_s: settings.settle_s,
        rescan_s: settings.rescan_s,
        enabled: settings.enabled,
        source: String::new(),
        place: None,
        left: None,
        version: None,
        created_at: None,
        created_by: None,
        state: idle.to_owned(),
        reason: None,
        pause: None,
        last_scan_at: None,
        files: 0,
        settling: Vec::new(),
        taken: Vec::new(),
        refused: Vec::new(),
        superseded: Vec::new(),
    };
    if let Some(status) = status.filter(|_| settings.enabled) {
        show(&mut view, status);
    }
    view
}

/// What a watch waits for, and what to do if that doesn't come.
const WAITING: &str = "nothing is published before this node has caught up with a peer once since it started, for the folder may \
                       hold what was replaced or removed elsewhere meanwhile; `ods peer list` says how they \
                       stand, and a watch doesn't wait for paused or removed ones";

fn show(view: &mut WatchView, status: WatchStatus) {
    let (state, reason, pause) = match status.state {
        WatchState::Waiting => ("waiting", Some(WAITING.to_owned()), None),
        WatchState::Watching => ("watching", None, None),
        WatchState::Paused(pause) => ("paused", Some(pause.reason.clone()), Some(pause_view(pause))),
        WatchState::Failing { reason } => ("failing", Some(reason), None),
    };
    state.clone_into(&mut view.state);
    (view.reason, view.pause) = (reason, pause);
    view.last_scan_at = status.last_scan_at.map(timestamp);
    view.files = status.files;
    let settling = status.settling.into_iter();
    view.settling = settling.map(|file| SettlingView { file: file.file, bytes: file.bytes }).collect();
    let taken = status.taken.into_iter();
    view.taken = taken
        .map(|file| TakenView {
            file: file.file,
            path: file.path.to_string(),
            revision: file.revision.to_string(),
            at: timestamp(file.at),
        })
        .collect();
    let refused = status.refused.into_iter();
    view.refused =
        refused.map(|file| RefusedView { file: file.file, code: file.code.to_owned(), reason: file.reason }).collect();
    view.superseded = status.superseded;
}

fn pause_view(pause: WatchPause) -> PauseView {
    let since: UnixMillis = pause.since;
    PauseView {
        since: timestamp(since),
        missing: pause.missing,
        published: pause.published,
        files: pause.files,
        missing_digest: pause.digest.map(|digest| digest.to_string()),
    }
}
