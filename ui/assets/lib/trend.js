/** How much was used when, as the node noted it, drawn as a line. Pure. */

/** @typedef {{ at: number, bytes: number }} Point */

/**
 * What was noted, and what is used now.
 *
 * @param {readonly import('./types.js').Schemas['UsageNote'][]} notes oldest first
 * @param {{ blobs: { bytes: number }, database_bytes: number, counted_at: string }} usage
 * @param {number} [now]
 * @returns {Point[]} oldest first
 */
export function points(notes, usage, now = Date.now()) {
  const used = (/** @type {{ blobs: { bytes: number }, database_bytes: number }} */ facts) => facts.blobs.bytes + facts.database_bytes;
  const noted = notes.map((note) => ({ at: new Date(note.at).getTime(), bytes: used(note) }));
  return [...noted, { at: Math.max(now, noted.at(-1)?.at ?? 0), bytes: used(usage) }];
}

/**
 * The points as a line in a box of 100 × 30, upside down as SVG has it.
 *
 * @param {readonly Point[]} points
 */
export function line(points) {
  const first = points[0];
  const last = points.at(-1);
  if (!first || !last || first === last) return '';
  const most = Math.max(...points.map(({ bytes }) => bytes), 1);
  return points.map(({ at, bytes }) => `${((at - first.at) / (last.at - first.at || 1) * 100).toFixed(2)},${(29 - bytes / most * 28).toFixed(2)}`).join(' ');
}
