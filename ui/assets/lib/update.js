/**
 * A tab that is older than its node: after an upgrade the node has other files, so whatever of this version wasn't loaded yet can't be
 * had any more. Only a reload helps, and whoever works here says when.
 */

import { READ_MAX_MS } from './api.js';
import { Problem } from './problem.js';
import { ROOT } from './router.js';
import { text } from './strings.js';
import { asset } from './trusted.js';

/** Whether the node's page is another one by now than this. */
export async function isUpdated() {
  const index = await fetch(ROOT, { cache: 'no-store', signal: AbortSignal.timeout(READ_MAX_MS) }).then((answer) => (answer.ok ? answer.text() : null)).catch(() => null);
  const [base] = new URL(import.meta.url).pathname.split('/lib/');
  return index !== null && base !== undefined && !index.includes(base);
}

/** @type {Promise<unknown> | null} */
let more = null;

/**
 * What all that comes later has in common: its looks, icons too, and the sign-in of a session that ends, since from now on something
 * may be typed that must not be lost. Once, and again if the node was away.
 */
function inCommon() {
  const link = document.createElement('link');
  more ??= Promise.all([import('../elements/ods-session-gate.js'), fetch(asset('more-icons.svg')), new Promise((onload, onerror) => {
    document.head.append(Object.assign(link, { rel: 'stylesheet', href: asset('more.css'), onload, onerror }));
  })]).catch((error) => {
    more = null;
    link.remove();
    throw error;
  });
  return more;
}

/**
 * Loads what is needed only now, and its looks.
 *
 * @template T
 * @param {() => Promise<T>} load
 * @param {{ plain?: boolean }} [options] plain: it needs nothing of more.css
 * @returns {Promise<T>} if it can't be had, a Problem says why
 */
export async function later(load, { plain = false } = {}) {
  try {
    const late = new Promise((_, reject) => setTimeout(reject, READ_MAX_MS));
    const [loaded] = await Promise.race([Promise.all([load(), plain ? null : inCommon()]), late]);
    return loaded;
  } catch (error) {
    throw (await isUpdated()) ? new Problem(0, 'updated', text.update.title) : Problem.unreachable(error);
  }
}
