/** How the node and its mesh are, at a glance. */

import { html, nothing } from '../vendor/lit.js';
import * as format from '../lib/format.js';
import { everywhere, hearsNothing, troubles } from '../lib/health.js';
import { live } from '../lib/live.js';
import { mesh, node, nodeName, scrub, transfers } from '../lib/node.js';
import { recent } from '../lib/recent.js';
import { resource } from '../lib/resource.js';
import { packageUrl } from '../lib/router.js';
import { session } from '../lib/session.js';
import { isNews } from '../lib/tell.js';
import { overview as words, text } from '../lib/strings.js';
import { OdsElement } from '../elements/base.js';
import { eventRow } from '../elements/event-row.js';
import { icon } from '../elements/icon.js';
import '../elements/ods-mesh.js';
import { badge, bar, card, emptyState, pageHead, shown, tile, waiting } from '../elements/parts.js';
import { chooseFiles, uploadButton } from '../elements/upload-button.js';

/** @typedef {import('../lib/types.js').Transfer} Transfer */

const EVENTS_SHOWN = 8;
const TRANSFERS_SHOWN = 5;
const conflicts = resource('list_packages', { query: { state: 'conflict', limit: 1 } }, { everyMs: 60_000, on: ['package.*'] });

class PageOverview extends OdsElement {
  node = this.use(node);
  mesh = this.use(mesh);
  transfers = this.use(transfers);
  scrub = this.use(scrub);
  conflicts = this.use(conflicts);

  constructor() {
    super();
    this.listen(recent, 'change');
    this.listen(live, 'state');
    this.whileShown(() => recent.hold());
    this.tick(10_000);
  }

  /** @override */
  render() {
    return html`${pageHead({ title: words.title, beside: this.#health(), actions: uploadButton() })}
      <div class="stack">
        ${shown(this.node, (facts) => this.#tiles(facts))}
        <div class="grid overview-middle">${this.#meshCard()} ${this.#transfersCard()}</div>
        ${this.#events()}
      </div>`;
  }

  #health() {
    // Nothing is called healthy before all that it is made of was heard.
    const known = [this.mesh, this.node, this.scrub, this.conflicts].every((one) => one.value || one.problem) && recent.records;
    if (live.state === 'lost') return nothing;
    if (!this.mesh.value || !this.node.value || !known) return badge('plain', words.starting);
    const found = troubles({
      nodes: this.mesh.value.items, node: this.node.value, scrub: this.scrub.value, records: recent.records ?? [], conflicts: (this.conflicts.value?.items.length ?? 0) > 0,
    });
    if (found.length === 0) return badge('good', words.healthy);
    return found.map((trouble) => html`<a class="plain" href=${trouble.href} title=${words.why}>${badge(trouble.tone, trouble.words)}</a>`);
  }

  /** @param {import('../lib/types.js').NodeFacts} facts */
  #tiles({ packages, storage }) {
    const moving = (this.transfers.value?.items ?? []).filter((one) => one.state === 'moving');
    const idle = (this.transfers.value?.items.length ?? 0) - moving.length + this.#waiting().length;
    const speed = moving.reduce((sum, one) => sum + (one.rate_bytes_per_s ?? 0), 0);
    const whole = storage.bytes + storage.free;
    return html`<div class="grid tiles">
      ${tile({ icon: 'package', label: words.packages, value: format.count(packages), note: this.#share(packages), href: '/ui/packages' })}
      ${tile({ icon: 'hard-drive', label: words.storage, value: format.bytes(storage.bytes), unit: words.ofPackages, note: bar(storage.bytes, whole, { label: words.used }), href: '/ui/storage' })}
      ${tile({ icon: 'arrow-left-right', label: words.moving, value: format.rate(speed), note: words.active(moving.length, idle), href: '/ui/transfers' })}
      ${this.#scrubTile()}
    </div>`;
  }

  /** @param {number} packages */
  #share(packages) {
    const nodes = this.mesh.value?.items ?? [];
    if (packages === 0) return nothing;
    if (nodes.length < 2) return words.alone;
    const share = everywhere(nodes, packages);
    return share === null ? words.unknownShare : (nodes.every((one) => one.policy === 'all') ? words.everywhere : words.everywhereWanted)(share);
  }

  #scrubTile() {
    const facts = this.scrub.value;
    const ran = facts && (facts.finished_at || facts.state === 'running');
    return tile({ icon: 'shield-check', label: words.scrub, value: ran ? format.count(facts.damaged + facts.unreadable)
      : '–', unit: ran ? words.damaged : nothing, note: facts ? scrubNote(facts) : nothing, href: '/ui/storage' });
  }

  #meshCard() {
    const link = html`<a href="/ui/mesh">${words.allNodes}</a>`;
    return card({ title: words.mesh, link }, shown(this.mesh, ({ items }) => html`<ods-mesh .nodes=${items} .transfers=${this.transfers.value?.items ?? []}></ods-mesh>
      ${items.length < 2 && !session.refusal('create_invite') ? html`<p class="centre"><a href="/ui/mesh?invite">${words.invite}</a></p>` : nothing}`));
  }

  #transfersCard() {
    const link = html`<a href="/ui/transfers">${words.allTransfers}</a>`;
    const rows = [...(this.transfers.value?.items ?? []).map((one) => this.#transfer(one)), ...this.#waiting().map((one) => this.#lack(one))];
    return card({ title: words.transfers, link, kind: 'column' }, html`
      ${shown(this.transfers, () => (rows.length ? html`<ul class="transfers">${rows.slice(0, TRANSFERS_SHOWN)}</ul>` : html`<p class="quiet">${words.noTransfers}</p>`))}
      ${this.#dropHere()}`);
  }

  #dropHere() {
    const why = session.refusal('begin_upload');
    return html`<button class="drop-here" data-operation="begin_upload" aria-disabled=${why ? 'true' : nothing} @click=${() => why ?? chooseFiles()}>
      ${icon('upload', 'accent')}<strong>${why ? text.upload.cannot : words.dropHere}</strong><span>${why ?? words.dropNote}</span></button>`;
  }

  /** @param {Transfer} one */
  #transfer(one) {
    const { done, total } = one.bytes;
    const name = one.path ? html`<a class="clip" href=${packageUrl(one.path)} title=${one.path}>${format.plain(format.fileName(one.path))}</a>`
      : html`<code class="clip">${format.shortId(one.blob)}</code>`;
    const where = one.direction === 'in' ? words.from(this.#name(one.sources[0])) : words.to(one.peer ? this.#name(one.peer) : (one.client ?? words.client));
    const left = one.eta_s === null ? [] : [words.left(format.duration(one.eta_s))];
    const says = one.state === 'moving' ? [format.rate(one.rate_bytes_per_s), ...left].join(' · ') : (one.reason ?? one.state);
    return html`<li><div class="transfer-head">${name}<span class="tag">${where}</span><span class="quiet says">${says}</span></div>
      ${bar(done, total, { label: one.path ?? one.blob })}</li>`;
  }

  /** Nodes that lack something which doesn't move now. */
  #waiting() {
    const served = new Set(this.transfers.value?.items.map((one) => one.peer));
    return (this.mesh.value?.items ?? []).filter((one) => !one.this && !served.has(one.id) && (one.state === 'down' || !one.rate_bytes_per_s) && ((one.wants ?? 0) > 0 || hearsNothing(one)));
  }

  /** @param {import('../lib/types.js').MeshNode} one */
  #lack({ id, state, wants, behind }) {
    return html`<li><div class="transfer-head"><a class="clip" href=${`/ui/mesh?node=${id}`}>${wants ? words.lacks(wants) : words.unheard(behind.events ?? 0)}</a>
      <span class="tag">${words.to(nodeName(id))}</span><span class="quiet says">${state === 'down' ? words.waitsForNode : words.waits}</span></div></li>`;
  }

  /** @param {string | undefined} id */
  #name(id) {
    return id ? nodeName(id) : '…';
  }

  #events() {
    const records = recent.records?.filter(isNews) ?? null;
    const link = html`<a href="/ui/events">${words.tail}</a>`;
    if (records?.length === 0) return card({ title: words.events, link }, emptyState({ icon: 'scroll-text', title: words.noEvents, body: text.upload.empty }));
    if (!records) return card({ title: words.events, link }, waiting());
    return card({ title: words.events, link }, html`<ol class="events">${records.slice(0, EVENTS_SHOWN).map(eventRow)}</ol>`);
  }
}

/** @param {import('../lib/types.js').Scrub} facts */
function scrubNote(facts) {
  if (facts.state === 'running') return words.scrubRuns(format.percent(facts.bytes.total ? facts.bytes.done / facts.bytes.total : 0));
  if (!facts.finished_at) return words.scrubNever;
  return (facts.stopped ? words.scrubStopped : words.scrubbed)(format.ago(facts.finished_at));
}

customElements.define('page-overview', PageOverview);
