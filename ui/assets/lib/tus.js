/**
 * Sending one file by tus 1.0 (tus.io/protocols/resumable-upload), in chunks that each carry their SHA-256: what the node has
 * counted is what it has verified. A chunk takes about a second, so that a pause or a cut costs no more than that.
 */

import { request } from './api.js';
import { base64, base64Text } from './base64.js';
import { Problem } from './problem.js';
import { sha256 } from './sha256.js';

const VERSION = { 'tus-resumable': '1.0.0' };
const CHUNK_MIN = 1 << 20;
const CHUNK_MAX = 32 << 20;
const CHUNK_MS = 1000;
/** Times in a row that the node may be out of reach, or find a chunk damaged, before the person is asked. */
const TRIES = 8;
const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 15_000;
/** A chunk that takes as long makes one ask whether the node is there at all. */
const LONG_MS = 10_000;

/** @typedef {{ path: string, title?: string, version?: string, identifier?: string, notes?: string, tags?: string }} UploadFacts */

/**
 * Begins an upload. What a publish would be refused for is refused now.
 *
 * @param {number} size
 * @param {UploadFacts} facts
 * @param {string | null} replaces the revision that it replaces; null: nothing. Where something else is at the path, now or when it
 *   would be published, it is refused (412)
 * @returns {Promise<string>} its id
 */
export async function begin(size, facts, replaces) {
  const pairs = Object.entries(facts).filter(([, value]) => value);
  const metadata = pairs.map(([key, value]) => `${key} ${base64Text(value)}`).join(',');
  const condition = replaces === null ? { 'if-none-match': '*' } : { 'if-match': `"${replaces}"` };
  const headers = { ...VERSION, ...condition, 'upload-length': String(size), 'upload-metadata': metadata };
  const response = await whileThere(new AbortController().signal, (signal) => request('begin_upload', { headers, signal }));
  const id = response.headers.get('location')?.split('/').pop();
  if (!id) throw new Problem(response.status, 'unknown', 'no Location');
  return id;
}

/**
 * How many bytes the node has; all of them only when they are published.
 *
 * @param {string} id
 * @param {AbortSignal} [signal]
 */
export async function offset(id, signal) {
  const response = await request('tell_offset', { path: { id }, headers: VERSION, background: true, ...(signal && { signal }) });
  return Number(response.headers.get('upload-offset'));
}

/**
 * Sends the rest of a file, from where the node has got to, until it is published. Told to stop, it throws an AbortError.
 *
 * @param {string} id
 * @param {File} file
 * @param {{ signal: AbortSignal, sending: (bytes: number) => void, verified: (bytes: number) => void, waiting: (problem: Problem | null) => void }} on
 *   sending: bytes that are on their way or there; verified: bytes that the node has and has verified
 */
export async function sendAll(id, file, on) {
  const pace = { chunk: CHUNK_MIN, tries: 0 };
  for (;;) {
    try {
      let at = await offset(id, on.signal);
      on.verified(at);
      on.waiting(null);
      while (at < file.size) {
        at = await sendChunk(id, file, at, pace, on);
        pace.tries = 0;
        on.verified(at);
      }
      return;
    } catch (error) {
      if (on.signal.aborted || !(error instanceof Problem) || !mayPass(error) || ++pace.tries >= TRIES) throw error;
      on.waiting(error);
      await pause(Math.min(RETRY_FIRST_MS * 2 ** pace.tries, RETRY_MAX_MS), on.signal);
    }
  }
}

/**
 * @param {string} id
 * @param {File} file
 * @param {number} at
 * @param {{ chunk: number }} pace
 * @param {{ signal: AbortSignal, sending: (bytes: number) => void }} on
 * @returns {Promise<number>} where it goes on
 */
async function sendChunk(id, file, at, pace, on) {
  const chunk = file.slice(at, at + pace.chunk);
  const digest = base64(await sha256(new Uint8Array(await chunk.arrayBuffer())));
  on.sending(at + chunk.size);
  const began = performance.now();
  const headers = { ...VERSION, 'content-type': 'application/offset+octet-stream', 'upload-offset': String(at), 'upload-checksum': `sha256 ${digest}` };
  const response = await whileThere(on.signal, (signal) => request('send_bytes', { path: { id }, body: chunk, headers, signal }));
  const took = Math.max(1, performance.now() - began);
  pace.chunk = Math.round(Math.min(CHUNK_MAX, Math.max(CHUNK_MIN, Math.min(pace.chunk * 2, (chunk.size * CHUNK_MS) / took))));
  return Number(response.headers.get('upload-offset'));
}

/**
 * Does something that may take any time as long as the node answers other questions: a host that dropped off the network takes bytes
 * for a quarter of an hour without a word.
 *
 * @template T
 * @param {AbortSignal} signal
 * @param {(signal: AbortSignal) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function whileThere(signal, work) {
  const gone = new AbortController();
  const ask = () => request('show_session', { background: true }).catch((error) => {
    if (error instanceof Problem && error.code === 'unreachable') gone.abort(error);
  });
  const asking = setInterval(ask, LONG_MS);
  try {
    return await work(AbortSignal.any([signal, gone.signal]));
  } finally {
    clearInterval(asking);
  }
}

/**
 * 460: a chunk was damaged on its way; 409: somebody else sent meanwhile, or the node stands elsewhere. HEAD tells how to go on.
 *
 * @param {Problem} problem
 */
function mayPass(problem) {
  return problem.passing || problem.status === 460 || (problem.status === 409 && problem.code !== 'upload_refused');
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal
 */
function pause(ms, signal) {
  return new Promise((/** @type {(value?: unknown) => void} */ resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
