/** Every node of the mesh, as a picture and as a table; links, invites, and who may do what. */

import { html, nothing } from '../vendor/lit.js';
import * as format from '../lib/format.js';
import { CLOCK_OFF_MS, clockAhead, heardOf, isDown } from '../lib/health.js';
import { mesh, nodeName, peers, transfers } from '../lib/node.js';
import { ROOT, router } from '../lib/router.js';
import { text as common } from '../lib/strings.js';
import { mesh as words } from '../lib/strings/mesh.js';
import { shared, titles } from '../lib/strings/shared.js';
import { toast } from '../lib/toast.js';
import { actionButton } from '../elements/action.js';
import { OdsElement } from '../elements/base.js';
import { dataRow, dataTable } from '../elements/data-table.js';
import { ago } from '../elements/facts.js';
import { icon } from '../elements/icon.js';
import { inviteNode, joinMesh } from '../elements/invite-dialog.js';
import { missingDialog } from '../elements/missing-dialog.js';
import { badge, card, pageHead, shown } from '../elements/parts.js';
import { nodeActions } from '../elements/node-actions.js';
import '../elements/ods-invites.js';
import { isPaused, standing } from '../elements/ods-mesh.js';
import '../elements/ods-roster.js';

/** @typedef {import('../lib/types.js').MeshNode} MeshNode */
/** @typedef {import('../lib/types.js').Schemas['Peer']} Peer */

class PageMesh extends OdsElement {
  mesh = this.use(mesh);
  peers = this.use(peers);
  transfers = this.use(transfers);

  constructor() {
    super();
    this.tick(10_000);
    this.listen(router, 'change');
  }

  /** A link that says `?invite` opens the dialog. @override */
  connectedCallback() {
    super.connectedCallback();
    if (!router.place.query.has('invite')) return;
    router.go(`${ROOT}mesh`, { replace: true });
    void this.#invite();
  }

  /** @override */
  render() {
    return html`${pageHead({
      title: titles.mesh,
      beside: this.mesh.value ? summary(this.mesh.value.items) : nothing,
      actions: html`${actionButton({ operation: 'join_peer', label: words.join, icon: 'plug', run: () => this.#join() })}
        ${actionButton({ operation: 'create_invite', label: words.invite, icon: 'plus', kind: 'primary', run: () => this.#invite() })}`,
    })}
    <div class="stack">
      ${card({}, shown(this.mesh, ({ items }) => html`<ods-mesh data-operation="list_mesh" .nodes=${items} .transfers=${this.transfers.value?.items ?? []}
        .chosen=${router.place.query.get('node') ?? ''}></ods-mesh>`))}
      ${card({ title: words.nodes }, shown(this.mesh, ({ items }) => this.#table(items)))}
      <ods-invites></ods-invites>
      <ods-roster></ods-roster>
    </div>`;
  }

  /** @param {readonly MeshNode[]} nodes */
  #table(nodes) {
    const links = new Map((this.peers.value?.items ?? []).map((peer) => [peer.id, peer]));
    return html`<div data-operation="list_peers">${dataTable(SHAPE, [...nodes].sort((a, b) => Number(b.this) - Number(a.this)).map((node) => row(node, links.get(node.id))))}</div>`;
  }

  async #invite() {
    await inviteNode();
  }

  async #join() {
    const peer = await joinMesh();
    if (!peer) return;
    toast(words.joined(peer.name));
    await Promise.all([mesh.refresh(), peers.refresh()]);
  }
}

customElements.define('page-mesh', PageMesh);

/** How the mesh stands, in one badge. @param {readonly MeshNode[]} nodes */
function summary(nodes) {
  const down = nodes.filter((node) => isDown(node, nodes) && !isPaused(node, nodes)).length;
  const paused = nodes.filter((node) => isPaused(node, nodes)).length;
  const catching = nodes.filter((node) => ['busy', 'warn'].includes(standing(node, nodes).tone)).length;
  if (down) return badge('warn', words.down(down));
  if (paused) return badge('warn', words.pausedLinks(paused));
  if (catching) return badge('busy', words.catching(catching));
  return nodes.length === 1 ? badge('plain', words.alone) : badge('good', words.inSync);
}

const SHAPE = { label: words.nodes, columns: words.columns, actions: true };
const TONES = /** @type {const} */ ({ up: 'good', down: 'bad', connecting: 'busy', unknown: 'plain' });

/**
 * @param {MeshNode} node
 * @param {Peer | undefined} peer this node's link with it
 */
function row(node, peer) {
  const name = nodeName(node.id);
  const nodes = mesh.value?.items ?? [];
  const coming = node.state === 'down' && !isDown(node, nodes);
  const state = coming ? 'connecting' : /** @type {'up' | 'down' | 'unknown'} */ (node.state);
  // That nobody reaches it says already that this node doesn't.
  const bothDown = state === 'down' && peer?.state === 'unreachable';
  const role = shared.roles[/** @type {'owner'} */ (node.role)] ?? node.role;
  const heard = heardOf(node, nodes, peer?.last_seen);
  const chosen = router.place.query.get('node') === node.id;
  return dataRow(SHAPE, [
    html`<strong>${name}</strong> ${node.this ? html`<span class="tag">${shared.this}</span>` : nothing}<br><small>${role} · <code>${format.shortId(node.id)}</code></small>`,
    html`${peer?.paused ? nothing : badge(TONES[state] ?? 'plain', words.states[state] ?? node.state, peer?.error ?? '')} ${peer && peer.state !== 'connected' && !coming && !bothDown
      ? badge('warn', words.peerStates[/** @type {'paused'} */ (peer.state)] ?? peer.state, peer.error ?? '') : nothing}`,
    behind(node, name),
    node.wants ? (node.eta_s === null ? shared.unknown : format.duration(node.eta_s)) : common.none,
    node.this ? common.none : heard === null && (node.as_of ?? peer?.last_seen) ? shared.unknown : ago(heard),
    node.version ?? shared.unknown,
    node.policy ? words.policies[/** @type {'all'} */ (node.policy)] ?? node.policy : shared.unknown,
    clock(node, nodes),
    format.bytes(node.storage?.free),
  ], { kind: chosen ? 'chosen' : '', end: nodeActions(node, peer, async () => void (await Promise.all([mesh.refresh(), peers.refresh()]))) });
}

/** @param {MeshNode} node @param {string} name */
function behind(node, name) {
  const { events, bytes } = node.behind;
  if (node.wants === null) return html`<span class="quiet">${shared.unknown}</span>`;
  const parts = [events ? words.events(events) : '', bytes ? format.bytes(bytes) : ''].filter(Boolean).join(', ');
  const missing = node.wants
    ? html`<button class="link" data-operation="list_missing" @click=${() => void missingDialog(node, name)}>${words.missing(node.wants)}</button>`
    : nothing;
  return parts || node.wants ? html`${parts}${parts && node.wants ? html`<br>` : nothing}${missing}` : html`<span class="quiet">${words.nothingBehind}</span>`;
}

/** A clock that is off is marked. @param {MeshNode} node @param {readonly MeshNode[]} nodes */
function clock(node, nodes) {
  if (node.this) return common.none;
  const ahead = clockAhead(node, nodes);
  if (ahead === null) return shared.unknown;
  const off = Math.abs(ahead) > CLOCK_OFF_MS;
  return html`<span class=${off ? 'warn-text' : ''}>${off ? icon('triangle-alert', 'warn') : nothing} ${offset(ahead)}</span>`;
}

/** A clock's offset: "+1.2 s". @param {number} ms */
function offset(ms) {
  const sign = ms < 0 ? '−' : '+';
  return Math.abs(ms) < 1000 ? `${sign}${Math.abs(ms)} ms` : `${sign}${format.duration(Math.abs(ms) / 1000)}`;
}
