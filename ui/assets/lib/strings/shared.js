/** Text that several pages use. */

export { titles } from '../strings.js';

export const shared = {
  once: 'This is shown once. Keep it somewhere safe now; it can’t be shown again.',
  roles: { owner: 'Owner', publisher: 'Publisher', replica: 'Replica' },
  roleNotes: {
    owner: 'Admits and expels nodes, and publishes', publisher: 'Publishes packages',
    replica: 'Holds and serves packages; what it publishes has no effect anywhere',
  },
  changedMeanwhile: (/** @type {readonly string[]} */ what) => `Somebody changed this meanwhile${what.length ? ` (now ${what.join('; ')})` : ''}. What you typed is still here: look at it, then save again.`,
  prefixes: 'Only packages below these paths', prefixesHint: 'Separated by commas; empty: everywhere',
  everywhere: 'everywhere', expires: 'Expires', never: 'Never', tags: 'Tags', name: 'Name', actions: 'Actions',
  copy: {
    it: 'It', done: (/** @type {string} */ what) => `${what} copied`, button: (/** @type {string} */ what) => `Copy ${what.toLowerCase()}`,
    failed: 'The browser refused to copy. Select it and copy by hand.',
  },
  kinds: { stored: 'Stored', fetching: 'Fetching', wanted: 'Wanted', remote: 'Elsewhere', conflict: 'Conflict', behind: 'Behind', unreachable: 'Unreachable', unknown: 'Unknown' },
  details: 'Details', edit: 'Edit', more: 'More rows', unknown: 'unknown', yes: 'yes', no: 'no', this: 'this node',
};

/** How long something is good for, in seconds. */
export const SPANS = /** @type {const} */ ([['3600', '1 hour'], ['86400', '1 day'], ['604800', '7 days'], ['2592000', '30 days'], ['31536000', '1 year']]);
