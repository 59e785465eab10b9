/** Text of the mesh page and of its picture. */

import { many } from '../strings.js';

export const mesh = {
  inSync: 'All in sync', alone: 'One node', down: (/** @type {number} */ n) => `${many(n, 'node')} unreachable`,
  pausedLinks: (/** @type {number} */ n) => `${many(n, 'link')} paused`, isPaused: 'The link is paused: resume it first',
  catching: (/** @type {number} */ n) => `${many(n, 'node')} catching up`,
  invite: 'Invite a node', join: 'Join a mesh', nodes: 'Nodes', invites: 'Invites', roster: 'Who may do what',
  columns: ['Node', 'State', 'Behind', 'Time left', 'Last seen', 'Version', 'Policy', 'Clock', 'Free'],
  states: { up: 'Up', down: 'Unreachable', connecting: 'Connecting', unknown: 'Unknown' },
  peerStates: { connected: 'Connected', connecting: 'Connecting', unreachable: 'Unreachable', paused: 'Paused', expelled: 'Expelled' },
  policies: { all: 'everything', selected: 'selected', 'on-demand': 'on demand' },
  nothingBehind: 'in sync', events: (/** @type {number} */ n) => many(n, 'event'), missing: (/** @type {number} */ n) => many(n, 'package'),
  syncNow: 'Sync now', synced: (/** @type {number} */ n) => (n === 0 ? 'Nothing new there' : `${many(n, 'event')} came in`),
  pause: 'Pause', resume: 'Resume', limits: 'Limits', editPeer: 'Name and addresses', remove: 'Remove link', expel: 'Expel from the mesh',
  paused: 'Paused', resumed: 'Goes on', removed: 'Link removed', expelled: 'Expelled',
  removeBody: (/** @type {string} */ name) => `This node and ${name} no longer call each other. ${name} stays in the mesh and gets everything through others, if it is linked with any.`,
  expelBody: (/** @type {string} */ name) => `${name} ends its part in the mesh, on every node and for good: nobody takes anything from it or serves it. What it published so far stays. To come back it needs a new key. Until somebody stops it, it goes on serving what it holds to whoever downloads there.`,
  onlyThere: (/** @type {number} */ n, /** @type {string} */ bytes) => `${many(n, 'package')} (${bytes}) may be on this node only. Once it is expelled, nobody can fetch ${n === 1 ? 'it' : 'them'} any more:`,
  lastHolder: (/** @type {number} */ n) => `${many(n, 'package')} would be out of reach. Expel it all the same?`, expelAnyway: 'Expel all the same', expelledNow: (/** @type {string} */ name) => `${name} is expelled`, andMore: (/** @type {number} */ n) => `and ${many(n, 'more', 'more')}`,
  urls: 'Addresses', urlsHint: 'One a line; the first that answers as this node is used', saved: 'Saved',
  admit: 'Admit a node', admitNode: 'Node id', admitHint: '64 hex digits, from “ods status” on that node', role: 'Role', raise: 'Raise role',
  admitted: 'Admitted', inviteMade: 'Invite', inviteLine: 'Invite', inviteHow: 'On the other node’s page, paste this line where it says “Join a mesh”:', inviteRun: 'Or run this on its machine:',
  inviteUsed: (/** @type {string} */ name) => `${name} used it and is part of the mesh now.`, inviteUrls: 'The other node will call:', inviteUrlsEdit: 'Name an address that others reach', inviteLoopback: 'No other machine can call these: they mean the machine itself.',
  inviteGood: (/** @type {string} */ date) => `Good for one node, until ${date}.`, makeInvite: 'Make the invite', goodFor: 'Good for',
  joinBody: 'Paste the line that “Invite a node” gave on another node.', joinButton: 'Join', joined: (/** @type {string} */ name) => `Joined ${name}. Packages are coming in.`,
  inviteColumns: ['Role', 'Paths', 'Made', 'Expires', 'State', 'Used by'], inviteStates: { open: 'Open', used: 'Used', expired: 'Expired' },
  revoke: 'Revoke', revoked: 'Invite revoked', noInvites: 'No invites', noInvitesBody: 'An invite is one line that lets another node join.',
  rosterColumns: ['Node', 'Role', 'Paths', 'Standing', 'Admitted by'], standing: { member: 'Member', expelled: 'Expelled', not_admitted: 'Not admitted' },
  warnings: {
    single_owner: 'The mesh has a single owner. If its key is lost, nobody can ever admit or expel a node again; if it is stolen, nobody can expel the thief. Make another node an owner, too, with “Raise role” or “Admit a node”, and keep a copy of the owner’s node.key offline: a backup (`ods backup`) has it.',
    no_owner: 'No node may admit or expel any more. Packages go on being shared, but who may do what is fixed for good. To change that, begin a new mesh and publish the packages there.',
  },
  root: 'root', error: 'Last error', observed: 'Called from', pin: 'TLS pin', added: 'Added', peer: 'Link',
  missingTitle: (/** @type {string} */ name) => `What ${name} lacks`, missingList: 'Missing packages', missingColumns: ['Package', 'Missing', 'Why'], nothingMissing: 'Nothing is missing',
  missingMore: (/** @type {string} */ why) => `There may be more: ${why}.`, moreMissing: 'More', links: 'Links', rtt: 'Round trip', disk: 'Disk', started: 'Started', digest: 'Catalog digest',
};
