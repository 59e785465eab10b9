/**
 * Something of the node that a page shows and keeps fresh: read when it is first needed, again when the node tells of something
 * that changes it, and every now and then while it is looked at. Whoever uses the same one shares it.
 *
 *     const transfers = resource('list_transfers', {}, { everyMs: 2000, on: ['package.*'] });
 *
 * Elements use it through `this.use(transfers)`; see `elements/base.js`.
 */

import { call, shownThings } from './api.js';
import { live } from './live.js';
import { Problem, asProblem } from './problem.js';
import { session } from './session.js';

/** @typedef {import('./types.js').OperationId} OperationId */
/** @typedef {import('./types.js').Happening} Happening */
/** @typedef {{ everyMs?: number, on?: string[], about?: (record: Happening) => boolean }} Freshness `about`: which records of these types; else all */

/** News come in bursts; what they change is read at most once in this time. */
const SETTLE_MS = 400;

/** @template T */
export class Resource extends EventTarget {
  /** @type {T | undefined} undefined until it was read */
  value = undefined;
  /** @type {import('./problem.js').Problem | null} why it couldn't be read last; `value` may still be there */
  problem = null;
  #users = 0;
  #reading = false;
  #again = false;
  #readAt = 0;
  /** Which thing it is about. */
  #run = 0;
  /** @type {ReturnType<typeof setTimeout> | null} */
  #timer = null;
  /** Ends what it listens to, once nobody shows it any more. */
  #shown = new AbortController();

  /**
   * @param {() => Promise<T>} read
   * @param {Freshness} freshness
   */
  constructor(read, { everyMs = 60_000, on = [], about = () => true }) {
    super();
    this.read = read;
    this.everyMs = everyMs;
    this.types = on;
    this.about = about;
  }

  /** Somebody shows it from now on. Returns what ends that. */
  hold() {
    this.#users += 1;
    if (this.#users === 1) this.#begin();
    return () => {
      this.#users -= 1;
      if (this.#users === 0) this.#end();
    };
  }

  /** Reads it now. */
  async refresh() {
    if (this.#reading) {
      this.#again = true;
      return;
    }
    this.#reading = true;
    const run = this.#run;
    let { value } = this;
    /** @type {Problem | null} */
    let problem = null;
    try {
      value = await this.read();
    } catch (error) {
      problem = asProblem(error);
    }
    if (run !== this.#run) return;
    Object.assign(this, { value, problem });
    this.#reading = false;
    this.#readAt = Date.now();
    this.dispatchEvent(new Event('change'));
    const soon = this.#again;
    this.#again = false;
    if (this.#users > 0) this.#plan(soon ? SETTLE_MS : this.everyMs);
  }

  /** It is about another thing from now on: what was told of the one before goes, and an answer on its way isn't taken. */
  anew() {
    Object.assign(this, { value: undefined, problem: null });
    this.#run += 1;
    this.#reading = false;
    this.#again = false;
    void this.refresh();
  }

  /** Reads it soon: something changed. */
  stale() {
    if (this.#reading) this.#again = true;
    else this.#plan(Math.max(SETTLE_MS, this.#readAt + SETTLE_MS * 2 - Date.now()));
  }

  #begin() {
    const wake = () => document.hidden || this.stale();
    const back = () => live.state === 'live' && this.stale();
    this.#shown = new AbortController();
    const { signal } = this.#shown;
    document.addEventListener('visibilitychange', wake, { signal });
    live.addEventListener('state', back, { signal });
    live.addEventListener('gap', wake, { signal });
    shownThings.addEventListener('stale', wake, { signal });
    signal.addEventListener('abort', live.on(this.types, (records) => records.some(this.about) && this.stale()));
    void this.refresh();
  }

  #end() {
    this.#shown.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** @param {number} ms */
  #plan(ms) {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#users === 0) return;
      // Nobody looks: read when somebody does again.
      if (!document.hidden) void this.refresh();
    }, ms);
  }
}

/**
 * What an operation tells, kept fresh. One that the signed-in person may not call isn't called: its problem says why.
 *
 * @template {OperationId} K
 * @param {K} operation
 * @param {import('./api.js').CallOptions} [options]
 * @param {Freshness} [freshness]
 * @returns {Resource<import('./types.js').Answer<K>>}
 */
export function resource(operation, options = {}, freshness = {}) {
  return new Resource(async () => {
    const refusal = session.refusal(operation);
    if (refusal) throw new Problem(403, 'forbidden', refusal);
    return call(operation, { ...options, background: true });
  }, freshness);
}
