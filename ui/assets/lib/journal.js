/** The journal from its beginning, page by page. */

import { call } from './api.js';

const PAGE = 1000;

/**
 * @param {{ type?: string | null, path?: string | null }} query
 * @param {{ background?: boolean }} [options] background: nobody asked for it
 * @returns {AsyncGenerator<import('./types.js').Happening[]>} in order
 */
export async function* journalPages(query, { background = false } = {}) {
  let after = /** @type {string | null} */ ('0');
  while (after !== null) {
    /** @type {import('./types.js').Answer<'list_events'>} */
    const page = await call('list_events', { query: { ...query, after, limit: PAGE }, background });
    yield page.items;
    after = page.next;
  }
}
