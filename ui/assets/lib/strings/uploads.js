import * as format from '../format.js';
import { many } from '../strings.js';

/** Uploads: the tray, the dialog before, the page. */
export const uploads = {
  choose: 'Choose files', chooseFolder: 'Choose a folder', goOn: 'Interrupted uploads go on where they stopped',
  tray: (/** @type {{ all: number, going: number, waiting: number, paused: number, failed: number }} */ { all, going, waiting, paused, failed }) => {
    const stuck = [waiting ? `${format.count(waiting)} ${waiting === 1 ? 'waits for its file' : 'wait for their files'}` : '', paused ? `${format.count(paused)} paused` : '', failed ? `${format.count(failed)} failed` : ''].filter(Boolean);
    if (going) return [`Uploading ${format.count(going)} of ${format.count(all)}`, ...stuck].join(' · ');
    return stuck.join(' · ') || `${many(all, 'upload')} done`;
  },
  dialogTitle: (/** @type {number} */ n) => `Upload ${many(n, 'package')}`, folder: 'Folder', folderHint: 'optional, such as mac/apps', tags: 'Tags', tagsHint: 'optional, with commas between',
  notes: 'Notes', path: 'Path', version: 'Version', title: 'Title', start: 'Upload', replaces: (/** @type {string} */ version) => `replaces ${version}`, replacesUnversioned: 'replaces the present one', isNew: 'new',
  more: (/** @type {number} */ n) => `and ${many(n, 'more file')}`, size: 'Size', leave: 'Leave out', goesOn: (/** @type {number} */ n) => `${many(n, 'upload')} ${n === 1 ? 'goes' : 'go'} on`,
  pause: 'Pause', resume: 'Resume', retry: 'Retry', chooseFile: 'Choose the file', removeTitle: 'Cancel this upload?', removeBody: (/** @type {string} */ sent) => `The node forgets the ${sent} that it has of it.`, remove: 'Cancel and forget', dismiss: 'Take off the list', clear: 'Clear finished', pauseAll: 'Pause all', resumeAll: 'Resume all',
  emptyTitle: 'No uploads', other: 'Elsewhere on this node', otherBody: 'Resumable uploads that other people, scripts or browsers have begun here.',
  states: {
    queued: 'waiting for its turn', sending: 'sending', publishing: 'sent, verified last of all, being published', published: 'published', paused: 'paused',
    'needs-file': 'drop the file again and it goes on', failed: 'failed',
  },
  steps: { sent: 'Sent', verified: 'Verified', published: 'Published', replicated: 'Replicated' },
  onNodes: (/** @type {number} */ have, /** @type {number} */ of) => `on ${format.count(have)} of ${many(of, 'node')}`,
  progress: (/** @type {string} */ done, /** @type {string} */ of) => `${done} of ${of}`, left: (/** @type {string} */ time) => `${time} left`, waiting: 'The node can’t be reached; trying again', again: (/** @type {string} */ why) => `${why}; trying again`,
  faults: {
    outside: (/** @type {string} */ mine) => `You may publish only below ${mine}`,
    segment: 'An empty name, “.” or “..” can’t be used', letter: 'Control characters and “\\” can’t be used',
    long: (/** @type {number} */ bytes, /** @type {number} */ most) => `Too long: ${format.count(bytes)} bytes of at most ${format.count(most)}`,
  },
  thereMeanwhile: (/** @type {string} */ version, /** @type {string} */ by, /** @type {string} */ ago) =>
    `Nothing was replaced: ${version ? `version ${version}` : 'another one'} is there by now, published by ${by} ${ago}`,
  goneMeanwhile: 'Not published: what it was to replace was removed meanwhile', replace: 'Replace it', publish: 'Publish all the same',
  state: 'State', begunBy: 'Begun by', touched: 'Last bytes', expires: 'Forgotten',
};
