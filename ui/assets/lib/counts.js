/** The numbers beside the navigation's links. Each is '' until it is known. */

import { compact } from './format.js';
import { mesh, node, transfers } from './node.js';

/** @typedef {{ packages: string, nodes: string, transfers: string, uploads: string }} Counts */

/**
 * @param {number} uploads how many uploads of this page go on
 * @returns {Counts}
 */
export function counts(uploads) {
  const moving = transfers.value?.items.length ?? 0;
  return {
    packages: node.value ? compact(node.value.packages) : '',
    nodes: mesh.value ? compact(mesh.value.items.length) : '',
    transfers: moving ? compact(moving) : '',
    uploads: uploads ? compact(uploads) : '',
  };
}
