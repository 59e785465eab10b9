/** What many parts of the page show of the node: each is read once, whoever uses it. */

import { resource } from './resource.js';

/** This node: name, role, counts, storage. */
export const node = resource('show_node', {}, { everyMs: 15_000, on: ['package.*', 'node.*', 'peer.*', 'storage.*'] });

/** Every node of the mesh. */
export const mesh = resource('list_mesh', { query: { limit: 1000 } }, { everyMs: 3000, on: ['package.*', 'peer.*', 'node.*'] });

/** The nodes that this one has a link with: when it heard of each last. */
export const peers = resource('list_peers', { query: { limit: 1000 } }, { everyMs: 5000, on: ['peer.*', 'node.*'] });

/** What moved lately. */
export const recentTransfers = resource('list_recent_transfers', {}, { everyMs: 5000, on: ['package.*'] });

/** What moves now. */
export const transfers = resource('list_transfers', { query: { limit: 1000 } }, { everyMs: 1500, on: ['package.*', 'peer.*'] });

/** The scrub: what it does, what it found last. */
export const scrub = resource('show_scrub', {}, { everyMs: 15_000, on: ['node.alarm', 'storage.*'] });
