/** What moves now, of this node and of the others, and what arrived lately. */

import { html, nothing } from '../vendor/lit.js';
import * as format from '../lib/format.js';
import { mesh, transfers } from '../lib/node.js';
import { recent } from '../lib/recent.js';
import { packageUrl, router } from '../lib/router.js';
import { text as common } from '../lib/strings.js';
import { shared, titles } from '../lib/strings/shared.js';
import { transfers as words } from '../lib/strings/transfers.js';
import { OdsElement } from '../elements/base.js';
import { eventRow } from '../elements/event-row.js';
import { badge, bar, card, emptyState, pageHead, shown } from '../elements/parts.js';

/** @typedef {import('../lib/types.js').Transfer} Transfer */

const HISTORY = new Set(['package.stored', 'package.replicated', 'peer.up', 'peer.down']);
const HISTORY_SHOWN = 25;

class PageTransfers extends OdsElement {
  transfers = this.use(transfers);
  mesh = this.use(mesh);

  constructor() {
    super();
    this.listen(router, 'change');
    this.listen(recent, 'change');
    this.whileShown(() => recent.hold());
    this.tick(10_000);
  }

  /** @override */
  render() {
    const items = this.transfers.value?.items ?? [];
    const sum = (/** @type {string} */ direction) => items.filter((one) => one.direction === direction).reduce((total, one) => total + (one.rate_bytes_per_s ?? 0), 0);
    return html`${pageHead({ title: titles.transfers, beside: words.total(format.rate(sum('in')), format.rate(sum('out'))), actions: this.#filter() })}
      <div class="stack">
        ${card({ title: words.now }, html`<div data-operation="list_transfers">${shown(this.transfers, () => this.#now(items))}</div>`)}
        ${card({ title: words.others }, shown(this.mesh, ({ items: nodes }) => this.#others(nodes)))}
        ${this.#history()}
      </div>`;
  }

  get #direction() {
    return router.place.query.get('direction') ?? '';
  }

  #filter() {
    const options = [['', words.all], ['in', words.onlyIn], ['out', words.onlyOut]];
    const change = (/** @type {Event} */ event) => router.setQuery({ direction: /** @type {HTMLSelectElement} */ (event.target).value });
    return html`<select aria-label=${words.direction} @change=${change}>
      ${options.map(([value, label]) => html`<option value=${value ?? ''} ?selected=${value === this.#direction}>${label}</option>`)}</select>`;
  }

  /** @param {readonly Transfer[]} items */
  #now(items) {
    const wanted = items.filter((one) => !this.#direction || one.direction === this.#direction);
    if (wanted.length === 0) return emptyState({ icon: 'arrow-left-right', title: words.none, body: words.noneBody });
    return html`<div class="scroll-x" tabindex="0" role="region" aria-label=${words.now}><table class="table">
      <thead><tr>${words.columns.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
      <tbody>${wanted.map((one) => this.#row(one))}</tbody></table></div>`;
  }

  /** @param {Transfer} one */
  #row(one) {
    const { done, total } = one.bytes;
    const name = one.path ? html`<a href=${packageUrl(one.path)}>${one.path}</a>` : html`<code>${format.shortId(one.blob)}</code>`;
    const sources = one.sources.map((id) => this.#name(id)).join(', ');
    const state = /** @type {'moving'} */ (one.state);
    return html`<tr>
      <td class="wide-cell">${name}</td>
      <td>${one.direction === 'in' ? words.in(sources || words.nobody) : words.out(one.peer ? this.#name(one.peer) : one.client ?? words.client)}</td>
      <td class="progress-cell">${bar(done, total, { label: one.path ?? one.blob })}<small>${format.bytes(done)} / ${format.bytes(total)}</small></td>
      <td class="number">${format.rate(one.rate_bytes_per_s)}</td><td class="number">${one.eta_s === null ? common.none : format.duration(one.eta_s)}</td>
      <td>${one.direction === 'in' ? format.count(one.sources.length) : common.none}</td>
      <td>${badge(state === 'moving' ? 'busy' : 'warn', words.states[state] ?? state)} ${one.reason ? html`<br><small>${one.reason}</small>` : nothing}</td>
    </tr>`;
  }

  /** What others fetch, as far as they say. @param {readonly import('../lib/types.js').MeshNode[]} nodes */
  #others(nodes) {
    const rows = nodes.filter((node) => !node.this);
    if (rows.length === 0) return html`<p class="quiet">${words.none}</p>`;
    return html`<div class="scroll-x" tabindex="0" role="region" aria-label=${words.others}><table class="table">
      <thead><tr>${words.otherColumns.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
      <tbody>${rows.map((node) => html`<tr>
        <td>${node.name ?? format.shortId(node.id)}</td>
        <td>${node.rate_bytes_per_s ? format.rate(node.rate_bytes_per_s) : html`<span class="quiet">${words.idle}</span>`}</td>
        <td>${node.behind.bytes === null ? shared.unknown : format.bytes(node.behind.bytes)}</td>
        <td>${!node.eta_s ? common.none : format.duration(node.eta_s)}</td></tr>`)}</tbody></table></div>`;
  }

  #history() {
    const records = (recent.records ?? []).filter(({ type }) => HISTORY.has(type)).slice(0, HISTORY_SHOWN);
    const link = html`<a href="/ui/events">${words.all_events}</a>`;
    return card({ title: words.history, link }, records.length ? html`<ol class="events">${records.map(eventRow)}</ol>` : html`<p class="quiet">${words.historyNone}</p>`);
  }

  /** @param {string} id */
  #name(id) {
    return this.mesh.value?.items.find((node) => node.id === id)?.name ?? format.shortId(id);
  }
}

customElements.define('page-transfers', PageTransfers);
