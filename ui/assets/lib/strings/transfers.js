/** Text of the transfers page. */

import { many } from '../strings.js';

export const transfers = {
  now: 'Now, in the whole mesh', history: 'Recently, on this node', none: 'Nothing moves', noneBody: 'What this node fetches and sends, and what other nodes still lack, is listed here while it moves or waits.',
  columns: ['Package', 'Direction', 'Progress', 'Rate', 'Time left', 'Sources', 'State'], in: (/** @type {string} */ from) => `in, from ${from}`, out: (/** @type {string} */ to) => `out, to ${to}`, elsewhere: (/** @type {string} */ name) => `in, at ${name}`,
  nobody: 'nobody yet', client: 'a client', states: { moving: 'Moving', waiting: 'Waiting' }, total: (/** @type {string} */ down, /** @type {string} */ up) => `${down} in, ${up} out`, news: (/** @type {number} */ n) => `${many(n, 'event')} it hasn’t heard of`, newsWait: 'no node reaches it',
  more: (/** @type {number} */ n) => `${many(n, 'more package')}`,
  historyNone: 'Nothing moved since this node was started', historyColumns: ['Ended', 'Package', 'Direction', 'Bytes', 'Rate', 'Took'],
  under: 'under 1 sec.', before: 'replaced or removed since', earlier: 'Arrived earlier', directions: { '': 'All directions', in: 'In', out: 'Out', elsewhere: 'At other nodes' }, direction: 'Direction',
};
