/** What a webhook sent, newest first: request, answers, attempts; any of it can be sent again. */

import { html, nothing } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import * as format from '../lib/format.js';
import { Resource } from '../lib/resource.js';
import { webhooks as words } from '../lib/strings/webhooks.js';
import { toast } from '../lib/toast.js';
import { actionButton } from './action.js';
import { OdsElement } from './base.js';
import { dataRow, dataTable } from './data-table.js';
import { deliveryView } from './delivery.js';
import { badge, card, shown } from './parts.js';

/** @typedef {import('../lib/types.js').Schemas['Delivery']} Delivery */

const PAGE = 50;
const SHAPE = { label: words.deliveries, columns: words.deliveryColumns, head: 1, actions: true, kind: 'deliveries' };
const TONES = /** @type {const} */ ({ waiting: 'busy', delivered: 'good', failing: 'warn', failed: 'bad', skipped: 'plain' });

class OdsDeliveries extends OdsElement {
  /** @override */
  static properties = { webhook: {}, behind: { type: Number } };

  #limit = PAGE;
  #state = '';
  /** @type {Delivery | null} the one that is open, with its attempts read anew */
  #open = null;
  /** @type {Resource<import('../lib/types.js').Answer<'list_deliveries'>>} */
  deliveries = this.use(new Resource(() => this.#read(), { everyMs: 3000, on: ['webhook.*', 'package.*'] }));

  constructor() {
    super();
    this.webhook = '';
    this.behind = 0;
  }

  #read() {
    return call('list_deliveries', { path: { id: this.webhook }, query: { limit: this.#limit, state: this.#state || null }, background: true });
  }

  /** @override @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    if (changed.get('webhook')) this.deliveries.anew();
    else if (changed.has('behind')) void this.deliveries.refresh();
    if (changed.has('webhook')) this.#open = null;
  }

  /** @override */
  render() {
    const filter = html`<select aria-label=${words.state} @change=${this.#choose}>
      <option value="">${words.any}</option>
      ${Object.entries(words.states).map(([value, label]) => html`<option value=${value} ?selected=${value === this.#state}>${label}</option>`)}</select>`;
    return card({ title: words.deliveries, link: filter }, html`<div data-operation="list_deliveries">${shown(this.deliveries, ({ items, next }) => html`
      ${items.length ? this.#table(items) : html`<p class="quiet">${this.#state ? words.noMatch : words.noDeliveries}</p>`}
      ${next ? html`<p class="edge"><button class="small" @click=${this.#more}>${words.older}</button></p>` : nothing}`)}</div>`);
  }

  /** @param {readonly Delivery[]} items */
  #table(items) {
    return dataTable(SHAPE, items.map((delivery) => this.#row(delivery)));
  }

  /** @param {Delivery} delivery */
  #row(delivery) {
    const state = /** @type {'waiting'} */ (delivery.state);
    const last = delivery.attempts.at(-1);
    const open = this.#open?.lsn === delivery.lsn;
    const row = dataRow(SHAPE, [
      html`<time datetime=${delivery.at} title=${format.date(delivery.at)}>${format.dateShort(delivery.at)}</time>`,
      html`<code>${delivery.type}</code>`, badge(TONES[state] ?? 'plain', words.states[state] ?? state),
      last ? last.status ?? last.error ?? words.noAnswer : nothing, format.count(delivery.tries),
    ], {
      kind: `delivery ${open ? 'open' : ''}`,
      end: html`<button class="small quiet" data-operation="show_delivery" aria-expanded=${open} @click=${() => this.#show(delivery)}>${words.request}</button>
        ${actionButton({ operation: 'redeliver', label: words.redeliver, icon: 'rotate-cw', kind: 'small quiet', run: () => this.#again(delivery) })}`,
    });
    return html`${row}${open && this.#open ? html`<tr role="row" class="delivery-more"><td role="cell" colspan="6">${deliveryView(this.#open)}</td></tr>` : nothing}`;
  }

  /** @param {Event} event */
  #choose(event) {
    this.#state = /** @type {HTMLSelectElement} */ (event.target).value;
    this.deliveries.anew();
    this.requestUpdate();
  }

  #more() {
    this.#limit = Math.min(1000, this.#limit + PAGE);
    void this.deliveries.refresh();
  }

  /** @param {Delivery} delivery */
  async #show(delivery) {
    this.#open = this.#open?.lsn === delivery.lsn ? null : delivery;
    this.requestUpdate();
    if (!this.#open) return;
    const read = await call('show_delivery', { path: { id: this.webhook, delivery: String(delivery.lsn) } });
    if (this.#open?.lsn === delivery.lsn) this.#open = read;
    this.requestUpdate();
  }

  /** @param {Delivery} delivery */
  async #again(delivery) {
    await call('redeliver', { path: { id: this.webhook, delivery: String(delivery.lsn) } });
    toast(words.redelivered);
    await this.deliveries.refresh();
  }
}

customElements.define('ods-deliveries', OdsDeliveries);
