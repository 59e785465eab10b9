/**
 * A window on the end of the journal: the newest records that match, growing at its end as the node tells of more, and at its
 * beginning on demand. Between its first record and its last none that matches is missing, but where `gaps` says so: there the journal
 * no longer had the place up to which it had told. When more come at once than are kept, the list begins there. At most `KEPT` are held,
 * and `FOLLOWED` while somebody follows the end, who sees a screen of them: with more, the oldest go. So thousands a minute cost what a
 * screen costs.
 */

import { call } from './api.js';
import { live } from './live.js';
import { asProblem } from './problem.js';

/** @typedef {import('./types.js').Happening} Happening */
/** @typedef {import('./types.js').Answer<'list_events'>} Answer */
/** @typedef {{ types: string, path: string }} Filter */

export const KEPT = 2000;
export const FOLLOWED = 250;
const PAGE = 200;
/** So often it is asked for one press at most, each time some thousand records further back, so that a filter that matches little ends. */
const LOOKS_MAX = 20;
/** News are shown at most this often, however many come; to who doesn't follow them, and has a longer list, more seldom. */
const SHOW_MS = 250;
const COUNT_MS = 1000;

export class JournalTail extends EventTarget {
  /** @type {Happening[]} oldest first */
  records = [];
  /** Behind which records, by LSN, some may be missing. @type {number[]} */
  gaps = [];
  /** @type {import('./problem.js').Problem | null} */
  problem = null;
  reading = true;
  /** Whether the end is in sight, and what is far before it isn't looked at. */
  following = true;
  /** Which list this is: another one when more went from it at once than a screen shows, since drawing that anew costs less. */
  list = 0;
  /** Whether the journal's beginning is reached. */
  whole = false;
  /** All that match are in the list from here on. */
  #from = 0;
  /** Up to where the node has told, whether it matches or not. */
  #heard = 0;
  /** Whether the list begins anew at what waits, since what is between them was let go, or never read. */
  #anew = false;
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
    const gap = (/** @type {any} */ { detail }) => void this.#missed(detail);
    live.addEventListener('gap', gap);
    return () => {
      stop();
      live.removeEventListener('gap', gap);
    };
  }

  /** Begins anew with a filter. @param {Filter} filter @param {number[]} [gaps] that are known already */
  async show(filter, gaps = []) {
    const run = ++this.#run;
    Object.assign(this, { records: [], gaps, problem: null, whole: false, reading: true });
    this.#filter = filter;
    this.#waiting = [];
    this.#anew = false;
    this.#changed();
    try {
      const { log } = await call('show_node', { background: true });
      if (run !== this.#run) return;
      this.#heard = log.head;
      this.#from = log.head + 1;
    } catch (error) {
      if (run !== this.#run) return;
      Object.assign(this, { problem: asProblem(error), reading: false });
      this.#anew = true;
      return this.#changed();
    }
    return this.older();
  }

  /**
   * The place up to which the node told is no longer in its journal: what there is after it is read. If the journal was put back,
   * what is shown is of one that is no more, and all is read anew.
   *
   * @param {number} head where the journal is now
   */
  async #missed(head) {
    const gap = Math.min(head, this.#heard);
    // Of a list that couldn't be read nothing is shown yet.
    if (this.problem) return this.show(this.#filter);
    if (this.reading || head < this.#heard) return this.show(this.#filter, [gap]);
    this.#take();
    const run = this.#run;
    this.gaps = [...this.gaps, gap];
    this.#heard = head;
    this.reading = true;
    this.#changed();
    try {
      const found = await this.#between(gap, head + 1);
      if (run !== this.#run) return undefined;
      if (found === null) return this.show(this.#filter, [gap]);
      this.#append(found);
    } catch (error) {
      if (run !== this.#run) return undefined;
      this.problem = asProblem(error);
    }
    this.reading = false;
    return this.#changed();
  }

  /** Reads what is before. */
  async older() {
    const run = this.#run;
    this.reading = true;
    /** @type {Happening[]} */
    const found = [];
    try {
      for (let look = 0; look < LOOKS_MAX && found.length < PAGE && this.#from > 1; look += 1) {
        const page = /** @type {Answer} */ (await call('list_events', { query: { ...this.#query(), before: this.#from, limit: PAGE }, background: true }));
        if (run !== this.#run) return;
        found.unshift(...page.items.toReversed());
        this.#from = Number(page.next ?? 1);
      }
      this.problem = null;
    } catch (error) {
      if (run !== this.#run) return;
      this.problem = asProblem(error);
    }
    this.whole = this.#from <= 1;
    this.records = [...found, ...this.records];
    this.reading = false;
    this.#changed();
  }

  /** All that match, from `after` to before `before`; null if those are more than are kept. @param {number} after @param {number} before */
  async #between(after, before) {
    /** @type {Happening[]} */
    const found = [];
    let cursor = /** @type {string | null} */ (String(after));
    while (cursor !== null) {
      const page = /** @type {Answer} */ (await call('list_events', { query: { ...this.#query(), after: cursor, limit: 1000 }, background: true }));
      const within = page.items.filter(({ lsn }) => lsn < before);
      found.push(...within);
      if (found.length > KEPT) return null;
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
    this.#heard = Math.max(this.#heard, records.at(-1)?.lsn ?? 0);
    this.#waiting.push(...records.filter((record) => this.#fits(record)));
    if (this.#waiting.length > KEPT) {
      this.#waiting.splice(0, this.#waiting.length - KEPT);
      this.#anew = true;
    }
    this.#takeSoon();
  }

  #takeSoon() {
    this.#timer ??= setTimeout(() => this.#take(), this.following ? SHOW_MS : COUNT_MS);
  }

  /** Shows what waits; while what is before it is read, it waits on. */
  #take() {
    this.#timer = null;
    if (this.reading) return this.#takeSoon();
    const begin = this.#waiting[0];
    if (begin && this.#anew) this.#beginAt(begin.lsn);
    const last = this.records.at(-1)?.lsn ?? this.#from - 1;
    const fresh = this.#waiting.splice(0).filter(({ lsn }) => lsn > last);
    if (fresh.length === 0) return;
    this.#append(fresh);
    this.#changed();
  }

  /** The list goes on with these. With more than are kept, the oldest go. @param {readonly Happening[]} fresh */
  #append(fresh) {
    this.records = [...this.records, ...fresh];
    const most = this.following ? FOLLOWED : KEPT;
    if (this.records.length > most) {
      if (this.records.length - most > FOLLOWED) this.list += 1;
      this.records = this.records.slice(-most);
      this.#from = this.records[0]?.lsn ?? this.#from;
      this.gaps = this.gaps.filter((lsn) => lsn >= this.#from);
      this.whole = false;
    }
  }

  /** All else goes: the list begins there, and what is before can be read as ever. @param {number} lsn */
  #beginAt(lsn) {
    this.#anew = false;
    Object.assign(this, { records: [], gaps: [], whole: false, list: this.list + 1 });
    this.#from = lsn;
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
