/**
 * All English text of the page, by place. A text with numbers in it is a function; plurals go through `many`.
 * Texts of the API (reasons, details of errors) come from the node and are shown as they are.
 */

import * as format from './format.js';

/**
 * @param {number} n
 * @param {string} one
 * @param {string} [several]
 */
export const many = (n, one, several = `${one}s`) => `${format.count(n)} ${n === 1 ? one : several}`;

/** What everything uses. */
export const text = {
  product: 'Distribution',
  loading: 'Loading…',
  never: 'never',
  again: 'Try again',
  cancel: 'Cancel',
  close: 'Close',
  save: 'Save',
  remove: 'Remove',
  all: 'All',
  none: '–',

  nav: {
    label: 'Pages', more: 'More', skip: 'Skip to content', automation: 'Automation', server: 'Server',
    overview: 'Overview', packages: 'Packages', package: 'Package', uploads: 'Uploads', welcome: 'Welcome',
    nowhere: 'There is no such page', home: 'To the overview',
  },
  expelled: {
    title: 'This node was expelled from its mesh', body: 'Nobody takes anything from it or serves it any more; what it holds stays here. To take part again, start a node on a new data folder and let an owner invite it.',
  },
  update: { title: 'This node was updated', reload: 'Reload the page' },
  live: {
    live: 'Live', connecting: 'Connecting…', lost: 'Connection lost', 'signed-out': 'Signed out',
    explained: 'What you see is kept up to date by the node', lostSince: (/** @type {string} */ ago) => `Not up to date: the connection was lost ${ago}. Press to try now`,
  },
  theme: { auto: 'as the system', light: 'light', dark: 'dark', now: (/** @type {string} */ name) => `Appearance: ${name}` },
  account: {
    label: (/** @type {string} */ name) => `Signed in as ${name}`, signOut: 'Sign out',
    is: (/** @type {string} */ kind, /** @type {string} */ scope) => `${kind} · may ${scope === 'admin' ? 'administer' : scope}`,
  },
  signIn: {
    title: 'Sign in', name: 'Name', password: 'Password or token', button: 'Sign in', busy: 'Signing in…',
    over: 'Sign in again', nothingLost: 'Your session has ended. Nothing you typed is lost: what you were doing goes on.',
    hint: 'New here? Open the link that the node printed when it first started, or use the token in admin.token of its data folder.',
  },
  scope: {
    needs: (/** @type {string} */ needed, /** @type {string} */ has) => `Needs the scope “${needed}”; you are signed in with “${has}”`,
  },
  problem: {
    unreachable: 'The node can’t be reached. It may be restarting, or the network is down.',
    odd: (/** @type {number} */ status) => `The answer was ${status}, without an explanation.`,
  },
  copy: {
    it: 'It', done: (/** @type {string} */ what) => `${what} copied`, button: (/** @type {string} */ what) => `Copy ${what.toLowerCase()}`,
    failed: 'The browser refused to copy. Select it and copy by hand.',
  },
  curl: {
    title: 'Copy as curl', line: 'Command', did: 'Done', read: 'Shown',
    body: 'What this page did last, newest first, as commands. Set ODS_TOKEN to a token with the scope it needs; secrets you typed are left out.',
  },
  dialog: { typeThis: (/** @type {string} */ word) => `Type ${word} to go on` },
  search: {
    label: 'Search packages, nodes and pages', placeholder: 'Search packages, nodes, pages', packages: 'Packages', nodes: 'Nodes', pages: 'Pages',
    nothing: (/** @type {string} */ q) => `Nothing found for “${q}”`, allPackages: (/** @type {string} */ q) => `All packages with “${q}”`,
  },
  kinds: { stored: 'Stored', fetching: 'Fetching', wanted: 'Wanted', remote: 'Elsewhere', conflict: 'Conflict', behind: 'Behind', unreachable: 'Unreachable', unknown: 'Unknown' },
};

/** Making the first admin, naming the node, joining a mesh or starting one. */
export const firstRun = {
  title: 'Welcome', body: 'This node is new. Make the first person who may administer it.',
  name: 'Your name', password: 'Password', hint: 'At least 10 characters', repeat: 'Password again', differ: 'The two passwords differ',
  make: 'Make the first admin', spent: 'This link was used already, or is older than a day.', signInInstead: 'Sign in', spentMore: 'Nobody can? A new link is made on the node’s machine, while there is nobody yet:',
  nodeTitle: 'Name this node', nodeBody: 'Others see it in the mesh, in events and beside each package it published.', nodeName: 'Node name', next: 'Next',
  meshTitle: 'One node or many?', meshBody: 'Nodes of a mesh hold the same packages. You can do this later, too.',
  start: 'Start a mesh here', startBody: 'This is the first node. Invite others with one line from the Mesh page.',
  join: 'Join a mesh', joinBody: 'Paste the line that “Invite” on another node gave you.', invite: 'Invite', joining: 'Joining…', joinButton: 'Join',
  joined: (/** @type {string} */ name) => `Joined ${name}. Packages are coming in.`, step: (/** @type {number} */ n) => `Step ${n} of 3`, later: 'Decide later',
};

/** Uploads: the tray, the dialog before, the page. */
export const uploads = {
  button: 'Upload packages', short: 'Upload', drop: 'Drop packages to upload', choose: 'Choose files', chooseFolder: 'Choose a folder',
  goOn: 'Interrupted uploads go on where they stopped', cannot: 'You may not publish here',
  tray: (/** @type {{ all: number, going: number, waiting: number, paused: number, failed: number }} */ { all, going, waiting, paused, failed }) => {
    const stuck = [waiting ? `${format.count(waiting)} ${waiting === 1 ? 'waits for its file' : 'wait for their files'}` : '', paused ? `${format.count(paused)} paused` : '', failed ? `${format.count(failed)} failed` : ''].filter(Boolean);
    if (going) return [`Uploading ${format.count(going)} of ${format.count(all)}`, ...stuck].join(' · ');
    return stuck.join(' · ') || `${many(all, 'upload')} done`;
  },
  dialogTitle: (/** @type {number} */ n) => `Upload ${many(n, 'package')}`, folder: 'Folder', folderHint: 'optional, such as mac/apps', tags: 'Tags', tagsHint: 'optional, with commas between',
  notes: 'Notes', path: 'Path', version: 'Version', title: 'Title', start: 'Upload', replaces: (/** @type {string} */ version) => `replaces ${version}`, replacesUnversioned: 'replaces the present one', isNew: 'new',
  more: (/** @type {number} */ n) => `and ${many(n, 'more file')}`, size: 'Size', leave: 'Leave out', goesOn: (/** @type {number} */ n) => `${many(n, 'upload')} ${n === 1 ? 'goes' : 'go'} on`,
  pause: 'Pause', resume: 'Resume', retry: 'Retry', chooseFile: 'Choose the file', removeTitle: 'Cancel this upload?', removeBody: (/** @type {string} */ sent) => `The node forgets the ${sent} that it has of it.`, remove: 'Cancel and forget', dismiss: 'Take off the list', clear: 'Clear finished', pauseAll: 'Pause all', resumeAll: 'Resume all',
  emptyTitle: 'No uploads', emptyBody: 'Drop packages anywhere on this page, or choose them.', other: 'Elsewhere on this node', otherBody: 'Resumable uploads that other people, scripts or browsers have begun here.',
  states: {
    queued: 'waiting for its turn', sending: 'sending', publishing: 'sent, verified last of all, being published', published: 'published', paused: 'paused',
    'needs-file': 'drop the file again and it goes on', failed: 'failed',
  },
  steps: { sent: 'Sent', verified: 'Verified', published: 'Published', replicated: 'Replicated' },
  onNodes: (/** @type {number} */ have, /** @type {number} */ of) => `on ${format.count(have)} of ${many(of, 'node')}`,
  progress: (/** @type {string} */ done, /** @type {string} */ of) => `${done} of ${of}`, left: (/** @type {string} */ time) => `${time} left`, waiting: 'The node can’t be reached; trying again',
  faults: {
    segment: 'An empty name, “.” or “..” can’t be used', letter: 'Control characters and “\\” can’t be used',
    long: (/** @type {number} */ bytes, /** @type {number} */ most) => `Too long: ${format.count(bytes)} bytes of at most ${format.count(most)}`,
  },
  state: 'State', begunBy: 'Begun by', touched: 'Last bytes', expires: 'Forgotten',
};

/** The picture of the mesh. */
export const meshPicture = {
  label: (/** @type {number} */ n) => `Picture of the mesh: ${many(n, 'node')}`, connected: 'connected', moving: 'transferring', unreachable: 'unreachable', pausedLink: 'paused', paused: 'paused here',
  ring: 'ring = share of bytes held', offline: (/** @type {string} */ ago) => `last heard of ${ago}`, unknown: 'unknown', news: 'catching up', synced: 'in sync', this: 'this server',
  left: (/** @type {string} */ bytes) => `${bytes} left`,
};

/** The overview. */
export const overview = {
  title: 'Overview',
  healthy: 'Healthy', starting: 'Looking…', packages: 'Packages', storage: 'Storage', moving: 'Transferring', scrub: 'Last verification',
  everywhere: (/** @type {string} */ share) => `${share} on every node`, everywhereWanted: (/** @type {string} */ share) => `${share} on every node that keeps them`, alone: 'on this node only', unknownShare: 'nodes have not told yet',
  of: (/** @type {string} */ size) => `of ${size}`, free: (/** @type {string} */ size) => `${size} free`, used: 'Disk used',
  active: (/** @type {number} */ n, /** @type {number} */ waiting) => (n + waiting === 0 ? 'nothing moves' : `${format.count(n)} active, ${format.count(waiting)} waiting`),
  damaged: 'damaged files', scrubNever: 'not verified yet', scrubRuns: (/** @type {string} */ share) => `${share} verified so far`, scrubbed: (/** @type {string} */ ago) => `finished ${ago}`, scrubStopped: (/** @type {string} */ ago) => `stopped ${ago}`,
  mesh: 'Mesh', allNodes: 'All nodes', transfers: 'Transfers', allTransfers: 'All transfers', events: 'Recent events', tail: 'Live tail',
  noTransfers: 'Nothing moves at the moment', noEvents: 'Nothing happened yet', dropHere: 'Drop packages anywhere', dropNote: 'Interrupted uploads go on where they stopped',
  invite: 'Invite another node', to: (/** @type {string} */ name) => `→ ${name}`, from: (/** @type {string} */ name) => `← ${name}`, client: 'a client', left: (/** @type {string} */ time) => `${time} left`,
  down: (/** @type {number} */ n) => `${many(n, 'node')} unreachable`, paused: (/** @type {number} */ n) => `${many(n, 'link')} paused`, alarms: (/** @type {number} */ n) => many(n, 'alarm') + ' today', diskLow: 'disk almost full', conflicts: 'packages in conflict',
  clock: (/** @type {number} */ n) => `clock off on ${many(n, 'node')}`, damagedFound: (/** @type {number} */ n) => many(n, 'damaged blob'), why: 'Why this isn’t “Healthy”',
};

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
  retryFailed: 'Try the failed again', unchanged: 'unchanged', ok: 'done', openPage: 'Open', download: 'Download', and: (/** @type {number} */ n) => `and ${format.count(n)} more`,
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
  changedMeanwhile: 'Somebody changed it meanwhile. Look at it again, then save.', older: 'Older revisions', digests: 'Digests', tagsHint: 'with commas between', none: '–', priorityHint: 'greater is sent first',
};
