/** The newest records of the journal, kept up to date by the live stream. */

import { call } from './api.js';
import { live } from './live.js';
import { node } from './node.js';

/** @typedef {import('./types.js').Happening} Happening */

const KEPT = 200;
/** How far back it is looked at first: the journal is listed from its beginning on. */
const LOOK_BACK = 400;

class Recent extends EventTarget {
  /** @type {Happening[] | null} newest first; null until read */
  records = null;
  #users = 0;
  /** @type {(() => void)[]} */
  #stops = [];

  /** Somebody shows it from now on. Returns what ends that. */
  hold() {
    if (++this.#users === 1) this.#begin();
    return () => {
      if (--this.#users === 0) for (const stop of this.#stops.splice(0)) stop();
    };
  }

  #begin() {
    const again = () => void this.#read();
    live.addEventListener('gap', again);
    this.#stops = [live.on(['*'], (records) => this.#take(records)), () => live.removeEventListener('gap', again)];
    void this.#read();
  }

  async #read() {
    if (!node.value) await node.refresh();
    const head = node.value?.log.head ?? 0;
    const page = await call('list_events', { query: { after: Math.max(0, head - LOOK_BACK), limit: LOOK_BACK }, background: true }).catch(() => null);
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
