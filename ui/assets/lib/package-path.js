/** What a package's path may be, so that a name that can't be published is said before anything is sent. The node decides. */

import { uploads as words } from './strings/uploads.js';

const SEGMENT_BYTES_MAX = 255;
const PATH_BYTES_MAX = 1024;

/**
 * Why a path can't be used; null if it can.
 *
 * @param {string} path
 * @returns {string | null}
 */
export function pathFault(path) {
  const bytes = (/** @type {string} */ text) => new TextEncoder().encode(text.normalize('NFC')).length;
  const segments = path.split('/');
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) return words.faults.segment;
  if (/[\u0000-\u001f\u007f-\u009f\\]/.test(path)) return words.faults.letter;
  const longest = Math.max(...segments.map(bytes));
  if (longest > SEGMENT_BYTES_MAX) return words.faults.long(longest, SEGMENT_BYTES_MAX);
  if (bytes(path) > PATH_BYTES_MAX) return words.faults.long(bytes(path), PATH_BYTES_MAX);
  return null;
}
