/**
 * A window on the end of the journal: the newest records that match, growing at its end as the node tells of more, and at its
 * beginning on demand. What may be missing is marked. At most `KEPT` are held, and `FOLLOWED` while somebody follows the end, who
 * sees a screen of them: with more, the oldest go. So thousands a minute cost what a screen costs.
 */

import { call } from './api.js';
import { live } from './live.js';
import { asProblem } from './problem.js';

/** @typedef {import('./types.js').Happening} Happening */
/** @typedef {{ types: string, path: string }} Filter */

export const KEPT = 2000;
export const FOLLOWED = 250;
const PAGE = 200;
/** How far back one look goes at most, so that a filter that matches little ends. */
const LOOKS_MAX = 20;
const GROW = 4;
/** News are shown at most this often, however many come. */
const SHOW_MS = 250;

export class JournalTail extends EventTarget {
  /** @type {Happening[]} oldest first */
  records = [];
  /** @type {Set<number>} the numbers of records before which some may be missing */
  gaps = new Set();
  /** @type {import('./problem.js').Problem | null} */
  problem = null;
  reading = true;
  /** Whether the end is in sight, and what is far before it isn't looked at. */
  following = true;
  /** Whether the journal's beginning is reached. */
  whole = false;
  #from = 0;
  #gap = false;
  /** @type {Happening[]} */
  #waiting = [];
  /** @type {ReturnType<typeof setTimeout> | null} */
  #timer = null;
  #run = 0;
  /** @type {Filter} */
  #filter = { types: '', path: '' };

  /** Follows the live stream until the function returned is called. */
  follow() {
    const stop = live.on(['*'], (records) => this.#arrived(records));
    const gap = () => void this.#mend();
    live.addEventListener('gap', gap);
    return () => {
      stop();
      live.removeEventListener('gap', gap);
    };
  }

  /** Begins anew with a filter. @param {Filter} filter */
  async show(filter) {
    const run = ++this.#run;
    Object.assign(this, { records: [], gaps: new Set(), problem: null, whole: false, reading: true });
    this.#filter = filter;
    this.#changed();
    try {
      const { log } = await call('show_node', { background: true });
      if (run !== this.#run) return;
      this.#from = log.head + 1;
    } catch (error) {
      Object.assign(this, { problem: asProblem(error), reading: false });
      return this.#changed();
    }
    return this.older();
  }

  /** Reads what is before. */
  async older() {
    const run = this.#run;
    this.reading = true;
    let span = PAGE;
    /** @type {Happening[]} */
    const found = [];
    try {
      for (let look = 0; look < LOOKS_MAX && found.length < PAGE && this.#from > 1; look += 1) {
        const after = Math.max(0, this.#from - 1 - span);
        found.unshift(...await this.#between(after, this.#from));
        if (run !== this.#run) return;
        this.#from = after + 1;
        span *= GROW;
      }
      this.problem = null;
    } catch (error) {
      this.problem = asProblem(error);
    }
    this.whole = this.#from <= 1;
    this.records = [...found, ...this.records];
    this.reading = false;
    this.#changed();
  }

  /** All that match, from `after` to before `before`. @param {number} after @param {number} before */
  async #between(after, before) {
    /** @type {Happening[]} */
    const found = [];
    let cursor = /** @type {string | null} */ (String(after));
    while (cursor !== null && found.length < KEPT) {
      const page = /** @type {import('./types.js').Answer<'list_events'>} */ (await call('list_events', { query: { ...this.#query(), after: cursor, limit: 1000 }, background: true }));
      const within = page.items.filter(({ lsn }) => lsn < before);
      found.push(...within);
      cursor = within.length === page.items.length && page.next !== null && Number(page.next) < before - 1 ? page.next : null;
    }
    return found;
  }

  #query() {
    const { types, path } = this.#filter;
    return { type: types || null, path: path || null };
  }

  /** @param {readonly Happening[]} records */
  #arrived(records) {
    this.#waiting.push(...records);
    if (this.#waiting.length > KEPT) {
      this.#waiting.splice(0, this.#waiting.length - KEPT);
      this.#gap = true;
    }
    this.#timer ??= setTimeout(() => this.#take(), SHOW_MS);
  }

  #take() {
    this.#timer = null;
    const last = this.records.at(-1)?.lsn ?? 0;
    const fresh = this.#waiting.splice(0).filter((record) => record.lsn > last && this.#fits(record));
    const first = fresh[0];
    if (!first) return;
    if (this.#gap) this.gaps.add(first.lsn);
    this.#gap = false;
    this.records = [...this.records, ...fresh];
    const most = this.following ? FOLLOWED : KEPT;
    if (this.records.length > most) {
      this.records = this.records.slice(-most);
      this.#from = this.records[0]?.lsn ?? this.#from;
      this.whole = false;
    }
    this.#changed();
  }

  /** After a lost connection: what came meanwhile is read; a mark stays where not all of it could be. */
  async #mend() {
    const last = this.records.at(-1)?.lsn;
    if (last === undefined) return;
    try {
      this.#arrived(await this.#between(last, Number.MAX_SAFE_INTEGER));
    } catch {
      this.#gap = true;
    }
  }

  /** The same rule as the node's, for what it tells by itself. @param {Happening} record */
  #fits({ type, data }) {
    const { types, path } = this.#filter;
    const typed = !types || types.split(',').some((name) => (name.endsWith('*') ? type.startsWith(name.slice(0, -1)) : type === name));
    const of = /** @type {Record<string, unknown>} */ (data).path;
    return typed && (!path || (typeof of === 'string' && glob(path).test(of)));
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}

/** A glob as the node reads it, near enough: `*` and `?` match `/` too. @param {string} text */
function glob(text) {
  const parts = [...text].map((char) => (char === '*' ? '.*' : char === '?' ? '.' : char.replace(/[\\^$.|+()[\]{}]/g, '\\$&')));
  return new RegExp(`^${parts.join('')}$`);
}
