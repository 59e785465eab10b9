/** Text of the webhook pages. */

import { many } from '../strings.js';

export const webhooks = {
  add: 'New webhook', none: 'No webhooks', noneBody: 'A webhook tells another service what happens here: chat, CI, inventory. Deliveries are signed, kept in order and tried again for three days.',
  columns: ['Webhook', 'Sent for', 'State', 'Waiting to be sent', 'Last delivered'], url: 'Address', urlHint: 'https://… that takes a POST', name: 'Name', types: 'Events', typesHint: 'None ticked: all of them', paths: 'Only packages with these paths', pathsHint: 'Such as *.pkg or mac/*, separated by commas; empty: all',
  onlyPaths: 'Paths', onlyTags: 'Tags', anyPath: 'all', tags: 'Only packages with one of these tags', tagsHint: 'Separated by commas; empty: all', allowPrivate: 'The address is on this machine or in a private network', allowPrivateHint: 'Such addresses are refused unless this (`allow_private`) is ticked',
  make: 'Make it', made: 'Webhook made', secret: 'Secret', secretHow: 'The receiver verifies signatures with it (Standard Webhooks 1.0).', edit: 'Edit', saved: 'Saved',
  enabled: 'On', disabled: 'Off', failing: 'Failing', allTypes: 'every event', on: 'Switch on', off: 'Switch off', remove: 'Remove', removed: 'Webhook removed',
  removeBody: (/** @type {string} */ name) => `Nothing more is sent to ${name}, and the list of its deliveries goes.`, rotate: 'New secret', rotateBody: 'The old secret signs beside the new one for a while, so that the receiver can be changed without a gap.',
  keepFor: 'Old secret signs for', rotated: 'New secret', test: 'Send a test', tested: 'A test is on its way', skip: 'Skip the failing delivery', skipAll: 'Skip all that waits', skipped: 'Skipped',
  skipAllBody: 'The receiver is never told of what waits now. Only a delivery that was tried already stays in the list, and can be sent again from there.', redeliver: 'Send again', redelivered: 'On its way again', redeliverSince: 'Send failed again…', alsoDelivered: 'Also what was delivered', since: 'Since', queued: (/** @type {number} */ n) => `${many(n, 'delivery', 'deliveries')} on the way again`,
  waiting: (/** @type {{ behind: number, behind_more: boolean }} */ { behind: n, behind_more: more }) => (n ? `${many(n, 'delivery', 'deliveries')}${more ? ' or more' : ''}` : more ? 'being counted' : 'nothing'), deliveries: 'Deliveries', noDeliveries: 'Nothing was sent yet', noMatch: 'None', any: 'Any state', state: 'State', older: 'Earlier deliveries',
  states: { waiting: 'Waiting', delivered: 'Delivered', failing: 'Trying again', failed: 'Failed', skipped: 'Skipped' }, deliveryColumns: ['Time', 'Event', 'State', 'Answer', 'Attempts'], spans: /** @type {const} */ ([['86400', '1 day'], ['3600', '1 hour'], ['604800', '7 days'], ['0', 'not at all']]),
  request: 'Request', attempts: 'Attempts', attempt: (/** @type {number} */ n) => `Attempt ${n}`, took: (/** @type {number} */ ms) => `${ms} ms`, noAnswer: 'no answer', manual: 'by hand', emptyAnswer: 'An empty answer',
  failingSince: (/** @type {number} */ n, /** @type {string} */ since, /** @type {string} */ next) => `First failed ${since} (${many(n, 'attempt')}); next try ${next}`,
  disabledWhy: (/** @type {string} */ why) => (why.startsWith('switched off') ? `S${why.slice(1)}` : `Switched off: ${why}`), oldSecret: (/** @type {string} */ until) => `The old secret signs too, until ${until}`, madeBy: 'Made', secretState: 'Secret', back: 'All webhooks',
};

export const WEBHOOK_TYPES = /** @type {const} */ ([
  'package.published', 'package.replaced', 'package.removed', 'package.conflict', 'package.stored', 'package.replicated', 'peer.up', 'peer.down',
  'node.admitted', 'node.expelled', 'node.alarm', 'watch.refused',
]);
