/**
 * A tab that is older than its node: after an upgrade the node has other files, so whatever of this version wasn't loaded yet can't be
 * had any more. Only a reload helps, and whoever works here says when.
 */

import { READ_MAX_MS } from './api.js';
import { live } from './live.js';
import { Problem } from './problem.js';
import { ROOT } from './router.js';
import { text } from './strings.js';
import { asset } from './trusted.js';

/** What couldn't be had is asked for again so often. */
const ASK_AGAIN_MS = 5000;

/** It may still come. */
const TOO_LATE = new Error('it takes too long');

/** Whether the node's page is another one by now than this; null: the node doesn't answer. */
async function served() {
  const index = await fetch(ROOT, { cache: 'no-store', signal: AbortSignal.timeout(READ_MAX_MS) }).then((answer) => (answer.ok ? answer.text() : null)).catch(() => null);
  const [base] = new URL(import.meta.url).pathname.split('/lib/');
  return index === null ? null : base !== undefined && !index.includes(base) ? 'another' : 'this';
}

/** Whether the node's page is another one by now than this. */
export const isUpdated = async () => (await served()) === 'another';

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
 * Loads what is needed only now, and its looks. A browser may remember of a module, for as long as the page is shown, that it couldn't be
 * had (Chromium 148 does): so nothing is asked for while the node is away, and where it is too late only a reload helps.
 *
 * @template T
 * @param {() => Promise<T>} load
 * @param {{ plain?: boolean }} [options] plain: it needs nothing of more.css
 * @returns {Promise<T>} if it can't be had, a Problem says why
 */
export async function later(load, { plain = false } = {}) {
  // A read isn't remembered.
  if (live.state === 'lost' && (await served()) === null) throw Problem.unreachable('the connection is lost');
  try {
    return await once(load, plain);
  } catch (error) {
    const page = error === TOO_LATE ? null : await served();
    if (page === null) throw Problem.unreachable(error);
    if (page === 'another') throw new Problem(0, 'updated', text.update.title);
  }
  return once(load, plain).catch((error) => {
    if (error === TOO_LATE) throw Problem.unreachable(error);
    throw new Problem(0, 'updated', text.update.incomplete, { cause: String(error) });
  });
}

/**
 * Loads what nobody presses for, and so nobody presses for again: until the node is there. Without a bound, as the live stream is
 * (`live-stream.js`): how long a node is away nobody knows, and a tab that gave up would lack it from then on. One small read at a time.
 *
 * @param {() => Promise<unknown>} load
 * @returns {Promise<unknown>} if only a reload helps, a Problem says so
 */
export async function eventually(load) {
  for (;;) {
    try {
      return await later(load);
    } catch (error) {
      if (/** @type {Problem} */ (error).code === 'updated') throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
  }
}

/**
 * Loads something when it is first needed; from then on it is here, whether the node is or not.
 *
 * @template T
 * @param {() => Promise<T>} load
 */
export function lazy(load) {
  /** @type {Promise<T> | null} */
  let here = null;
  return () => (here ??= later(load).catch((error) => {
    here = null;
    throw error;
  }));
}

/**
 * @template T
 * @param {() => Promise<T>} load
 * @param {boolean} plain
 */
async function once(load, plain) {
  const late = new Promise((_, reject) => setTimeout(() => reject(TOO_LATE), READ_MAX_MS));
  const [loaded] = await Promise.race([Promise.all([load(), plain ? null : inCommon()]), late]);
  return loaded;
}
