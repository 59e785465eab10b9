/** Text of the webhook pages. */

import { many } from '../strings.js';

export const webhooks = {
  add: 'New webhook', none: 'No webhooks', noneBody: 'A webhook tells another service what happens here: chat, CI, inventory. Deliveries are signed, kept in order and tried again for three days.',
  columns: ['Webhook', 'Told of', 'State', 'Behind', 'Last delivered'], url: 'Address', urlHint: 'https://… that takes a POST', name: 'Name', types: 'Types', typesHint: 'None: all of them', paths: 'Only packages at', pathsHint: 'Globs such as *.pkg or mac/*, separated by commas; empty: all',
  tags: 'Only packages tagged', tagsHint: 'Separated by commas; empty: all', allowPrivate: 'May be on a private network', allowPrivateHint: 'Addresses of this machine and of private networks are refused otherwise',
  make: 'Make it', made: 'Webhook made', secret: 'Secret', secretHow: 'The receiver verifies signatures with it (Standard Webhooks 1.0).', edit: 'Edit', saved: 'Saved',
  enabled: 'On', disabled: 'Off', failing: 'Failing', allTypes: 'everything', on: 'Switch on', off: 'Switch off', remove: 'Remove', removed: 'Webhook removed',
  removeBody: (/** @type {string} */ name) => `${name} is told nothing more, and the list of its deliveries goes.`, rotate: 'New secret', rotateBody: 'The old secret signs beside the new one for a while, so that the receiver can be changed without a gap.',
  keepFor: 'Old secret signs for', rotated: 'New secret', test: 'Send a test', tested: 'A test is on its way', skip: 'Skip the failing delivery', skipAll: 'Skip all that wait', skipped: 'Skipped',
  skipAllBody: 'All that waits is passed over; it can be sent again from the list.', redeliver: 'Send again', redelivered: 'On its way again', redeliverFailed: 'Send failed again…', since: 'Failed since', queued: (/** @type {number} */ n) => `${many(n, 'delivery', 'deliveries')} on the way again`,
  behind: (/** @type {number} */ n) => (n ? many(n, 'record') : 'nothing'), deliveries: 'Deliveries', noDeliveries: 'Nothing was sent yet', noMatch: 'None', any: 'Any state', state: 'State', older: 'Earlier deliveries',
  states: { waiting: 'Waiting', delivered: 'Delivered', failing: 'Trying again', failed: 'Failed', skipped: 'Skipped' }, deliveryColumns: ['Time', 'Type', 'State', 'Answer', 'Attempts'],
  request: 'Request', attempts: 'Attempts', attempt: (/** @type {number} */ n) => `Attempt ${n}`, took: (/** @type {number} */ ms) => `${ms} ms`, noAnswer: 'no answer', manual: 'by hand', emptyAnswer: 'An empty answer',
  failingSince: (/** @type {number} */ n, /** @type {string} */ since, /** @type {string} */ next) => `Fails since ${since} (${many(n, 'attempt')}); next try ${next}`,
  disabledWhy: (/** @type {string} */ why) => `Switched off: ${why}`, oldSecret: (/** @type {string} */ until) => `The old secret signs too, until ${until}`, madeBy: 'Made', secretState: 'Secret', back: 'All webhooks',
};

export const WEBHOOK_TYPES = /** @type {const} */ ([
  'package.published', 'package.replaced', 'package.removed', 'package.conflict', 'package.stored', 'package.replicated', 'peer.up', 'peer.down',
  'node.admitted', 'node.expelled', 'node.alarm', 'watch.refused',
]);
