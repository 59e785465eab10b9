/** Text of bandwidth limits. */

export const limits = {
  all: 'Limits', down: 'In', up: 'Out', unit: 'MB/s; empty: no limit', zone: 'Time zone', zoneHint: 'For the hours below, such as Europe/Berlin; empty: the node’s own',
  week: 'Other limits at certain hours', brush: 'Choose what to paint, then drag over the hours. By keyboard: arrows move, Space paints.',
  plain: 'As above', add: 'Add limits', none: 'no limit', rates: (/** @type {string} */ down, /** @type {string} */ up) => `${down} in, ${up} out`,
  days: { mon: 'Mon', tue: 'Tue', wed: 'Wed', thu: 'Thu', fri: 'Fri', sat: 'Sat', sun: 'Sun' },
  odd: 'Kept as they are, since they don’t begin and end on the hour:', now: 'Counts at once, for bytes between nodes. Clients’ downloads are never limited.',
  cell: (/** @type {string} */ day, /** @type {number} */ hour, /** @type {string} */ rule) => `${day} ${String(hour).padStart(2, '0')}:00, ${rule}`,
  saved: 'Limits saved',
};
