import * as format from '../format.js';
import { many } from '../strings.js';

/** Packages: the list. */
export const packages = {
  title: 'Packages', inCatalog: (/** @type {number} */ n) => `${format.count(n)} in the catalog`, found: (/** @type {number} */ n, /** @type {boolean} */ all) => `${format.count(n)}${all ? '' : '+'} found`,
  filter: 'Filter by name, version, tag', anyKind: 'All kinds', anyState: 'Any state', tagFilter: (/** @type {string} */ tag) => `Tag ${tag}`, prefixFilter: (/** @type {string} */ folder) => `In ${folder}/`, clearFilter: 'Clear filters',
  name: 'Package', version: 'Version', size: 'Size', published: 'Published', replicas: 'Replicas', kind: 'Kind', state: 'State',
  selectAll: 'Select all of the list, also what is out of sight', selecting: (/** @type {number} */ n) => `Selecting… ${format.count(n)}`, selectedAll: (/** @type {number} */ n, /** @type {boolean} */ filtered) => (filtered ? `All ${format.count(n)} that match are selected` : `All ${format.count(n)} of the catalog are selected`),
  selectedCut: (/** @type {number} */ n) => `The first ${format.count(n)} are selected; there are more`, select: (/** @type {string} */ path) => `Select ${path}`, selected: (/** @type {number} */ n) => `${format.count(n)} selected`, clear: 'Clear selection',
  deleted: 'Deleted', deletedAt: 'Deleted', noneDeleted: 'No deleted packages', deletedNote: 'As far back as the journal of this node goes.', deletedCut: (/** @type {number} */ n) => `Only the last ${format.count(n)} are listed.`, amongDeleted: 'Look among deleted packages',
  undone: (/** @type {number} */ n) => `${many(n, 'package')} restored`, copies: (/** @type {number} */ have, /** @type {number} */ all) => `On ${format.count(have)} of ${format.count(all)} nodes`, copiesWhy: 'The policies of the others don’t keep it', hereOnly: 'On this node',
  remove: 'Delete', tag: 'Tag', copyLinks: 'Copy links', links: 'Links', link: 'Link', synced: 'On all nodes', nodes: (/** @type {number} */ have, /** @type {number} */ of) => `${have} of ${many(of, 'node')}`,
  emptyTitle: 'No packages yet', emptyBody: 'Drop the first one anywhere on this page. It appears on every node of the mesh.', nothingTitle: 'Nothing fits', nothingBody: 'No package fits these filters.',
  removeTitle: (/** @type {number} */ n) => `Delete ${many(n, 'package')}?`, removeBody: 'They go from every node of the mesh. Their history stays, and they can be restored while their bytes are held.',
  tagTitle: (/** @type {number} */ n) => `Tag ${many(n, 'package')}`, addTags: 'Add tags', removeTags: 'Remove tags', tagsHint: 'with commas between',
  bulkDone: (/** @type {number} */ done, /** @type {number} */ failed) => (failed ? `${format.count(done)} done, ${format.count(failed)} failed` : `${format.count(done)} done`), running: (/** @type {number} */ done, /** @type {number} */ all) => `${format.count(done)} of ${format.count(all)}`,
  retryFailed: 'Try the failed again', stopBulk: 'Stop after these', goOn: 'Go on', untouched: (/** @type {number} */ n) => `${many(n, 'package')} ${n === 1 ? 'wasn’t' : 'weren’t'} asked for.`, unchanged: 'unchanged', ok: 'done', openPage: 'Open', download: 'Download', and: (/** @type {number} */ n) => `and ${format.count(n)} more`,
};

/** One package: its page, and the panel beside the list. */
export const packagePage = {
  upload: 'Upload a new version', metadataChange: 'metadata changed', unchanged: 'unchanged: the same bytes and metadata',
  download: 'Download', copyLink: 'Copy link', link: 'Link', remove: 'Delete', undo: 'Undo', streamed: 'Its bytes are not all here: they are streamed through while they come',
  file: 'File', sha256: 'SHA-256', blake3: 'BLAKE3', published: 'Published', tags: 'Tags', notes: 'Notes', title: 'Title', version: 'Version', identifier: 'Identifier', priority: 'Priority', size: 'Size', kind: 'Kind', revision: 'Revision',
  by: (/** @type {string} */ who, /** @type {string} */ node) => `by ${who} on ${node}`, nodes: 'On nodes', node: 'Node', state: 'State', reason: 'Why', bytes: 'Bytes', eta: 'Time left', noEta: '–', unknownBytes: 'unknown', ofBytes: (/** @type {string} */ a, /** @type {string} */ b) => (a === b ? b : `${a} of ${b}`),
  qr: 'QR code of the download link', qrNote: 'Scan to fetch this package on a test device. The link follows your access rules.',
  removeTitle: 'Delete this package?', touchesLink: (/** @type {string} */ url) => `${url} will answer “not found”, on every node.`,
  touchesNodes: (/** @type {number} */ n, /** @type {string} */ names) => (n ? `${many(n, 'node')} that ${n === 1 ? 'has' : 'have'} it now will stop serving it: ${names}.` : 'No node is known to have all of its bytes.'),
  touchesBytes: (/** @type {string} */ size) => `${size} become free where nothing else needs them, once retention lets them go.`, keeps: (/** @type {number} */ n) => `Its history of ${many(n, 'revision')} stays; it can be restored while its bytes are held.`,
  removed: (/** @type {string} */ path) => `${path} deleted`, restored: 'Restored', edit: 'Edit', metadata: 'Metadata', saved: 'Saved', history: 'Revisions', restore: 'Restore', current: 'current', when: 'When', who: 'Who', change: 'What', actions: 'Actions',
  publishedChange: 'published', removedChange: 'deleted', bytesGone: 'Its bytes are no longer held here', ineffective: 'Has no effect: its author may not publish here', restoreTitle: 'Restore this revision?', restoreBody: 'It becomes a new revision on every node, with these bytes and this metadata.',
  conflictTitle: 'Two nodes published different things here', conflictBody: 'They had not heard of each other. Clients get the marked one meanwhile. Keep one: that becomes a new revision, and both stay in the history.', keep: 'Keep this one', served: 'served now', differs: 'differs',
  goneTitle: 'This package was deleted', goneBody: 'Its history is below. Restoring a revision publishes it again.', noSuch: 'There is no package here', noSuchBody: 'It may have another name, or you may not see it.', noSuchLink: 'All packages',
  olderMore: (/** @type {number} */ n) => `Older revisions (${format.count(n)} more)`, digests: 'Digests', tagsHint: 'with commas between', none: '–', priorityHint: 'greater is sent first',
};
