/** A path's history, the newest first, page by page: one answer has neither more rows than a thousand nor more bytes than fit. */

import { call } from './api.js';

const PAGE = 1000;

/** @typedef {import('./types.js').Revision} Revision */

/** Whether a record may tell of the package at a path: it names no other. @param {import('./types.js').Happening} record @param {string} path */
export function mayTellOf({ data }, path) {
  const named = /** @type {Record<string, unknown>} */ (data).path;
  return typeof named !== 'string' || named === path;
}

/**
 * @param {string} path
 * @param {number} [rows] how many are wanted; there may be fewer
 * @returns {AsyncGenerator<import('./types.js').Answer<'list_revisions'>>}
 */
export async function* revisionPages(path, rows = Infinity) {
  let left = rows;
  let after = /** @type {string | null} */ (null);
  do {
    /** @type {import('./types.js').Answer<'list_revisions'>} */
    const page = await call('list_revisions', { path: { path }, query: { after, limit: Math.min(PAGE, left) }, background: true });
    yield page;
    left -= page.items.length;
    after = page.next;
  } while (after !== null && left > 0);
}

/** What was published at a path and nothing has followed yet: several are the sides of a conflict. Any of them may be as old as the path. @param {string} path */
export async function headsOf(path) {
  /** @type {Revision[]} */
  const heads = [];
  for await (const { items } of revisionPages(path)) heads.push(...items.filter((one) => one.head && one.change === 'published'));
  return heads;
}
