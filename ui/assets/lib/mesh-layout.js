/**
 * Where nodes are drawn, and which lines between them: plain numbers, so that the picture only draws. This node is in the middle,
 * the others on an ellipse around it (on two, from 15 on), in the order of their ids, so that nobody moves when names change.
 */

/** @typedef {import('./types.js').MeshNode} MeshNode */
/** @typedef {import('./types.js').Transfer} Transfer */
/** @typedef {'this' | 'good' | 'busy' | 'warn' | 'bad' | 'plain'} NodeTone */
/** @typedef {{ node: MeshNode, x: number, y: number, r: number, tone: NodeTone, share: number }} Spot */
/** @typedef {{ from: Spot, to: Spot, kind: 'connected' | 'moving' | 'broken', rate: number | null, bend: number }} Line */

export const WIDTH = 680;
export const HEIGHT = 400;
const ONE_RING_MAX = 14;

/**
 * @param {readonly MeshNode[]} nodes
 * @param {number} packages how many packages the catalog has
 * @returns {Spot[]}
 */
export function spots(nodes, packages) {
  const middle = nodes.find((node) => node.this);
  const others = nodes.filter((node) => !node.this).sort((a, b) => (a.id < b.id ? -1 : 1));
  const r = others.length <= 8 ? 23 : others.length <= ONE_RING_MAX ? 19 : 13;
  const placed = others.map((node, index) => ({ ...spot(node, packages, r), ...around(index, others.length) }));
  return middle ? [{ ...spot(middle, packages, r), x: WIDTH / 2, y: HEIGHT / 2 }, ...placed] : placed;
}

/**
 * @param {number} index
 * @param {number} count
 */
function around(index, count) {
  const two = count > ONE_RING_MAX;
  const outer = two ? Math.ceil(count * 0.62) : count;
  const inside = index >= outer;
  const [at, of] = inside ? [index - outer, count - outer] : [index, outer];
  const angle = -Math.PI / 2 + ((at + (inside ? 0.5 : of === 2 ? 0.5 : 0.35)) / of) * 2 * Math.PI;
  const scale = inside ? 0.55 : 1;
  return { x: WIDTH / 2 + Math.cos(angle) * 270 * scale, y: HEIGHT / 2 - 6 + Math.sin(angle) * 150 * scale };
}

/**
 * @param {MeshNode} node
 * @param {number} packages
 * @param {number} r
 */
function spot(node, packages, r) {
  return { node, r, x: 0, y: 0, tone: tone(node), share: share(node, packages) };
}

/**
 * Which share of the packages it has; what it keeps on demand is not missing.
 *
 * @param {MeshNode} node
 * @param {number} packages
 */
function share({ wants, behind }, packages) {
  if (wants === null) return 0;
  const total = Math.max(packages, wants);
  if (total === 0) return 1;
  const lacking = wants + (wants === 0 && behind.events ? 1 : 0);
  return Math.max(0, 1 - lacking / total);
}

/**
 * @param {MeshNode} node
 * @returns {NodeTone}
 */
export function tone({ state, wants, behind, rate_bytes_per_s: rate }) {
  if (state === 'down') return 'bad';
  if (state !== 'up' || wants === null) return 'plain';
  if (!wants && !behind.events) return 'good';
  return rate ? 'busy' : 'warn';
}

/**
 * One line for each two nodes that are linked, and for each that bytes move between.
 *
 * @param {readonly Spot[]} places
 * @param {readonly Transfer[]} transfers of this node
 * @returns {Line[]}
 */
export function lines(places, transfers) {
  const byId = new Map(places.map((place) => [place.node.id, place]));
  const moving = rates(transfers);
  /** @type {Map<string, Line>} */
  const found = new Map();
  for (const from of places) {
    for (const link of from.node.links) {
      const to = byId.get(link.node);
      if (!to) continue;
      const key = [from.node.id, link.node].sort().join(' ');
      const works = link.state === 'connected' && from.node.state !== 'down' && to.node.state !== 'down';
      const other = from.node.this ? to : to.node.this ? from : null;
      const rate = (other && moving.get(other.node.id)) ?? null;
      const kind = !works ? 'broken' : rate ? 'moving' : 'connected';
      if (found.get(key)?.kind === 'connected' || found.get(key)?.kind === 'moving') continue;
      found.set(key, { from, to, kind, rate, bend: from.node.this || to.node.this ? 0 : 0.16 });
    }
  }
  return [...found.values()];
}

/**
 * Bytes a second between this node and others.
 *
 * @param {readonly Transfer[]} transfers
 */
function rates(transfers) {
  /** @type {Map<string, number>} */
  const sums = new Map();
  for (const { direction, peer, sources, rate_bytes_per_s: rate } of transfers) {
    if (!rate) continue;
    const nodes = direction === 'in' ? sources : peer ? [peer] : [];
    for (const node of nodes) sums.set(node, (sums.get(node) ?? 0) + rate / nodes.length);
  }
  return sums;
}

/**
 * The path of a line, from rim to rim.
 *
 * @param {Line} line
 */
export function path({ from, to, bend }) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy) || 1;
  const [ux, uy] = [dx / length, dy / length];
  const start = `M${round(from.x + ux * from.r)} ${round(from.y + uy * from.r)}`;
  const end = `${round(to.x - ux * to.r)} ${round(to.y - uy * to.r)}`;
  if (!bend) return `${start}L${end}`;
  // Bent away from the middle, so that lines between neighbours don't run through it.
  const [mx, my] = [(from.x + to.x) / 2, (from.y + to.y) / 2];
  return `${start}Q${round(mx + (mx - WIDTH / 2) * bend * 2)} ${round(my + (my - HEIGHT / 2) * bend * 2)} ${end}`;
}

/** @param {number} value */
const round = (value) => Math.round(value * 10) / 10;
