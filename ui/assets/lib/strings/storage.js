/** Text of the storage page. */

import { many } from '../strings.js';

export const storage = {
  used: 'Used', free: 'Free', collectable: 'Could be freed', database: 'Database', of: (/** @type {string} */ whole) => `of ${whole}`, usedBar: 'Used part of the disk', blobs: (/** @type {number} */ n) => many(n, 'blob'),
  what: 'What the bytes are kept for', kinds: { live: 'Current packages', retained: 'Earlier revisions, kept', young: 'Came lately, kept for now', collectable: 'Nothing needs them', orphans: 'Left-over files', incoming: 'On their way in' },
  kindColumns: ['Kept for', 'Files', 'Size', 'Share'], counted: (/** @type {string} */ ago) => `Counted ${ago}`, trend: 'Trend', trendNone: 'Nothing was noted yet; the node does so once an hour.', now: 'now', trendLabel: (/** @type {string} */ from, /** @type {string} */ to) => `Used, from ${from} to ${to}`, trendNote: 'Packages and database, noted once an hour',
  gc: 'Freeing space', gcBody: 'The node frees by itself what retention lets go. Look first what would go now.', look: 'What would go now?', alsoRemoved: 'Also everything of removed packages', run: (/** @type {string} */ bytes) => `Free ${bytes} now`,
  runBody: (/** @type {string} */ bytes, /** @type {number} */ n) => `${many(n, 'blob')} with ${bytes} go for good. Revisions stay listed, without their bytes.`, wouldGo: (/** @type {number} */ n, /** @type {string} */ bytes) => `${many(n, 'blob')} with ${bytes} would go`, nothing: 'Nothing would go now',
  freed: (/** @type {string} */ bytes) => `${bytes} freed`, last: (/** @type {string} */ ago, /** @type {string} */ bytes) => `Last: ${ago}, ${bytes} freed`, noLast: 'Never freed anything yet', gcColumns: ['Package', 'Size', 'Why'], truncated: 'Only the first are listed', kept: 'Kept',
  failed: (/** @type {number} */ n) => `${many(n, 'left-over file')} couldn’t be looked at or removed. Mend the owner, the mode or the disk; the next run tries again.`,
  firstFailed: 'The first:',
  reasons: { superseded: 'Replaced', removed: 'Package removed', unreferenced: 'No package has it' },
  scrub: 'Verifying', scrubBody: 'Everything that is held is read and held against its digests. Damage is mended from other nodes.', start: 'Verify now', stop: 'Stop', started: 'Verifying', stopped: 'Stopped',
  states: { idle: 'At rest', running: 'Running', paused: 'Paused' }, progress: 'Verified', rate: 'Speed', finished: 'Last finished', by: 'Started by', schedule: 'Schedule', every: (/** @type {number} */ days) => (days ? `every ${many(days, 'day')}` : 'only when somebody asks'), change: 'Change',
  found: { damaged: 'Damaged', unreadable: 'Unreadable', mended: 'Mended', outlines_mended: 'Outlines mended', sha256_lies: 'False SHA-256' },
  damage: 'Damage and repair', noDamage: 'No damage was found, as far back as the journal goes', snapshot: 'Database copy', snapshotBody: 'A consistent copy of the database, as “ods backup” takes it. It holds secrets’ hashes: keep it safe.', takeSnapshot: 'Download the copy',
};
