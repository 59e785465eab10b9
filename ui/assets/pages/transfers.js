/** What moves or waits, of this node and of all others in one list, and what moved lately. */

import { html, nothing } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import * as format from '../lib/format.js';
import { hearsNothing } from '../lib/health.js';
import { movements } from '../lib/movements.js';
import { mesh, nodeName, transfers } from '../lib/node.js';
import { learnNames, pastName } from '../lib/past-names.js';
import { Resource, resource } from '../lib/resource.js';
import { packageUrl, router } from '../lib/router.js';
import { text as common } from '../lib/strings.js';
import { shared, titles } from '../lib/strings/shared.js';
import { transfers as words } from '../lib/strings/transfers.js';
import { OdsElement } from '../elements/base.js';
import { dataRow, dataTable } from '../elements/data-table.js';
import { ago } from '../elements/facts.js';
import { badge, bar, card, emptyState, pageHead, shown } from '../elements/parts.js';

/** @typedef {import('../lib/types.js').Transfer} Transfer */
/** @typedef {import('../lib/types.js').Schemas['PastTransfer']} PastTransfer */

/** @typedef {import('../lib/movements.js').Movement} Movement */
/** @typedef {import('../lib/movements.js').Lacks} Lacks */

const HISTORY_SHOWN = 50;
/** So many other nodes are asked what they lack, for so many packages each; of the rest there is a number. */
const NODES_ASKED = 12;
const PACKAGES_ASKED = 25;

const NOW = { label: words.now, columns: words.columns, kinds: { 0: 'wide-cell', 2: 'progress-cell', 3: 'number', 4: 'number' } };
const PAST = { label: words.history, columns: words.historyColumns, kinds: { 1: 'wide-cell', 2: 'direction-cell', 3: 'number', 4: 'number', 5: 'number' }, head: 1 };

/** What moved lately. */
const recentTransfers = resource('list_recent_transfers', {}, { everyMs: 5000, on: ['package.*'] });

/** What the other nodes lack, as far as they told. @type {Resource<Lacks[]>} */
const lacking = new Resource(async () => {
  if (!mesh.value) await mesh.refresh();
  const nodes = (mesh.value?.items ?? []).filter((node) => !node.this && ((node.wants ?? 0) > 0 || hearsNothing(node)));
  const asked = new Set(nodes.filter(({ wants }) => wants).slice(0, NODES_ASKED));
  return Promise.all(nodes.map(async (node) => {
    if (!asked.has(node)) return { node, items: [] };
    const told = await call('list_missing', { path: { id: node.id }, query: { limit: PACKAGES_ASKED }, background: true }).catch(() => null);
    return { node, items: told?.items ?? [] };
  }));
}, { everyMs: 3000, on: ['package.*', 'peer.*'] });

class PageTransfers extends OdsElement {
  transfers = this.use(transfers);
  mesh = this.use(mesh);
  lacking = this.use(lacking);
  past = this.use(recentTransfers);

  constructor() {
    super();
    this.listen(router, 'change');
    this.listen(recentTransfers, 'change', () => void this.#learn());
    this.tick(10_000);
  }

  /** @override */
  render() {
    const items = this.transfers.value?.items ?? [];
    const sum = (/** @type {string} */ direction) => items.filter((one) => one.direction === direction).reduce((total, one) => total + (one.rate_bytes_per_s ?? 0), 0);
    return html`${pageHead({ title: titles.transfers, beside: words.total(format.rate(sum('in')), format.rate(sum('out'))), actions: this.#filter() })}
      <div class="stack">
        ${card({ title: words.now }, html`<div data-operation="list_transfers">${shown(this.transfers, () => this.#now(movements(items, this.lacking.value ?? [])))}</div>`)}
        ${this.#history()}
      </div>`;
  }

  async #learn() {
    await learnNames(this.past.value?.items ?? []);
    this.requestUpdate();
  }

  get #direction() {
    return router.place.query.get('direction') ?? '';
  }

  #filter() {
    const change = (/** @type {Event} */ event) => router.setQuery({ direction: /** @type {HTMLSelectElement} */ (event.target).value });
    return html`<select aria-label=${words.direction} @change=${change}>
      ${Object.entries(words.directions).map(([value, label]) => html`<option value=${value} ?selected=${value === this.#direction}>${label}</option>`)}</select>`;
  }

  /** @param {readonly Movement[]} all */
  #now(all) {
    const wanted = all.filter((one) => !this.#direction || one.direction === this.#direction);
    if (wanted.length === 0) return emptyState({ icon: 'arrow-left-right', title: words.none, body: words.noneBody });
    return dataTable(NOW, wanted.map((one) => row(one)));
  }

  #history() {
    const link = html`<a href="/ui/events?type=package.stored">${words.earlier}</a>`;
    return card({ title: words.history, link }, html`<div data-operation="list_recent_transfers">${shown(this.past, ({ items }) => this.#pastRows(items))}</div>`);
  }

  /** @param {readonly PastTransfer[]} items */
  #pastRows(items) {
    const wanted = items.filter((one) => !this.#direction || one.direction === this.#direction).slice(0, HISTORY_SHOWN);
    if (wanted.length === 0) return html`<p class="quiet">${words.historyNone}</p>`;
    return dataTable(PAST, wanted.map((one) => pastRow(one)));
  }
}

customElements.define('page-transfers', PageTransfers);

/** @param {Movement} one */
function row({ direction, node, client, path, blob, more, events, done, total, rate, seconds, sources, state, reason }) {
  const name = path ?? blob;
  const progress = html`${bar(done ?? 0, total ?? 0, { label: name })}<small>${done === null ? common.none : format.bytes(done)} / ${format.bytes(total)}</small>`;
  return dataRow(NOW, [
    more || events ? html`<a href=${`/ui/mesh?node=${node}`}>${events ? words.news(events) : words.more(more)}</a>` : packageLink(path, blob),
    direction === 'in' ? words.in((sources ?? []).map(nodeName).join(', ') || words.nobody) : (direction === 'out' ? words.out : words.elsewhere)(node ? nodeName(node) : client ?? words.client),
    total === null ? nothing : progress,
    rate === null ? common.none : format.rate(rate), seconds === null ? common.none : format.duration(seconds), sources === null ? common.none : format.count(sources.length),
    html`${badge(state === 'moving' ? 'busy' : 'warn', words.states[/** @type {'moving'} */ (state)] ?? shared.kinds[/** @type {'wanted'} */ (state)] ?? state)} ${events || reason
      ? html`<br><small>${events ? words.newsWait : reason}</small>` : nothing}`,
  ]);
}

/** @param {PastTransfer} one */
function pastRow(one) {
  const other = one.peer ? nodeName(one.peer) : one.client ?? words.client;
  const seconds = (Date.parse(one.ended_at) - Date.parse(one.began_at)) / 1000;
  const before = one.path === null ? pastName(one.blob) : null;
  const since = before === null ? nothing : html`<br><small>${words.before}</small>`;
  return dataRow(PAST, [
    html`<span class="unbroken">${ago(one.ended_at)}</span>`, html`${packageLink(one.path ?? before, one.blob)}${since}`, (one.direction === 'in' ? words.in : words.out)(other),
    format.bytes(one.bytes), format.rate(one.rate_bytes_per_s), seconds < 1 ? words.under : format.duration(Math.round(seconds)),
  ]);
}

/** @param {string | null} path @param {string} blob */
const packageLink = (path, blob) => (path ? html`<a href=${packageUrl(path)}>${format.plain(path)}</a>` : html`<code>${format.shortId(blob)}</code>`);
