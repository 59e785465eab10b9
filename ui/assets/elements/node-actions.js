/** What can be done with a node of the mesh, in a menu. */

import { html, nothing } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import { asSeen } from '../lib/edits.js';
import { mesh as words } from '../lib/strings/mesh.js';
import { shared } from '../lib/strings/shared.js';
import { toast } from '../lib/toast.js';
import { menu } from './ods-menu.js';
import { menuItem } from './menu-item.js';
import { editPeer, expelNode, limitPeer, removePeer, showPeer } from './peer-dialogs.js';

/** @typedef {import('../lib/types.js').MeshNode} MeshNode */
/** @typedef {import('../lib/types.js').Schemas['Peer']} Peer */

/**
 * @param {MeshNode} node
 * @param {Peer | undefined} peer this node's link with it
 * @param {() => Promise<void>} refresh
 */
export function nodeActions(node, peer, refresh) {
  if (node.this) return nothing;
  const name = node.name ?? node.id;
  return menu({ label: `${shared.actions}: ${name}`, icon: 'ellipsis' }, html`
    ${peer ? linkItems(peer, refresh) : nothing}
    ${menuItem({ operation: 'expel_node', label: words.expel, icon: 'ban', kind: 'danger', run: () => expelNode(node.id, name).then(refresh) })}`);
}

/**
 * @param {Peer} peer
 * @param {() => Promise<void>} refresh
 */
function linkItems(peer, refresh) {
  const { id, paused } = peer;
  return html`
    ${menuItem({ operation: 'sync_peer', label: words.syncNow, icon: 'refresh-cw', refusal: paused ? words.isPaused : null, run: () => sync(id).then(refresh) })}
    ${menuItem({ operation: 'show_peer', label: shared.details, icon: 'info', run: () => showPeer(id) })}
    ${menuItem({ operation: 'edit_peer', label: paused ? words.resume : words.pause, icon: paused ? 'play' : 'pause', run: () => pause(peer).then(refresh) })}
    ${menuItem({ operation: 'edit_peer', label: words.limits, icon: 'arrow-left-right', run: () => limitPeer(peer).then(refresh) })}
    ${menuItem({ operation: 'edit_peer', label: words.editPeer, icon: 'pencil', run: () => editPeer(peer).then(refresh) })}
    ${menuItem({ operation: 'remove_peer', label: words.remove, icon: 'unplug', run: () => removePeer(peer).then(refresh) })}`;
}

/** @param {string} id */
async function sync(id) {
  const { events } = await call('sync_peer', { path: { id } });
  toast(words.synced(events));
}

/** Pauses a link, or lets it go on. @param {Peer} peer */
async function pause(peer) {
  const paused = !peer.paused;
  await call('edit_peer', { path: { id: peer.id }, headers: asSeen(peer), body: { paused } });
  toast(paused ? words.paused : words.resumed);
}
