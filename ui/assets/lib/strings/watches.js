/** Text of the page of watched folders. */

import { many } from '../strings.js';

export const watches = {
  add: 'Watch a folder', none: 'No watched folders', noneBody: 'Files that are copied into a watched folder are published once they are whole.', folder: 'Folder', folderHint: 'On the node’s machine, below one of the setting watch.roots', prefix: 'Published below', prefixHint: 'A folder of the catalog; empty: the top', tags: 'Tags', mode: 'What becomes of the files',
  modes: { keep: 'Keep: the file stays, an edit is a new revision', consume: 'Consume: the file is moved into the store', mirror: 'Mirror: deleting the file unpublishes it' }, modeShort: { keep: 'keep', consume: 'consume', mirror: 'mirror' }, settle: 'Rests for, in seconds', settleHint: 'A file is taken when it was not changed for so long', rescan: 'Read anew every, in seconds', make: 'Watch it', added: 'Watched now', saved: 'Saved',
  states: { starting: 'Starting', waiting: 'Waits for a first pull', watching: 'Watching', paused: 'Paused: it asks', failing: 'Failing', off: 'Off' }, scan: 'Scan now', scanned: 'It is read now', edit: 'Edit', on: 'Switch on', off: 'Switch off', remove: 'Stop watching', removed: 'No longer watched', removeBody: 'The folder and its files stay as they are, and so do the packages.',
  lastScan: 'Last scan', files: (/** @type {number} */ n) => many(n, 'file'), source: 'From', elsewhere: (/** @type {string} */ place) => `Given by ${place}: change it there`, settling: 'Settling', taken: 'Taken', refused: 'Refused', superseded: 'Superseded: an older revision of its path', reason: 'Why',
  asks: (/** @type {number} */ missing, /** @type {number} */ of) => `${many(missing, 'file')} of ${of} are gone. Shall their packages be unpublished everywhere?`, away: 'The folder itself is gone. Nothing is unpublished until it is back.', confirm: 'Unpublish them', confirmed: 'They are unpublished', confirmBody: (/** @type {number} */ n) => `${many(n, 'package')} go from every node. Any of them can be restored.`, missingFiles: 'Missing', details: 'Details', since: 'since', everything: 'everything is there',
};
