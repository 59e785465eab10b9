/** How much was used when, as this browser saw it: at most one number an hour, kept here for 90 days, per node. */

const HOUR_MS = 3_600_000;
const KEPT = 24 * 90;

/** @typedef {{ at: number, bytes: number }} Point */

/** @param {string} node @returns {Point[]} oldest first */
export function trend(node) {
  try {
    const kept = JSON.parse(localStorage.getItem(`ods-trend-${node}`) ?? '[]');
    return Array.isArray(kept) ? kept.filter(({ at, bytes }) => Number.isFinite(at) && Number.isFinite(bytes)) : [];
  } catch {
    return [];
  }
}

/** @param {string} node @param {number} bytes */
export function note(node, bytes) {
  const points = trend(node);
  const last = points.at(-1);
  const now = Date.now();
  if (last && now - last.at < HOUR_MS) last.bytes = bytes;
  else points.push({ at: now, bytes });
  try {
    localStorage.setItem(`ods-trend-${node}`, JSON.stringify(points.slice(-KEPT)));
  } catch {
    // A browser that keeps nothing has no trend.
  }
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
