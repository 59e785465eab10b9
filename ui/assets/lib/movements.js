/**
 * What moves or waits in the whole mesh, as one list: what this node fetches and sends, and what the others still lack. Pure.
 *
 * What this node sends to another is the same movement as what that one lacks of it: one row, with how far the receiver says it is,
 * since of what is sent in slices only the receiver knows the whole.
 */

import { hearsNothing } from './health.js';

/** @typedef {import('./types.js').MeshNode} MeshNode */
/** @typedef {import('./types.js').MissingPackage} MissingPackage */
/** @typedef {import('./types.js').Transfer} Transfer */

/**
 * @typedef {object} Movement
 * @property {'in' | 'out' | 'elsewhere'} direction seen from this node
 * @property {string | null} node the other one: whom it goes to, or where it comes in
 * @property {string | null} client to whom it goes, if that is no node
 * @property {string | null} path null: not known, or `more` packages
 * @property {string} blob
 * @property {number} more packages that are not listed by themselves; 0: this is one
 * @property {number} [events] this is no package, but so many events that a node hasn't heard of yet, and whatever they bring
 * @property {number | null} done bytes; null: unknown
 * @property {number | null} total
 * @property {number | null} rate bytes a second; null: not told for this alone
 * @property {number | null} seconds that it will take
 * @property {readonly string[] | null} sources nodes; null: not told
 * @property {string} state `moving`, or else it waits
 * @property {string | null} reason
 */

/** What a node lacks: the first packages of it. @typedef {{ node: MeshNode, items: readonly MissingPackage[] }} Lacks */

/**
 * @param {readonly Transfer[]} own
 * @param {readonly Lacks[]} others
 * @returns {Movement[]} what moves first, else in the order given
 */
export function movements(own, others) {
  const lacks = new Map(others.flatMap(({ node, items }) => items.map((item) => [`${node.id} ${item.path}`, item])));
  const told = own.map((one) => ownMovement(one, lacks.get(`${one.peer} ${one.path}`)));
  const sent = new Set(own.filter((one) => one.direction === 'out' && one.peer).map((one) => `${one.peer} ${one.path}`));
  const theirs = others.flatMap(({ node, items }) => {
    const rows = items.filter((item) => !sent.has(`${node.id} ${item.path}`)).map((item) => theirMovement(node, item));
    const more = (node.wants ?? 0) - items.length;
    return [...rows, ...(more > 0 ? [rest(node, more)] : []), ...(hearsNothing(node) ? [news(node)] : [])];
  });
  const all = [...told, ...theirs];
  return [...all.filter((one) => one.state === 'moving'), ...all.filter((one) => one.state !== 'moving')];
}

/** @param {Transfer} one @param {MissingPackage | undefined} lacked by whom it goes to @returns {Movement} */
function ownMovement(one, lacked) {
  const out = one.direction === 'out';
  const missing = lacked?.bytes_missing;
  const known = out && lacked && missing !== null && missing !== undefined;
  return {
    direction: out ? 'out' : 'in', node: out ? one.peer : null, client: one.client, path: one.path, blob: one.blob, more: 0,
    done: known ? Math.max(0, lacked.size - missing) : one.bytes.done, total: known ? lacked.size : one.bytes.total,
    rate: one.rate_bytes_per_s, seconds: known ? lacked.eta_s ?? (one.rate_bytes_per_s ? missing / one.rate_bytes_per_s : null)
      : one.eta_s, sources: out ? null : one.sources, state: one.state, reason: one.reason,
  };
}

/** @param {MeshNode} node @param {MissingPackage} item @returns {Movement} */
function theirMovement(node, { path, size, bytes_missing: missing, eta_s: seconds, state, reason }) {
  return {
    direction: 'elsewhere', node: node.id, client: null, path, blob: '', more: 0, done: missing === null ? null : Math.max(0, size - missing), total: size,
    rate: null, seconds, sources: null, state: state === 'fetching' ? 'moving' : state, reason,
  };
}

/** @param {MeshNode} node @returns {Movement} */
const news = (node) => ({
  direction: 'elsewhere', node: node.id, client: null, path: null, blob: '', more: 0, events: node.behind.events ?? 0, done: null, total: null,
  rate: null, seconds: null, sources: null, state: 'waiting', reason: null,
});

/** Of one that is away nothing moves, whatever it said last. @param {MeshNode} node @param {number} more @returns {Movement} */
const rest = (node, more) => {
  const rate = node.state === 'down' ? null : node.rate_bytes_per_s;
  return {
    direction: 'elsewhere', node: node.id, client: null, path: null, blob: '', more, done: null, total: null,
    rate, seconds: rate ? node.eta_s : null, sources: null, state: rate ? 'moving' : 'waiting', reason: null,
  };
};
