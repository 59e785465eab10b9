/**
 * Names for what moved of packages that were replaced or removed since: of those the node tells only which bytes they were. Its journal
 * tells which packages changed lately, and their histories what they were made of.
 */

import { call } from './api.js';

/** @typedef {import('./types.js').Schemas['PastTransfer']} PastTransfer */

const CHANGES_ASKED = 200;
const PACKAGES_ASKED = 20;
const REVISIONS_ASKED = 100;

/** By blob; null: it was looked for. @type {Map<string, string | null>} */
const names = new Map();

/** What a blob was the bytes of, if that is known. @param {string} blob */
export const pastName = (blob) => names.get(blob) ?? null;

/** Looks for names of those that have none, each once. @param {readonly PastTransfer[]} moved */
export async function learnNames(moved) {
  const nameless = moved.filter(({ path, blob }) => path === null && !names.has(blob));
  if (nameless.length === 0) return;
  for (const { blob } of nameless) names.set(blob, null);
  const histories = (await changedPaths()).map(async (path) => {
    const told = await call('list_revisions', { path: { path }, query: { limit: REVISIONS_ASKED }, background: true });
    for (const { blob } of told.items) if (blob !== null) names.set(blob, path);
  });
  await Promise.allSettled(histories);
}

/** The packages that were replaced or removed last. */
async function changedPaths() {
  // Above every number that a journal has, so from its end on.
  const query = { type: 'package.replaced,package.removed', before: Number.MAX_SAFE_INTEGER, limit: CHANGES_ASKED };
  const told = await call('list_events', { query, background: true }).catch(() => null);
  const newest = (told?.items ?? []).map(({ data }) => String(/** @type {Record<string, unknown>} */ (data)['path']));
  return [...new Set(newest)].slice(0, PACKAGES_ASKED);
}
