//! Space: usage and runs of gc.

use ods_store::{GcItem, GcMode, GcReport, GoneReason, LastGc, StorageView, Tally, Usage};

use super::timestamp;
use crate::types::{
    FilesView, GcFailedView, GcItemView, GcView, KeptView, LastGcView, StorageUsageView, TallyView, UnkeptView,
    UsageNoteView,
};

/// Where the bytes are.
pub(crate) fn storage(view: &StorageView) -> StorageUsageView {
    let last_gc =
        |last: LastGc| LastGcView { at: timestamp(last.at), blobs: last.blobs.count, bytes: last.blobs.bytes };
    StorageUsageView {
        blobs: tally(view.blobs),
        live: tally(view.kept.live),
        retained: tally(view.kept.retained),
        young: tally(view.kept.young),
        collectable: tally(view.collectable),
        orphans: files(view.orphans),
        counted_at: timestamp(view.counted_at),
        incoming: files(view.incoming),
        database_bytes: view.database_bytes,
        free_bytes: view.free_bytes,
        last_gc: view.last_gc.map(last_gc),
        policy: super::policy::view(&view.policy),
        unkept: UnkeptView {
            held: tally(view.evicted.unkept),
            gone: tally(view.evicted.gone),
            held_back: tally(view.evicted.held_back),
        },
    }
}

/// What was held at one time.
pub(crate) fn usage_note(usage: &Usage) -> UsageNoteView {
    UsageNoteView {
        at: timestamp(usage.at),
        blobs: TallyView { count: usage.blobs, bytes: usage.blob_bytes },
        database_bytes: usage.database_bytes,
        free_bytes: usage.free_bytes,
    }
}

/// What a run of gc did.
pub(crate) fn gc(report: GcReport) -> GcView {
    let (truncated, kept) = (report.is_truncated(), report.kept);
    GcView {
        dry_run: report.mode == GcMode::DryRun,
        blobs: report.blobs.count,
        bytes: report.blobs.bytes,
        orphans: files(report.orphans),
        kept: KeptView { live: kept.live.count, retained: kept.retained.count, young: kept.young.count },
        items: report.items.into_iter().map(gc_item).collect(),
        truncated,
        failed: GcFailedView { count: report.failed.count, first: report.failed.first },
    }
}

fn gc_item(item: GcItem) -> GcItemView {
    let (path, revision) = item.revision.unzip();
    let reason = match item.reason {
        GoneReason::Superseded => "superseded",
        GoneReason::Removed => "removed",
        GoneReason::Unreferenced => "unreferenced",
    };
    GcItemView {
        blob: item.blob.to_string(),
        size: item.size,
        path,
        revision: revision.map(|id| id.to_string()),
        revisions: item.revisions,
        reason: reason.to_owned(),
    }
}

fn tally(tally: Tally) -> TallyView {
    TallyView { count: tally.count, bytes: tally.bytes }
}

fn files(tally: Tally) -> FilesView {
    FilesView { files: tally.count, bytes: tally.bytes }
}
