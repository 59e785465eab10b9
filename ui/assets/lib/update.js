/**
 * A tab that is older than its node: after an upgrade the node has other files, so whatever of this version wasn't loaded yet can't be
 * had any more. Only a reload helps, and whoever works here says when.
 */

import { Problem } from './problem.js';
import { ROOT } from './router.js';
import { text } from './strings.js';

/** Whether the node's page is another one by now than this. */
export async function isUpdated() {
  const index = await fetch(ROOT, { cache: 'no-store' }).then((answer) => (answer.ok ? answer.text() : null)).catch(() => null);
  const [base] = new URL(import.meta.url).pathname.split('/lib/');
  return index !== null && base !== undefined && !index.includes(base);
}

/**
 * Loads what is needed only now.
 *
 * @template T
 * @param {() => Promise<T>} load
 * @returns {Promise<T>} if it can't be had, a Problem says why
 */
export async function later(load) {
  try {
    return await load();
  } catch (error) {
    throw (await isUpdated()) ? new Problem(0, 'updated', text.update.title) : Problem.unreachable(error);
  }
}
