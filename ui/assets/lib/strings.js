/**
 * The English text of the page, by place: here what every page needs, in `strings/` what only some do, so that a first visit
 * doesn't load it. A text with numbers in it is a function; plurals go through `many`.
 * Texts of the API (reasons, details of errors) come from the node and are shown as they are.
 */

import * as format from './format.js';

/**
 * @param {number} n
 * @param {string} one
 * @param {string} [several]
 */
export const many = (n, one, several = `${one}s`) => `${format.count(n)} ${n === 1 ? one : several}`;

/** What everything uses. */
export const text = {
  product: 'Distribution',
  loading: 'Loading…',
  never: 'never',
  again: 'Try again',
  cancel: 'Cancel',
  close: 'Close',
  save: 'Save',
  none: '–',

  nav: {
    label: 'Pages', more: 'More', skip: 'Skip to content', automation: 'Automation', server: 'Server',
    overview: 'Overview', packages: 'Packages', package: 'Package', uploads: 'Uploads', welcome: 'Welcome',
    nowhere: 'There is no such page', home: 'To the overview',
  },
  expelled: {
    title: 'This node was expelled from its mesh', body: 'Nobody takes anything from it or serves it any more; what it holds stays here. To take part again, start a node on a new data folder and let an owner invite it.',
  },
  update: { title: 'This node was updated', incomplete: 'A part of this page couldn’t be had while the node was away', reload: 'Reload the page' },
  live: {
    live: 'Live', connecting: 'Connecting…', lost: 'Connection lost', 'signed-out': 'Signed out',
    explained: 'What you see is kept up to date by the node', asOf: (/** @type {string} */ when) => `What you see is as it was at ${when}.`, lostSince: (/** @type {string} */ ago) => `Not up to date: the connection was lost ${ago}. Press to try now`,
  },
  theme: { auto: 'as the system', light: 'light', dark: 'dark', now: (/** @type {string} */ name) => `Appearance: ${name}` },
  account: { label: (/** @type {string} */ name) => `Signed in as ${name}` },
  signIn: {
    title: 'Sign in', name: 'Name', password: 'Password or token', button: 'Sign in', busy: 'Signing in…',
    over: 'Sign in again', nothingLost: 'Your session has ended. Nothing you typed is lost: what you were doing goes on.',
    hint: 'New here? Open the link that the node printed when it first started, or use the token in admin.token of its data folder.',
  },
  scope: {
    needs: (/** @type {string} */ needed, /** @type {string} */ has) => `Needs the scope “${needed}”; you are signed in with “${has}”`,
    holdsOnly: 'This node may hold packages but not publish: do that on another node of the mesh', ownersDo: 'Only an owner of the mesh does that; this node isn’t one',
  },
  problem: {
    unreachable: 'The node can’t be reached. It may be restarting, or the network is down.',
    stale: 'Nothing was done: somebody changed it meanwhile. Now it is shown as it is; look at it, then try again.',
    odd: (/** @type {number} */ status) => `The answer was ${status}, without an explanation.`,
  },
  curl: 'Copy as curl',
  upload: { button: 'Upload packages', short: 'Upload', cannot: 'You may not publish here', empty: 'Drop packages anywhere on this page, or choose them.' },
  search: { label: 'Search packages by name or digest, nodes and pages', placeholder: 'Search packages, digests, nodes', short: 'Search' },
};

/** What the pages are called, beside those in `text.nav`. */
export const titles = {
  mesh: 'Mesh', transfers: 'Transfers', events: 'Events', webhooks: 'Webhooks', webhook: 'Webhook', watches: 'Watched folders',
  storage: 'Storage', people: 'People and tokens', settings: 'Settings', api: 'API',
};

/** The picture of the mesh. */
export const meshPicture = {
  label: (/** @type {number} */ n) => `Picture of the mesh: ${many(n, 'node')}`, connected: 'connected', moving: 'transferring', unreachable: 'unreachable', pausedLink: 'paused', paused: 'paused here',
  ring: 'ring = share of bytes held', offline: (/** @type {string} */ ago) => `last heard of ${ago}`, connecting: 'connecting', unknown: 'unknown', news: 'catching up', synced: 'in sync', this: 'this node',
  left: (/** @type {string} */ bytes) => `${bytes} left`,
};

/** The overview. */
export const overview = {
  title: 'Overview',
  healthy: 'Healthy', starting: 'Looking…', packages: 'Packages', storage: 'Storage', moving: 'Transferring', scrub: 'Last verification',
  everywhere: (/** @type {string} */ share) => `${share} on every node`, everywhereWanted: (/** @type {string} */ share) => `${share} on every node that keeps them`, alone: 'on this node only', unknownShare: 'nodes have not told yet',
  ofPackages: 'of packages', used: 'Share of the room there is',
  active: (/** @type {number} */ n, /** @type {number} */ waiting) => (n + waiting === 0 ? 'nothing moves' : `${format.count(n)} active, ${format.count(waiting)} waiting`),
  damaged: 'damaged files', scrubNever: 'not verified yet', scrubRuns: (/** @type {string} */ share) => `${share} verified so far`, scrubbed: (/** @type {string} */ ago) => `finished ${ago}`, scrubStopped: (/** @type {string} */ ago) => `stopped ${ago}`,
  mesh: 'Mesh', allNodes: 'All nodes', transfers: 'Transfers', allTransfers: 'All transfers', events: 'Recent events', tail: 'Live tail',
  noTransfers: 'Nothing moves at the moment', lacks: (/** @type {number} */ n) => many(n, 'package'), unheard: (/** @type {number} */ n) => many(n, 'new event'), waits: 'waiting', waitsForNode: 'waits for the node', noEvents: 'Nothing happened yet', dropHere: 'Drop packages anywhere', dropNote: 'Interrupted uploads go on where they stopped',
  invite: 'Invite another node', to: (/** @type {string} */ name) => `→ ${name}`, from: (/** @type {string} */ name) => `← ${name}`, client: 'a client', left: (/** @type {string} */ time) => `${time} left`,
  down: (/** @type {number} */ n) => `${many(n, 'node')} unreachable`, paused: (/** @type {number} */ n) => `${many(n, 'link')} paused`, alarms: (/** @type {number} */ n) => many(n, 'alarm') + ' today', diskLow: 'disk almost full', conflicts: 'packages in conflict',
  certificate: (/** @type {number} */ days) => (days < 0 ? 'a certificate has ended' : `a certificate ends in ${many(days, 'day')}`),
  clock: (/** @type {number} */ n) => `clock off on ${many(n, 'node')}`, damagedFound: (/** @type {number} */ n) => many(n, 'damaged blob'), why: 'Why this isn’t “Healthy”',
};
