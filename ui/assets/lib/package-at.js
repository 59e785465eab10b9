/** What is at a path now. Asked so, that there is nothing is no error. */

import { call } from './api.js';

/**
 * @param {string} path
 * @returns {Promise<import('./types.js').Package | null>} null if there is nothing
 */
export async function packageAt(path) {
  // As the node has it; files of a Mac are named otherwise. The first below it is the package itself.
  const prefix = path.normalize('NFC');
  const page = await call('list_packages', { query: { prefix, limit: 1 }, background: true });
  return page.items.find((one) => one.path === prefix) ?? null;
}
