/** What moves now, of this node and of the others, and what moved lately. */

import { html, nothing } from '../vendor/lit.js';
import * as format from '../lib/format.js';
import { mesh, recentTransfers, transfers } from '../lib/node.js';
import { packageUrl, router } from '../lib/router.js';
import { text as common } from '../lib/strings.js';
import { shared, titles } from '../lib/strings/shared.js';
import { transfers as words } from '../lib/strings/transfers.js';
import { OdsElement } from '../elements/base.js';
import { ago, badge, bar, card, emptyState, pageHead, shown } from '../elements/parts.js';

/** @typedef {import('../lib/types.js').Transfer} Transfer */
/** @typedef {import('../lib/types.js').Schemas['PastTransfer']} PastTransfer */

const HISTORY_SHOWN = 50;

class PageTransfers extends OdsElement {
  transfers = this.use(transfers);
  mesh = this.use(mesh);
  past = this.use(recentTransfers);

  constructor() {
    super();
    this.listen(router, 'change');
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
      ${heads(words.columns, [3, 4])}
      <tbody>${wanted.map((one) => this.#row(one))}</tbody></table></div>`;
  }

  /** @param {Transfer} one */
  #row(one) {
    const { done, total } = one.bytes;
    const sources = one.sources.map((id) => this.#name(id)).join(', ');
    const state = /** @type {'moving'} */ (one.state);
    return html`<tr>
      <td class="wide-cell">${this.#package(one)}</td>
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
    const link = html`<a href="/ui/events?type=package.stored">${words.earlier}</a>`;
    return card({ title: words.history, link }, html`<div data-operation="list_recent_transfers">${shown(this.past, ({ items }) => this.#pastRows(items))}</div>`);
  }

  /** @param {readonly PastTransfer[]} items */
  #pastRows(items) {
    const wanted = items.filter((one) => !this.#direction || one.direction === this.#direction).slice(0, HISTORY_SHOWN);
    if (wanted.length === 0) return html`<p class="quiet">${words.historyNone}</p>`;
    return html`<div class="scroll-x" tabindex="0" role="region" aria-label=${words.history}><table class="table">
      ${heads(words.historyColumns, [3, 4, 5])}
      <tbody>${wanted.map((one) => this.#pastRow(one))}</tbody></table></div>`;
  }

  /** @param {PastTransfer} one */
  #pastRow(one) {
    const other = one.peer ? this.#name(one.peer) : one.client ?? words.client;
    const seconds = (Date.parse(one.ended_at) - Date.parse(one.began_at)) / 1000;
    return html`<tr>
      <td>${ago(one.ended_at)}</td>
      <td class="wide-cell">${this.#package(one)}</td>
      <td>${one.direction === 'in' ? words.in(other) : words.out(other)}</td>
      <td class="number">${format.bytes(one.bytes)}</td><td class="number">${format.rate(one.rate_bytes_per_s)}</td>
      <td class="number">${seconds < 1 ? words.under : format.duration(Math.round(seconds))}</td>
    </tr>`;
  }

  /** @param {{ path: string | null, blob: string }} one */
  #package(one) {
    return one.path ? html`<a href=${packageUrl(one.path)}>${one.path}</a>` : html`<code>${format.shortId(one.blob)}</code>`;
  }

  /** @param {string} id */
  #name(id) {
    return this.mesh.value?.items.find((node) => node.id === id)?.name ?? format.shortId(id);
  }
}

/** The heads of columns; those of numbers stand where the numbers do. @param {readonly string[]} names @param {readonly number[]} numbers */
const heads = (names, numbers) => html`<thead><tr>${names.map((name, index) => html`<th scope="col" class=${numbers.includes(index) ? 'number' : ''}>${name}</th>`)}</tr></thead>`;

customElements.define('page-transfers', PageTransfers);
