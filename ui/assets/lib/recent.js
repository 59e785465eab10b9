/** The newest records of the journal, kept up to date by the live stream. */

import { call } from './api.js';
import { live } from './live.js';

/** @typedef {import('./types.js').Happening} Happening */

const KEPT = 200;

class Recent extends EventTarget {
  /** @type {Happening[] | null} newest first; null until read */
  records = null;
  #users = 0;
  /** Ends what it listens to, once nobody shows it any more. */
  #shown = new AbortController();

  /** Somebody shows it from now on. Returns what ends that. */
  hold() {
    if (++this.#users === 1) this.#begin();
    return () => {
      if (--this.#users === 0) this.#shown.abort();
    };
  }

  #begin() {
    this.#shown = new AbortController();
    const { signal } = this.#shown;
    live.addEventListener('gap', () => void this.#read(), { signal });
    signal.addEventListener('abort', live.on(['*'], (records) => this.#take(records)));
    void this.#read();
  }

  async #read() {
    // Above every number that a journal has, so from its end on.
    const page = await call('list_events', { query: { before: Number.MAX_SAFE_INTEGER, limit: KEPT }, background: true }).catch(() => null);
    if (page) this.#take(page.items);
  }

  /** @param {Happening[]} records */
  #take(records) {
    const known = new Set((this.records ?? []).map((record) => record.lsn));
    const fresh = records.filter((record) => !known.has(record.lsn));
    this.records = [...fresh, ...(this.records ?? [])].sort((a, b) => b.lsn - a.lsn).slice(0, KEPT);
    this.dispatchEvent(new Event('change'));
  }
}

/** The newest records. */
export const recent = new Recent();
