/** Names of nodes, as the mesh tells them. */

import * as format from './format.js';
import { mesh, node } from './node.js';

/** What people call a node; the beginning of its id if that isn't known. @param {unknown} id */
export function nodeName(id) {
  if (node.value?.id === id && node.value) return format.plain(node.value.name);
  const found = mesh.value?.items.find((node) => node.id === id);
  return format.plain(found?.name ?? format.shortId(String(id)));
}

/** What of the mesh names nodes. @param {{ items: readonly import('./types.js').MeshNode[] } | undefined} mesh */
export const namesOf = (mesh) => mesh?.items.map(({ id, name }) => [id, name]);
