/** Text of the events page. */

import { many } from '../strings.js';

export const events = {
  follow: 'Follow', following: 'Following', newer: (/** @type {number} */ n) => `${many(n, 'new event')} below`, all: 'All types', type: 'Type', path: 'Path',
  pathHint: 'Path: mac/*.pkg', gap: 'Events may be missing here: when the connection was back, this place was no longer in the journal', none: 'No events yet', noneBody: 'Whatever happens on this node is listed here as it happens.',
  noneMatch: 'No event matches', older: 'Earlier events', begin: 'That is where the journal begins', export: 'Export', exportJson: 'As JSON lines', exportCsv: 'As CSV',
  exported: (/** @type {number} */ n) => `${many(n, 'event')} exported`, exportCut: (/** @type {number} */ n) => `Only the newest ${many(n, 'event')} were exported`, json: 'All facts', label: 'Events, the newest last',
  groups: { 'package.*': 'Packages', 'peer.*': 'Links', 'node.*': 'Nodes and alarms', 'watch.*': 'Watched folders', 'webhook.*': 'Webhooks', 'sign_in.*,user.*,token.*,invite.*': 'People and tokens', 'storage.*': 'Storage', 'settings.*': 'Settings' },
  dropped: (/** @type {number} */ n) => `Only the last ${many(n, 'event')} are kept here; the export has all`,
};
