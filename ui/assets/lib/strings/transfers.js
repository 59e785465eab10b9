/** Text of the transfers page. */

export const transfers = {
  now: 'Now, on this node', others: 'Other nodes', history: 'Recently, on this node', none: 'Nothing moves', noneBody: 'What this node fetches, and what it sends to nodes and clients, is listed here while it moves.',
  columns: ['Package', 'Direction', 'Progress', 'Rate', 'Time left', 'Sources', 'State'], in: (/** @type {string} */ from) => `in, from ${from}`, out: (/** @type {string} */ to) => `out, to ${to}`,
  nobody: 'nobody yet', client: 'a client', states: { moving: 'Moving', waiting: 'Waiting' }, total: (/** @type {string} */ down, /** @type {string} */ up) => `${down} in, ${up} out`,
  otherColumns: ['Node', 'Comes in', 'Missing', 'Time left'], idle: 'idle', historyNone: 'Nothing moved since this node was started', historyColumns: ['Ended', 'Package', 'Direction', 'Bytes', 'Rate', 'Took'],
  under: 'under 1 sec.', earlier: 'Arrived earlier', all: 'All directions', onlyIn: 'In', onlyOut: 'Out', direction: 'Direction',
};
