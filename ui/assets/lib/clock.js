/** How far a node's clock is from this node's. Pure. */

/** @typedef {import('./types.js').MeshNode} MeshNode */

/** From here on it is said: certificates and tokens expire wrongly by such a clock. */
export const CLOCK_OFF_MS = 30_000;

/**
 * What this node measured; or, turned round, what that one says of this one: only one of two may have asked the other lately.
 *
 * @param {MeshNode} node
 * @param {readonly MeshNode[]} nodes
 * @returns {number | null}
 */
export function clockAhead(node, nodes) {
  if (node.clock_ahead_ms !== null) return node.clock_ahead_ms;
  const own = nodes.find((one) => one.this);
  const said = node.links.find((link) => link.node === own?.id)?.clock_ahead_ms ?? null;
  return said === null ? null : -said;
}
