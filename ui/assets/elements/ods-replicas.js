/** Which nodes have a package, and why the others don't yet: a row for each node, kept up to date. */

import { html, nothing } from '../vendor/lit.js';
import * as format from '../lib/format.js';
import { Resource } from '../lib/resource.js';
import { call } from '../lib/api.js';
import { packagePage as words } from '../lib/strings/packages.js';
import { OdsElement } from './base.js';
import { dataRow, dataTable } from './data-table.js';
import { hereBadge } from './package-cells.js';
import { bar, shown } from './parts.js';

/** @typedef {import('../lib/types.js').Holder} Holder */
/** @typedef {import('../lib/types.js').Replication} Replication */

const SHAPE = { label: words.nodes, columns: [words.node, words.state, words.reason, words.bytes, words.eta], kinds: { 2: 'quiet', 3: 'number', 4: 'number' } };

class OdsReplicas extends OdsElement {
  /** @override */
  static properties = { path: {}, size: { type: Number }, brief: { type: Boolean } };

  /** @type {Resource<Replication>} */
  #told;

  constructor() {
    super();
    this.path = '';
    /** The package's bytes. */
    this.size = 0;
    /** Only bars, without reasons. */
    this.brief = false;
    this.#told = this.use(new Resource(() => call('show_replication', { path: { path: this.path }, background: true }), { everyMs: 5000, on: ['package.*', 'peer.*'] }));
  }

  /** @override @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    if (changed.has('path') && this.isConnected && changed.get('path')) this.#told.anew();
  }

  /** @override */
  render() {
    return shown(this.#told, ({ items }) => (this.brief ? html`<ul class="replicas">${items.map((one) => this.#brief(one))}</ul>` : this.#table(items)));
  }

  /** @param {Holder} one */
  #share(one) {
    if (one.bytes_missing === null || one.bytes_missing === undefined) return 0;
    return this.size > 0 ? 1 - one.bytes_missing / this.size : one.state === 'stored' ? 1 : 0;
  }

  /** @param {Holder} one */
  #brief(one) {
    const name = one.name ?? format.shortId(one.node);
    const share = this.#share(one);
    return html`<li title=${one.reason}><span class="clip">${name}</span>${bar(share, 1,
      { label: name, tone: share === 1 ? 'good' : 'busy' })}<span class="quiet">${one.state === 'unknown' ? '?' : format.percent(share)}</span></li>`;
  }

  /** @param {Holder[]} items */
  #table(items) {
    return dataTable(SHAPE, items.map((one) => this.#row(one)));
  }

  /** @param {Holder} one */
  #row(one) {
    const there = one.bytes_missing === null ? words.unknownBytes : words.ofBytes(format.bytes(Math.max(0, this.size - one.bytes_missing)), format.bytes(this.size));
    return dataRow(SHAPE, [
      html`<a href=${`/ui/mesh?node=${one.node}`}>${format.plain(one.name ?? format.shortId(one.node))}</a>`, hereBadge(one.state), one.reason,
      html`${there}${one.bytes_missing ? bar(this.#share(one), 1, { label: words.bytes }) : nothing}`, one.eta_s ? format.duration(one.eta_s) : words.noEta,
    ]);
  }
}

customElements.define('ods-replicas', OdsReplicas);
