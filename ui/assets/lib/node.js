/** What many parts of the page show of the node: each is read once, whoever uses it. */

import * as format from './format.js';
import { resource } from './resource.js';
import { session } from './session.js';
import { text } from './strings.js';

/** This node: name, role, counts, storage. */
export const node = resource('show_node', {}, { everyMs: 15_000, on: ['package.*', 'node.*', 'peer.*', 'storage.*'] });

/** Every node of the mesh. */
export const mesh = resource('list_mesh', { query: { limit: 1000 } }, { everyMs: 3000, on: ['package.*', 'peer.*', 'node.*'] });

/** The nodes that this one has a link with: when it heard of each last. */
export const peers = resource('list_peers', { query: { limit: 1000 } }, { everyMs: 5000, on: ['peer.*', 'node.*'] });

/** What moves now. */
export const transfers = resource('list_transfers', { query: { limit: 1000 } }, { everyMs: 1500, on: ['package.*', 'peer.*'] });

/** The scrub: what it does, what it found last. */
export const scrub = resource('show_scrub', {}, { everyMs: 15_000, on: ['node.alarm', 'storage.*'] });

/** What people call a node; the beginning of its id if that isn't known. @param {unknown} id */
export function nodeName(id) {
  if (node.value?.id === id && node.value) return format.plain(node.value.name);
  const found = mesh.value?.items.find((node) => node.id === id);
  return format.plain(found?.name ?? format.shortId(String(id)));
}

/** What a replica, or a node that is no member any more, can't do; and what only an owner can. */
const PUBLISHES = new Set(['begin_upload', 'send_bytes', 'publish_package', 'edit_package', 'remove_package', 'change_packages', 'restore_revision']);
const OWNERS_DO = new Set(['admit_node', 'expel_node']);
const MEMBERS_DO = new Set(['create_invite', 'join_peer']);

/** Whether this node was expelled: it is no more among those of its mesh. */
export function isExpelled() {
  const nodes = mesh.value?.items ?? [];
  return nodes.length > 0 && node.value !== undefined && !nodes.some((one) => one.this);
}

session.alsoAsk((operation) => {
  if (MEMBERS_DO.has(operation) && isExpelled()) return text.expelled.title;
  const role = node.value?.role;
  if (role === undefined || role === 'owner') return null;
  if (OWNERS_DO.has(operation)) return text.scope.ownersDo;
  return role !== 'publisher' && PUBLISHES.has(operation) ? text.scope.holdsOnly : null;
});
