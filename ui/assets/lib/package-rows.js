/**
 * The catalog's rows for the long table. Unfiltered, the node tells where every 1000th row begins (anchors), so any row is one call
 * away; filtered, how many there are isn't known before the end, so rows come page by page as one scrolls. For who sees only what
 * is below some prefixes every list is filtered: anchors would tell what else there is.
 */

import { call } from './api.js';
import { asProblem } from './problem.js';
import { session } from './session.js';

/** @typedef {import('./types.js').Package} Package */
/** @typedef {{ q: string, prefix: string, tag: string, kind: string, state: string, sort: string }} Filter */

/** So many rows between anchors, as the API says. */
const BLOCK = 1000;
const PAGE = 200;
const QUIET_MS = 3000;
/** So many pages are read at once; somebody who drags the scroll bar passes by hundreds, and sees the last. */
const READS_MAX = 2;
/** So many blocks are kept, the farthest from what is in sight going first. */
const BLOCKS_KEPT = 20;

export class PackageRows extends EventTarget {
  /** How many rows there are; of a filtered list as many as are known. */
  length = 0;
  /** Whether `length` is all. */
  complete = false;
  /** @type {import('./problem.js').Problem | null} */
  problem = null;
  loaded = false;
  /** @type {Map<number, Package>} */
  #rows = new Map();
  /** @type {(string | null)[] | null} where each block begins; null if it can't be told */
  #anchors = null;
  /** @type {string | null} the cursor behind the last row, filtered */
  #next = null;
  /** @type {Set<number>} blocks that are being read */
  #reading = new Set();
  #stop = new AbortController();
  /** The rows that are in sight: only they are read again when something changed. */
  #seen = { first: 0, last: 1 };
  /** After a failure nothing is asked for by scrolling before then. */
  #quietUntil = 0;

  /** @param {Filter} filter */
  constructor(filter) {
    super();
    const { sort, ...rest } = filter;
    this.query = Object.fromEntries(Object.entries({ ...rest, sort: sort || 'path' }).filter(([, value]) => value));
    this.filtered = Object.values(rest).some(Boolean) || (session.identity?.prefixes.length ?? 0) > 0;
    void this.#begin();
  }

  /** @param {number} index */
  get(index) {
    return this.#rows.get(index);
  }

  /** Ends what is being read. */
  close() {
    this.#stop.abort();
  }

  /**
   * Reads what is about to be shown.
   *
   * @param {number} first
   * @param {number} last
   */
  want(first, last) {
    this.#seen = { first, last };
    if (Date.now() < this.#quietUntil) return;
    if (!this.#anchors) {
      if (!this.complete && last + PAGE > this.length && this.loaded) void this.#more();
      return;
    }
    for (const index of [first, Math.max(first, last - 1)]) {
      // Those that wait for their turn are asked for again by the `change` that ends a read: what is in sight then.
      if (index < this.length && !this.#rows.has(index) && this.#reading.size < READS_MAX) void this.#block(Math.floor(index / BLOCK));
    }
  }

  /**
   * Names and revisions of everything that matches, in order, page by page.
   *
   * @param {(page: readonly Package[]) => boolean} take whether to go on
   */
  async all(take) {
    let after = /** @type {string | null} */ (null);
    do {
      const page = await call('list_packages', { query: { ...this.query, limit: BLOCK, after }, signal: this.#stop.signal, background: true });
      if (!take(page.items)) return;
      after = page.next;
    } while (after !== null);
  }

  /** Reads again what was shown: something changed. Rows stay until their successors are here. */
  async refresh() {
    if (this.#anchors) await this.#begin();
    else await this.#again();
  }

  async #begin() {
    await this.#try(-1, async () => {
      if (this.filtered) return this.#more();
      const told = await call('list_package_anchors', { query: { sort: this.query.sort ?? 'path' }, signal: this.#stop.signal, background: true });
      this.#anchors = [null, ...told.items];
      this.length = told.total;
      this.complete = true;
      this.loaded = true;
      const { first, last } = this.#seen;
      const blocks = new Set([first, Math.max(first, last - 1)].map((index) => Math.floor(Math.min(index, Math.max(0, this.length - 1)) / BLOCK)));
      // What is out of sight is read again when it comes into sight.
      for (const index of this.#rows.keys()) if (index >= this.length || !blocks.has(Math.floor(index / BLOCK))) this.#rows.delete(index);
      await Promise.all([...blocks].map((block) => this.#block(block, true)));
      return undefined;
    });
  }

  /**
   * @param {number} block
   * @param {boolean} [again] also if it was read
   */
  async #block(block, again = false) {
    if (!again && this.#rows.has(block * BLOCK)) return;
    await this.#try(block, async () => {
      let after = this.#anchors?.[block] ?? null;
      // Packages with long notes come in several pages.
      for (let at = 0; at < BLOCK;) {
        const page = await this.#page(BLOCK - at, after);
        for (const row of page.items) this.#rows.set(block * BLOCK + at++, row);
        after = page.next;
        if (after === null) break;
      }
      this.#forget();
    });
  }

  /** Lets go what is farthest from what is in sight. */
  #forget() {
    const here = Math.floor(this.#seen.first / BLOCK);
    const blocks = [...new Set([...this.#rows.keys()].map((index) => Math.floor(index / BLOCK)))].sort((a, b) => Math.abs(a - here) - Math.abs(b - here));
    for (const block of blocks.slice(BLOCKS_KEPT)) for (let at = 0; at < BLOCK; at += 1) this.#rows.delete(block * BLOCK + at);
  }

  /** The next page of a filtered list. */
  async #more() {
    await this.#try(0, async () => {
      const page = await this.#page(PAGE, this.#next);
      page.items.forEach((row, at) => this.#rows.set(this.length + at, row));
      this.length += page.items.length;
      this.#next = page.next;
      this.complete = page.next === null;
      this.loaded = true;
      // A page may be empty and still have a next.
      if (page.items.length === 0 && page.next) setTimeout(() => void this.#more());
    });
  }

  /** A filtered list anew, to a page behind what is in sight: nothing moves below who looks at it. */
  async #again() {
    await this.#try(0, async () => {
      const wanted = Math.min(this.length, this.#seen.last + PAGE);
      /** @type {Package[]} */
      const rows = [];
      let next = /** @type {string | null} */ (null);
      do {
        const page = await this.#page(Math.min(BLOCK, Math.max(PAGE, wanted - rows.length)), next);
        rows.push(...page.items);
        next = page.next;
      } while (next !== null && rows.length < wanted);
      this.#rows = new Map(rows.map((row, at) => [at, row]));
      this.length = rows.length;
      this.#next = next;
      this.complete = next === null;
      this.loaded = true;
    });
  }

  /**
   * @param {number} limit
   * @param {string | null} after
   */
  #page(limit, after) {
    return call('list_packages', { query: { ...this.query, replicas: true, limit, after }, signal: this.#stop.signal, background: true });
  }

  /**
   * @param {number} block what is read; twice at once is once
   * @param {() => Promise<unknown>} read
   */
  async #try(block, read) {
    if (this.#reading.has(block)) return;
    this.#reading.add(block);
    try {
      await read();
      this.problem = null;
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.problem = asProblem(error);
      this.#quietUntil = Date.now() + QUIET_MS;
    } finally {
      this.#reading.delete(block);
    }
    this.dispatchEvent(new Event('change'));
  }
}
