/**
 * What this browser remembers of its uploads, so that they go on after a reload when the file is dropped again. A browser can't keep
 * the file itself, so it is known again by name, size and time of change. Of those that ended it remembers the last, for as long as
 * the node can tell how they ended.
 */

import { KEY } from './uploading.js';

/**
 * @typedef {object} Remembered
 * @property {string} id the upload's
 * @property {string} name the file's
 * @property {number} size
 * @property {number} modified
 * @property {import('./tus.js').UploadFacts} facts
 * @property {string | null} replaces the revision that it replaces
 * @property {string} tab which tab sends it
 * @property {number} seen when that tab was last there
 * @property {number} [ended] when it was published or refused
 */

const TAB_KEY = 'ods.tab';
/** A tab that said nothing for so long is gone. */
const GONE_MS = 10_000;
/** So long the node tells how an upload ended. */
const ENDED_KEPT_MS = 24 * 3600 * 1000;
const ENDED_MAX = 50;

/** This tab, also after a reload. */
const tab = thisTab();

function thisTab() {
  const fresh = Math.random().toString(36).slice(2);
  try {
    const kept = sessionStorage.getItem(TAB_KEY) ?? fresh;
    sessionStorage.setItem(TAB_KEY, kept);
    return kept;
  } catch {
    return fresh;
  }
}

/** @returns {Remembered[]} */
function all() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(kept) ? kept.filter(({ ended }) => !ended || Date.now() - ended < ENDED_KEPT_MS) : [];
  } catch {
    return [];
  }
}

/** @param {Remembered[]} uploads */
function keep(uploads) {
  const known = uploads.filter((one) => one.ended).slice(-ENDED_MAX);
  try {
    localStorage.setItem(KEY, JSON.stringify(uploads.filter((one) => !one.ended || known.includes(one))));
  } catch {
    // Full or forbidden: uploads work, but don't survive a reload.
  }
}

/** Those that no other tab sends. */
export function orphans() {
  const now = Date.now();
  return all().filter((one) => one.tab === tab || now - one.seen > GONE_MS);
}

/** @param {Omit<Remembered, 'tab' | 'seen'>} upload */
export function remember(upload) {
  keep([...all().filter((one) => one.id !== upload.id), { ...upload, tab, seen: Date.now() }]);
}

/** Its file isn't needed any more, only how it ended. @param {string} id */
export function ended(id) {
  keep(all().map((one) => (one.id === id ? { ...one, ended: one.ended ?? Date.now() } : one)));
}

/** @param {string} id */
export function forget(id) {
  keep(all().filter((one) => one.id !== id));
}

/** Says that this tab is still there. @param {string[]} ids what it sends */
export function stillHere(ids) {
  if (ids.length > 0) keep(all().map((one) => (ids.includes(one.id) ? { ...one, tab, seen: Date.now() } : one)));
}
