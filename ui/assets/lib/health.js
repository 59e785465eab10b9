/** Whether all is well, and if not, why: from what the node tells; and how far clocks are off. Pure. */

import * as format from './format.js';
import { overview as words } from './strings.js';

/** @typedef {{ tone: 'warn' | 'bad', words: string, href: string }} Trouble */

/** From here on it is said: certificates and tokens expire wrongly by such a clock. */
export const CLOCK_OFF_MS = 30_000;
const DISK_LOW_SHARE = 0.05;
const DAY_MS = 24 * 3600 * 1000;
const ALARM_KEPT_MS = DAY_MS;
/** A certificate that ends so soon should have been renewed: most are good for 90 days, and renewed after 60. */
export const ENDS_SOON_DAYS = 14;
/** Two nodes that have just paired, or one that was just started, take a moment to find each other. */
const MOMENT_MS = 5000;

/**
 * Whether a node can't be reached. One that can't be yet, though something was heard of it a moment ago, isn't called so.
 *
 * @param {import('./types.js').MeshNode} node
 * @param {readonly import('./types.js').MeshNode[]} nodes
 * @param {number} [now]
 */
export function isDown(node, nodes, now = Date.now()) {
  const ago = now - (saidAt(node, nodes) ?? -Infinity);
  return node.state === 'down' && !(ago >= 0 && ago < MOMENT_MS);
}

/**
 * When a node said last how it stands, by this node's clock as far as it is known how theirs differ.
 *
 * @param {import('./types.js').MeshNode} node
 * @param {readonly import('./types.js').MeshNode[]} nodes
 */
const saidAt = (node, nodes) => (node.as_of === null ? null : Date.parse(node.as_of) - (clockAhead(node, nodes) ?? 0));

/**
 * When a node was heard of last; null if that can't be told: a time that is still to come was told by a clock that is ahead, or this
 * browser's is behind. A node that is up was heard of by now, though.
 *
 * @param {import('./types.js').MeshNode} node
 * @param {readonly import('./types.js').MeshNode[]} nodes
 * @param {string | null} [heard] when this node heard of it last, if it has a link with it; its state may be older
 */
export function heardOf(node, nodes, heard = null) {
  const now = Date.now();
  const at = heard ? Date.parse(heard) : -Infinity;
  const times = [saidAt(node, nodes) ?? -Infinity, node.state === 'up' ? Math.min(now, at) : at];
  const last = Math.max(...times.filter((time) => time < now + MOMENT_MS));
  return last > 0 ? new Date(Math.min(now, last)).toISOString() : null;
}

/** Whether there is something that a node doesn't know of yet, and nobody reaches it: what it lacks can't be told. @param {import('./types.js').MeshNode} node */
export const hearsNothing = (node) => node.state === 'down' && (node.behind.events ?? 0) > 0;

/**
 * @param {object} known
 * @param {import('./types.js').MeshNode[]} known.nodes
 * @param {import('./types.js').NodeFacts | undefined} known.node
 * @param {import('./types.js').Scrub | undefined} known.scrub
 * @param {import('./types.js').Happening[]} known.records
 * @param {boolean} known.conflicts
 * @param {number} [known.now]
 * @returns {Trouble[]} the worst first
 */
export function troubles({ nodes, node, scrub, records, conflicts, now = Date.now() }) {
  /** @type {Trouble[]} */
  const found = [];
  const paused = new Set(nodes.find((one) => one.this)?.links.filter((link) => link.state === 'paused').map((link) => link.node));
  const down = nodes.filter((one) => isDown(one, nodes, now) && !paused.has(one.id)).length;
  const clocks = nodes.filter((one) => Math.abs(clockAhead(one, nodes) ?? 0) > CLOCK_OFF_MS).length;
  const alarms = records.filter((one) => one.type === 'node.alarm' && now - new Date(one.at).getTime() < ALARM_KEPT_MS).length;
  const damaged = scrub ? scrub.damaged + scrub.unreadable : 0;
  if (damaged) found.push({ tone: 'bad', words: words.damagedFound(damaged), href: '/ui/storage' });
  if (alarms) found.push({ tone: 'bad', words: words.alarms(alarms), href: '/ui/events?type=node.alarm' });
  if (node && isLow(node.storage)) found.push({ tone: 'bad', words: words.diskLow, href: '/ui/storage' });
  const days = Math.min(...(node?.listeners ?? []).map((one) => daysLeft(one.certificate?.expires_at, now) ?? Infinity));
  if (days <= ENDS_SOON_DAYS) found.push({ tone: days < 0 ? 'bad' : 'warn', words: words.certificate(days), href: '/ui/settings' });
  if (down) found.push({ tone: 'warn', words: words.down(down), href: '/ui/mesh' });
  if (paused.size) found.push({ tone: 'warn', words: words.paused(paused.size), href: '/ui/mesh' });
  if (conflicts) found.push({ tone: 'warn', words: words.conflicts, href: '/ui/packages?state=conflict' });
  if (clocks) found.push({ tone: 'warn', words: words.clock(clocks), href: '/ui/mesh' });
  return found;
}

/** Whole days until a certificate ends, negative once it has; null if that isn't known. @param {string | null | undefined} end @param {number} [now] */
export function daysLeft(end, now = Date.now()) {
  return end ? Math.floor((new Date(end).getTime() - now) / DAY_MS) : null;
}

/** @param {{ bytes: number, free: number }} storage */
function isLow({ bytes, free }) {
  return free < (bytes + free) * DISK_LOW_SHARE;
}

/**
 * The share of packages that every node has, by the wants that each told of; null if nobody else told.
 *
 * @param {import('./types.js').MeshNode[]} nodes
 * @param {number} packages
 */
export function everywhere(nodes, packages) {
  const others = nodes.filter((one) => one.wants !== null && one.behind.events !== null);
  if (others.length < nodes.length || packages === 0) return null;
  const lacking = Math.max(...others.map((one) => Math.min(packages, (one.wants ?? 0) + (one.behind.events ?? 0))));
  return format.percent((packages - lacking) / packages);
}

/**
 * How far a node's clock is from this node's, as this node measured it; or, turned round, what that one says of this one: only one of
 * two may have asked the other lately.
 *
 * @param {import('./types.js').MeshNode} node
 * @param {readonly import('./types.js').MeshNode[]} nodes
 * @returns {number | null}
 */
export function clockAhead(node, nodes) {
  if (node.clock_ahead_ms !== null) return node.clock_ahead_ms;
  const own = nodes.find((one) => one.this);
  const said = node.links.find((link) => link.node === own?.id)?.clock_ahead_ms ?? null;
  return said === null ? null : -said;
}
