/**
 * The one place that talks to the API.
 *
 *     const page = await call('list_packages', { query: { q: 'fire', limit: 100 } });
 *     await call('remove_package', { path: { path: 'mac/x.pkg' }, headers: { 'If-Match': `"${revision}"` } });
 *
 * Only operations of the OpenAPI document can be called (`operations.js` is made from it). What fails throws a `Problem`.
 * If the session is over (401), the call waits until the person has signed in again in a dialog above the page, and is then
 * made again: nothing that was typed is lost, and no page has to know. The last calls are kept for "copy as curl".
 */

import { OPERATIONS } from './operations.js';
import { Problem } from './problem.js';
import { readsMayGo, renewSession } from './session-gate.js';

/** @typedef {import('./types.js').OperationId} OperationId */

/**
 * @typedef {object} CallOptions
 * @property {Record<string, string>} [path] values for the `{…}` of the address, not encoded
 * @property {Record<string, string | number | boolean | readonly string[] | null | undefined>} [query] null and undefined are left out
 * @property {unknown} [body] sent as JSON, except Blobs and byte arrays, which are sent as they are
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 * @property {boolean} [anonymous] don't ask to sign in: a 401 is an answer
 * @property {boolean} [patient] a read that may take any time
 * @property {boolean} [background] a refresh that nobody asked for: not in "copy as curl"
 */

/**
 * @typedef {object} Call
 * @property {OperationId} operation
 * @property {string} method
 * @property {string} url path and query
 * @property {Record<string, string>} headers
 * @property {unknown} body
 * @property {number} status
 */

/** A host that dropped off the network answers nothing, not even that it doesn't: a read isn't waited for any longer than this. */
export const READ_MAX_MS = 20_000;

/** @type {Call[]} the last calls, newest first */
const recent = [];
const RECENT_MAX = 20;
/** @type {Map<string, Call>} what was read last for showing it, by operation and address */
const reads = new Map();

/** Tells with a `stale` event that a change was refused since what is shown isn't so any more: whoever shows something reads it anew. */
export const shownThings = new EventTarget();

/**
 * Make a call.
 *
 * @template {OperationId} K
 * @param {K} operation
 * @param {CallOptions} [options]
 * @returns {Promise<import('./types.js').Answer<K>>} the body; undefined if there is none
 */
export async function call(operation, options = {}) {
  const response = await request(operation, options);
  const json = response.headers.get('content-type')?.startsWith('application/json');
  return json ? response.json().catch((error) => cut(error, options)) : /** @type {any} */ (undefined);
}

/**
 * Make a call and get the answer whole, for its headers.
 *
 * @param {OperationId} operation
 * @param {CallOptions} [options]
 * @returns {Promise<Response>}
 */
export async function request(operation, options = {}) {
  for (;;) {
    if (options.background) await readsMayGo();
    const response = await send(operation, options);
    if (response.ok || response.status === 304) return response;
    if (response.status === 412) shownThings.dispatchEvent(new Event('stale'));
    if (response.status !== 401 || options.anonymous) throw await Problem.of(response);
    await renewSession();
  }
}

/**
 * @param {OperationId} operation
 * @param {CallOptions} options
 */
async function send(operation, options) {
  const { method } = OPERATIONS[operation];
  const url = address(operation, options);
  /** @type {Record<string, string>} */
  const headers = { accept: 'application/json', ...options.headers };
  const raw = isRaw(options.body);
  if (options.body !== undefined && !raw) headers['content-type'] = 'application/json';
  const body = options.body === undefined ? null : raw ? options.body : JSON.stringify(options.body);
  try {
    const response = await fetch(url, {
      method, headers, body: /** @type {BodyInit | null} */ (body), signal: signalOf(method, options), credentials: 'same-origin',
    });
    const made = { operation, method, url, headers, body: redacted(options.body), status: response.status };
    if (options.background) rememberRead(made);
    else remember(made);
    return response;
  } catch (error) {
    return cut(error, options);
  }
}

/** What ends a call before it is answered. @param {string} method @param {CallOptions} options */
function signalOf(method, { signal, patient }) {
  const late = method === 'GET' || method === 'HEAD' ? AbortSignal.timeout(READ_MAX_MS) : null;
  if (patient || !late) return signal ?? null;
  return signal ? AbortSignal.any([signal, late]) : late;
}

/** No answer came, or not all of it. @param {unknown} error @param {CallOptions} options @returns {never} */
function cut(error, { signal }) {
  throw signal?.aborted ? error : Problem.unreachable(error);
}

/**
 * The address of an operation: path values encoded by segment, the query in the order given.
 *
 * @param {OperationId} operation
 * @param {Pick<CallOptions, 'path' | 'query'>} options
 */
export function address(operation, { path = {}, query = {} }) {
  const filled = OPERATIONS[operation].path.replace(/\{(\w+)\}/g, (_, /** @type {string} */ name) => encodePath(path[name] ?? ''));
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== null && one !== undefined) asked.append(name, String(one));
  }
  return asked.size ? `${filled}?${asked}` : filled;
}

/**
 * A package's path for an address: each segment encoded, the slashes kept.
 *
 * @param {string} path
 */
export function encodePath(path) {
  return path.split('/').map(encodeURIComponent).join('/');
}

/** The last calls, newest first. */
export function recentCalls() {
  return recent;
}

/** What was read last for showing it, newest first. */
export function recentReads() {
  return [...reads.values()].reverse();
}

/** @param {Call} made */
function rememberRead(made) {
  const key = `${made.method} ${made.url.split('?')[0]}`;
  reads.delete(key);
  reads.set(key, made);
  for (const oldest of reads.keys()) if (reads.size > RECENT_MAX) reads.delete(oldest);
}

/** @param {Call} made */
function remember(made) {
  recent.unshift(made);
  recent.length = Math.min(recent.length, RECENT_MAX);
}

const SECRETS = ['password', 'token', 'set_up', 'present', 'new', 'invite'];

/** A body without the secrets that were typed. @param {unknown} body */
export const redacted = (body) => (isRaw(body) || body === undefined ? body : JSON.parse(JSON.stringify(body, (key, value) => (SECRETS.includes(key) ? '…' : value))));

/** What is sent as it is. @param {unknown} body */
export function isRaw(body) {
  return body instanceof Blob || body instanceof Uint8Array;
}
