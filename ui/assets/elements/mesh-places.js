/** Where each node of the mesh picture is drawn. Pure; the same nodes always lie the same, so that nothing jumps. */

/** @typedef {import('../lib/types.js').MeshNode} MeshNode */
/** @typedef {{ node: MeshNode, x: number, y: number }} Spot */

/** So many lie on one ellipse; more on two. */
const ONE_RING = 14;

/**
 * @param {MeshNode[]} nodes
 * @param {boolean} [narrow] on a phone: as wide as that is, so that names can be read
 * @returns {{ spots: Map<string, Spot>, width: number, height: number, small: boolean }}
 */
export function place(nodes, narrow = false) {
  // A node that was expelled isn't among those that it knows of; the only one of them is in the middle, too.
  const own = nodes.find((node) => node.this || nodes.length === 1);
  const others = nodes.filter((node) => node !== own).sort((a, b) => (a.id < b.id ? -1 : 1));
  const small = others.length > ONE_RING;
  const wide = narrow ? 380 : 640;
  const [width, height] = small ? [1180, 720] : others.length === 0 ? [wide, 170] : others.length < 3 ? [wide, 200] : [wide, 390];
  /** @type {Map<string, Spot>} */
  const spots = new Map();
  const centre = { x: width / 2, y: height / 2 - 12 };
  const [only] = others;
  if (own && only && others.length === 1) {
    // Two are beside each other, in the middle of the picture.
    return { spots: new Map([[own.id, { node: own, x: width * 0.3, y: centre.y }], [only.id, { node: only, x: width * 0.7, y: centre.y }]]), width, height, small };
  }
  if (own) spots.set(own.id, { node: own, ...centre });
  const inner = small ? others.slice(0, Math.round(others.length / 3)) : [];
  ring(spots, inner, centre, { x: width * 0.24, y: height * 0.22 });
  ring(spots, others.slice(inner.length), centre, { x: width / 2 - (narrow ? 52 : 80), y: height / 2 - 48 });
  return { spots, width, height, small };
}

/**
 * @param {Map<string, Spot>} spots
 * @param {MeshNode[]} nodes
 * @param {{ x: number, y: number }} centre
 * @param {{ x: number, y: number }} radius
 */
function ring(spots, nodes, centre, radius) {
  nodes.forEach((node, index) => {
    // Two lie left and right, not above each other, since names are wide.
    const angle = (index / nodes.length) * 2 * Math.PI + (nodes.length <= 2 ? Math.PI : -Math.PI / 2 + Math.PI / nodes.length);
    spots.set(node.id, { node, x: Math.round(centre.x + radius.x * Math.cos(angle)), y: Math.round(centre.y + radius.y * Math.sin(angle)) });
  });
}
