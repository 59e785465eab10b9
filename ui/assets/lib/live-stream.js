/**
 * One connection to the journal's stream (`GET /api/v1/events/stream`), kept up for good: after a cut it goes on behind the last
 * record seen (`Last-Event-ID`), and if the journal no longer reaches back so far it tells of a gap. Runs in a SharedWorker, or in
 * the page where there is none. Read with `fetch`, not `EventSource`: that hides a 401 and drops types it wasn't told of.
 */

/** @typedef {import('./types.js').Happening} Happening */
/** @typedef {'connecting' | 'live' | 'lost' | 'signed-out'} LiveState */
/**
 * @typedef {{ kind: 'state', state: LiveState } | { kind: 'records', records: Happening[] } | { kind: 'gap', head: number }} LiveMessage
 */

const URL_OF_STREAM = '/api/v1/events/stream';
/** The node says something every 15 s; silence for this long is a dead connection. */
const SILENCE_MS = 25_000;
/** A host that dropped off the network answers nothing, not even that it doesn't. */
const ANSWER_MS = 10_000;
const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 10_000;
/** Records are handed on in batches, so that 10,000 a minute cost ten renderings a second at most. */
const BATCH_MS = 100;

export class LiveStream {
  /** @type {LiveState} */
  state = 'connecting';
  /** @type {string | null} */
  #lastId = null;
  #retryMs = RETRY_FIRST_MS;
  /** @type {Happening[]} */
  #batch = [];
  /** @type {(() => void) | null} ends the present wait */
  #wake = null;
  /** @type {AbortController | null} */
  #connection = null;

  /** @param {(message: LiveMessage) => void} tell */
  constructor(tell) {
    this.tell = tell;
    void this.#run();
  }

  /** Tries again now: somebody signed in, the network is back, or the person asked. */
  retry() {
    this.#retryMs = RETRY_FIRST_MS;
    this.#wake?.();
  }

  async #run() {
    for (;;) {
      await this.#connect();
      const wait = this.#retryMs * (0.75 + Math.random() / 2);
      this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MAX_MS);
      await this.#pause(this.state === 'signed-out' ? null : wait);
    }
  }

  /** @param {number | null} ms null: until woken */
  #pause(ms) {
    return new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
      const timer = ms === null ? null : setTimeout(resolve, ms);
      this.#wake = () => {
        if (timer !== null) clearTimeout(timer);
        resolve();
      };
    });
  }

  /** One connection, from its beginning to its end. */
  async #connect() {
    this.#connection = new AbortController();
    const { signal } = this.#connection;
    /** @type {Record<string, string>} */
    const headers = { accept: 'text/event-stream' };
    if (this.#lastId !== null) headers['last-event-id'] = this.#lastId;
    try {
      const response = await this.#within(ANSWER_MS, fetch(URL_OF_STREAM, { headers, signal, credentials: 'same-origin', cache: 'no-store' }));
      if (response.status === 401) return this.#be('signed-out');
      if (!response.ok || !response.body) return this.#be('lost');
      this.#be('live');
      this.#retryMs = RETRY_FIRST_MS;
      await this.#read(response.body);
      // It ended in good order: the node stops, others need the connection, or the session is over. The next try tells which.
      this.#be('connecting');
    } catch {
      this.#be('lost');
    }
  }

  /**
   * Waits for the node, or cuts the connection.
   *
   * @template T
   * @param {number} ms
   * @param {Promise<T>} answer
   */
  #within(ms, answer) {
    const timer = setTimeout(() => this.#connection?.abort(), ms);
    return answer.finally(() => clearTimeout(timer));
  }

  /** @param {ReadableStream<Uint8Array>} body */
  async #read(body) {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    let rest = '';
    for (;;) {
      const { done, value } = await this.#within(SILENCE_MS, reader.read());
      if (done) return;
      const blocks = (rest + decoder.decode(value, { stream: true })).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) this.#take(block);
    }
  }

  /** @param {string} block the lines of one event */
  #take(block) {
    let event = 'message';
    let data = '';
    for (const line of block.split('\n')) {
      const [field, value] = split(line);
      if (field === 'id') this.#lastId = value;
      else if (field === 'event') event = value;
      else if (field === 'data') data += value;
    }
    if (data === '') return;
    if (event !== 'reset') return this.#hand(JSON.parse(data));
    this.#flush();
    this.tell({ kind: 'gap', head: JSON.parse(data).head });
  }

  /** @param {Happening} record */
  #hand(record) {
    this.#batch.push(record);
    if (this.#batch.length === 1) setTimeout(() => this.#flush(), BATCH_MS);
  }

  #flush() {
    const records = this.#batch;
    this.#batch = [];
    if (records.length > 0) this.tell({ kind: 'records', records });
  }

  /** @param {LiveState} state */
  #be(state) {
    if (state === this.state) return;
    this.state = state;
    this.tell({ kind: 'state', state });
  }
}

/**
 * @param {string} line
 * @returns {[string, string]}
 */
function split(line) {
  const colon = line.indexOf(':');
  if (colon < 0) return [line, ''];
  return [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, '')];
}
