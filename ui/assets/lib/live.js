/**
 * What happens on the node, as it happens.
 *
 *     const stop = live.on(['package.*', 'peer.up'], (records) => …);    // batches, in order
 *     live.addEventListener('state', …); live.state                       // connecting, live, lost, signed-out
 *     live.addEventListener('gap', …)                                     // records were missed: read again what you show
 *
 * All tabs share one connection through a SharedWorker; where there is none, or it can't be had, each has its own.
 */

import { gate } from './session-gate.js';
import { LiveStream } from './live-stream.js';
import { scriptUrl } from './trusted.js';

/** @typedef {import('./live-stream.js').LiveState} LiveState */
/** @typedef {import('./types.js').Happening} Happening */
/** @typedef {{ types: string[], tell: (records: Happening[]) => void }} Listener */

class Live extends EventTarget {
  /** @type {LiveState} */
  state = 'connecting';
  /** When it was live last; for "connection lost 20 s ago". */
  since = Date.now();
  /** @type {Set<Listener>} */
  #listeners = new Set();
  /** @type {(() => void) | null} */
  #retry = null;

  /** Connects; called once somebody is signed in. Again: tries again now. */
  start() {
    if (this.#retry) return this.#retry();
    this.#retry = this.#worker() ?? this.#own();
    gate.addEventListener('renewed', () => this.retry());
    addEventListener('online', () => this.retry());
  }

  retry() {
    this.#retry?.();
  }

  /** Connects, and tells whether the node lets this browser follow: whether somebody is signed in. */
  isLetIn() {
    return new Promise((/** @type {(is: boolean) => void} */ resolve) => {
      const told = () => {
        if (this.state === 'connecting') return;
        this.removeEventListener('state', told);
        resolve(this.state !== 'signed-out');
      };
      this.addEventListener('state', told);
      this.start();
      told();
    });
  }

  /**
   * Tells of records of some types (`peer.up`, `package.*`, `*`), until the function returned is called.
   *
   * @param {string[]} types
   * @param {(records: Happening[]) => void} tell
   */
  on(types, tell) {
    const listener = { types, tell };
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #worker() {
    if (typeof SharedWorker === 'undefined') return null;
    try {
      const worker = new SharedWorker(/** @type {string} */ (scriptUrl(new URL('live-worker.js', import.meta.url))), { type: 'module', name: 'ods-live' });
      worker.port.addEventListener('message', ({ data }) => this.#take(data));
      worker.port.start();
      // It can't be had: the node is another version by now, or is away. Or it is there, and failed once (Firefox): it isn't heard any more.
      worker.addEventListener('error', () => {
        worker.port.postMessage('bye');
        this.#retry = this.#own();
      }, { once: true });
      addEventListener('pagehide', (event) => event.persisted || worker.port.postMessage('bye'));
      return () => worker.port.postMessage('retry');
    } catch {
      return null;
    }
  }

  #own() {
    const stream = new LiveStream((message) => this.#take(message));
    return () => stream.retry();
  }

  /** @param {import('./live-stream.js').LiveMessage} message */
  #take(message) {
    if (message.kind === 'records') return this.#records(message.records);
    if (message.kind === 'gap') return void this.dispatchEvent(new CustomEvent('gap', { detail: message.head }));
    if (message.state === this.state) return undefined;
    this.state = message.state;
    this.since = Date.now();
    this.dispatchEvent(new Event('state'));
  }

  /** @param {Happening[]} records */
  #records(records) {
    for (const { types, tell } of this.#listeners) {
      const wanted = records.filter((record) => types.some((type) => covers(type, record.type)));
      if (wanted.length > 0) tell(wanted);
    }
  }
}

/**
 * @param {string} pattern
 * @param {string} type
 */
function covers(pattern, type) {
  return pattern === '*' || pattern === type || (pattern.endsWith('.*') && type.startsWith(pattern.slice(0, -1)));
}

/** The live stream of this page. */
export const live = new Live();
