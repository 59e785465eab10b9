/** What records of the journal say, each in a sentence. Facts come from `data`; `name` tells a node's name by its id. */

import { bytes, plain, rates } from '../format.js';
import { many } from '../strings.js';

/** @typedef {Record<string, any>} Facts */
/** @typedef {(id: unknown) => string} Name */

/** @param {unknown} text */
const safe = (text) => plain(Array.isArray(text) ? text.join(', ') : String(text ?? ''));

/** What was changed of a node, by what its record calls it. @type {Record<string, (data: Facts, name: Name) => string>} */
const nodeChanges = {
  name: ({ before, after }) => `renamed this node from ${safe(before.name)} to ${safe(after.name)}`,
  urls: ({ after }) => (after.urls ? `changed this node’s addresses to ${safe(after.urls)}` : 'removed this node’s addresses: they are found from where it listens'),
  policy: ({ after }) => `changed what this node keeps: ${Object.entries(after).map(([fact, value]) => (fact === 'mode' ? safe(value) : `${fact.replace('_', ' ')} ${safe(value)}`)).join(', ')}`,
  limits: ({ node, after }, name) => `changed the limits of ${node ? `the link with ${name(node)}` : 'this node'}: ${rates(safe(after.limits))}`,
};

/** @type {Record<string, (data: Facts, name: Name) => string>} */
export const happenings = {
  'package.published': (d) => `${safe(d.path)} is new`,
  'package.replaced': (d) => `${safe(d.path)} has a new revision`,
  'package.removed': (d) => `${safe(d.path)} was deleted`,
  'package.conflict': (d) => `${safe(d.path)}: two nodes published different things`,
  'package.stored': (d) => `${safe(d.path)} is here, verified`,
  'package.replicated': (d) => `${safe(d.path)} is on every node that wants it`,
  'peer.up': (d, name) => `${name(d.node)} is connected`,
  'peer.down': (d, name) => `${name(d.node)} can’t be reached${d.reason ? `: ${safe(d.reason)}` : ''}`,
  'peer.added': (d, name) => `${safe(d.by)} linked ${name(d.node)} with this node`,
  'peer.removed': (d, name) => `${safe(d.by)} removed the link with ${name(d.node)}`,
  'node.admitted': (d, name) => `${name(d.node)} joined the mesh as ${safe(d.role)}, admitted by ${name(d.by_node)}`,
  'node.expelled': (d, name) => `${name(d.node)} was expelled from the mesh by ${name(d.by_node)}`,
  'node.alarm': (d, name) => safe(d.detail).replaceAll(/\b(node|peer) ([0-9a-f]{64})\b/g, (_, kind, id) => `${kind} ${name(id)}`),
  'node.changed': (d, name) => `${safe(d.by)} ${nodeChanges[d.what]?.(d, name) ?? 'changed this node'}`,
  'settings.changed': (d) => `${safe(d.by)} changed settings`,
  'watch.refused': (d) => `${safe(d.file)}: ${safe(d.reason)}`,
  'watch.changed': (d) => `${safe(d.by)}: watched folder ${safe(d.folder)} ${safe(d.change)}`,
  'webhook.changed': (d) => `${safe(d.by)}: webhook to ${safe(d.url)} ${safe(d.change)}`,
  'webhook.test': (d) => `${safe(d.by)} sent a test to a webhook`,
  'sign_in.refused': (d) => `A sign-in from ${safe(d.from)} was refused: ${safe(d.reason)}`,
  'sign_in.done': (d) => `${safe(d.who)} signed in from ${safe(d.from)}`,
  'token.created': (d) => `${safe(d.by)} made the token ${safe(d.name)}`,
  'token.revoked': (d) => `${safe(d.by)} revoked the token ${safe(d.name)}`,
  'invite.created': (d) => `${safe(d.by)} made an invite for a ${safe(d.role)}`,
  'invite.revoked': (d) => `${safe(d.by)} revoked an invite`,
  'user.created': (d) => `${safe(d.by)} added ${safe(d.name)}`,
  'user.changed': (d) => `${safe(d.by)} changed ${safe(d.name)}`,
  'user.removed': (d) => `${safe(d.by)} removed ${safe(d.name)}`,
  'storage.collected': (d) => `${many(d.blobs, 'blob')} with ${bytes(d.bytes)} freed`,
  'storage.evicted': (d) => `${many(d.blobs, 'blob')} with ${bytes(d.bytes)} made room for others`,
};
