/** What is asked before a link, a node's role or its membership changes. */

import { html, nothing } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import { ask, confirm } from '../lib/dialog.js';
import { asSeen } from '../lib/edits.js';
import * as format from '../lib/format.js';
import { Problem } from '../lib/problem.js';
import { text as common } from '../lib/strings.js';
import { mesh as words } from '../lib/strings/mesh.js';
import { shared } from '../lib/strings/shared.js';
import { toast } from '../lib/toast.js';
import { digest } from './copy.js';
import { editDialog } from './edit-dialog.js';
import { ago, facts } from './facts.js';
import { field, formDialog, list, text } from './form-dialog.js';
import { prefixesField, roleChoice } from './invite-dialog.js';
import { limitsDialog } from './limits-dialog.js';

/** @typedef {import('../lib/types.js').Schemas['Peer']} Peer */
/** @typedef {import('../lib/types.js').Schemas['OnlyThere']} OnlyThere */
/** @typedef {'owner' | 'publisher' | 'replica'} Role */

/** A link as it is now. @param {string} id */
const readPeer = (id) => call('show_peer', { path: { id }, background: true });

/** @param {Peer} peer */
export const editPeer = (peer) => editDialog({
  title: `${words.editPeer}: ${peer.name}`, operation: 'edit_peer', thing: peer, read: () => readPeer(peer.id), labels: { name: shared.name, urls: words.urls },
  fields: (peer) => html`${field(shared.name, html`<input name="name" required maxlength="64" autocomplete="off" spellcheck="false" value=${peer.name}>`)}
    ${field(words.urls, html`<textarea name="urls" rows="3" spellcheck="false" .defaultValue=${peer.urls.join('\n')}></textarea>`, words.urlsHint)}`,
  typed: (form) => ({ name: text(form, 'name'), urls: list(form, 'urls') }),
  save: (body, headers) => call('edit_peer', { path: { id: peer.id }, body, headers }),
});

/** @param {Peer} peer */
export const limitPeer = (peer) => limitsDialog({
  title: `${words.limits}: ${peer.name}`, operation: 'edit_peer', thing: peer, read: () => readPeer(peer.id),
  save: (body, headers) => call('edit_peer', { path: { id: peer.id }, body, headers }),
});

/** @param {Peer} peer */
export async function removePeer(peer) {
  if (!(await confirm({ title: `${words.remove}: ${peer.name}`, body: words.removeBody(peer.name), action: words.remove, danger: true, operation: 'remove_peer' }))) return;
  await call('remove_peer', { path: { id: peer.id }, headers: asSeen(peer) });
  toast(words.removed);
}

/** @param {string} id @param {string} name */
export async function expelNode(id, name) {
  const title = `${words.expel}: ${name}`;
  const { only_there: only } = await call('expel_node', { path: { id }, query: { dry_run: true } });
  const body = html`<p>${words.expelBody(name)}</p>${only.packages === 0 ? nothing : onlyThere(only)}`;
  if (!(await confirm({ title, body, action: words.expel, danger: true, typed: name, operation: 'expel_node' }))) return;
  if (await expelUnlessLast(id)) toast(words.expelledNow(name));
}

/** Expels a node; if it is the last that has some packages, only after another question that names them. Whether it was done. @param {string} id */
async function expelUnlessLast(id) {
  try {
    await call('expel_node', { path: { id } });
    return true;
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'last_holder') throw error;
    const only = /** @type {OnlyThere} */ (/** @type {unknown} */ (error.facts));
    const title = words.lastHolder(only.packages);
    if (!(await confirm({ title, body: onlyThere(only), action: words.expelAnyway, danger: true, typed: String(only.packages), operation: 'expel_node' }))) return false;
    await call('expel_node', { path: { id }, query: { even_if_last_holder: true } });
    return true;
  }
}

/** @param {OnlyThere} only */
function onlyThere({ packages, bytes, paths }) {
  const more = packages - paths.length;
  return html`<p class="bad-text">${words.onlyThere(packages, format.bytes(bytes))}</p>
    <ul class="touched">${paths.map((path) => html`<li><code>${format.plain(path)}</code></li>`)}${more > 0 ? html`<li>${words.andMore(more)}</li>` : nothing}</ul>`;
}

/** Admits a node, or raises what one may do. @param {{ node: string, role: string | null, prefixes: readonly string[] }} [member] */
export const admitNode = (member) => formDialog({
  title: member ? words.raise : words.admit,
  action: member ? words.raise : words.admit,
  operation: 'admit_node',
  fields: () => html`
    ${field(words.admitNode, html`<input name="node" required pattern="[0-9a-f]{64}" autocomplete="off" spellcheck="false" value=${member?.node ?? ''} ?readonly=${member !== undefined}>`,
      words.admitHint)}
    ${roleChoice(member?.role ?? 'replica')} ${prefixesField(member?.prefixes)}`,
  submit: (form) => call('admit_node', { body: { node: text(form, 'node'), role: /** @type {Role} */ (text(form, 'role')), prefixes: list(form, 'prefixes') } }),
});

/** Everything about a link, read anew. @param {string} id */
export async function showPeer(id) {
  const peer = await call('show_peer', { path: { id } });
  await ask((close) => html`<h2>${peer.name}</h2>
    ${facts([
      [words.admitNode, digest(peer.id, { what: words.admitNode })],
      [words.columns[1], words.peerStates[/** @type {'connected'} */ (peer.state)] ?? peer.state],
      [words.urls, peer.urls.map((/** @type {string} */ url) => html`<div><code>${url}</code></div>`)],
      [words.observed, peer.observed_url ?? common.none],
      [words.pin, peer.tls_pin ? digest(peer.tls_pin, { what: words.pin }) : common.none],
      [words.columns[4], ago(peer.last_seen)],
      [words.columns[2], peer.behind ? `${words.events(peer.behind.events ?? 0)}, ${format.bytes(peer.behind.bytes)}` : common.none],
      [words.error, peer.error ?? common.none],
      [words.added, format.date(peer.added_at)],
    ])}
    <footer><button type="button" @click=${() => close()}>${common.close}</button></footer>`, { label: peer.name });
}
