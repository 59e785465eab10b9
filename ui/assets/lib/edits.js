/**
 * Two people who change the same thing don't undo each other's changes: a change names the state that was seen (`If-Match`),
 * has only what was changed, and is refused (412) if the thing stands otherwise by now.
 */

import { Problem } from './problem.js';

/** @typedef {{ etag?: string | null, version?: number | string | null, revision?: string }} Seen */

/** The condition that a thing still is as it was read: its tag, version or revision. @param {Seen} seen @returns {Record<string, string>} */
export function asSeen({ etag, version, revision }) {
  const tag = revision ?? etag ?? version;
  return tag === null || tag === undefined ? {} : { 'If-Match': `"${tag}"` };
}

/** Whether a call was refused since the thing isn't as it was seen. @param {unknown} error */
export const isStale = (error) => error instanceof Problem && error.code === 'precondition_failed';

/** @param {unknown} value */
const plain = (value) => JSON.stringify(value ?? null);

/**
 * What was typed and differs from the thing.
 *
 * @param {Record<string, any>} thing
 * @param {Record<string, any>} typed
 * @returns {Record<string, any>}
 */
export const changesOf = (thing, typed) => Object.fromEntries(Object.entries(typed).filter(([name, value]) => plain(value) !== plain(thing[name])));

/**
 * Which fields are otherwise now than they were.
 *
 * @param {Record<string, any>} before
 * @param {Record<string, any>} now
 * @param {readonly string[]} names
 */
export const changedFields = (before, now, names) => names.filter((name) => plain(before[name]) !== plain(now[name]));
