/** What a webhook sent, newest first: request, answers, attempts; any of it can be sent again. */

import { html, nothing } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import * as format from '../lib/format.js';
import { Resource } from '../lib/resource.js';
import { shared } from '../lib/strings/shared.js';
import { webhooks as words } from '../lib/strings/webhooks.js';
import { toast } from '../lib/toast.js';
import { actionButton } from './action.js';
import { OdsElement } from './base.js';
import { deliveryView } from './delivery.js';
import { badge, card, shown } from './parts.js';

/** @typedef {import('../lib/types.js').Schemas['Delivery']} Delivery */

const PAGE = 50;
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
    if (changed.has('webhook') || changed.has('behind')) void this.deliveries.refresh();
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
    return html`<div class="scroll-x" tabindex="0" role="region" aria-label=${words.deliveries}><table class="table deliveries">
      <thead><tr>${words.deliveryColumns.map((name) => html`<th scope="col">${name}</th>`)}<th><span class="off-screen">${shared.actions}</span></th></tr></thead>
      <tbody>${items.map((delivery) => this.#row(delivery))}</tbody></table></div>`;
  }

  /** @param {Delivery} delivery */
  #row(delivery) {
    const state = /** @type {'waiting'} */ (delivery.state);
    const last = delivery.attempts.at(-1);
    const open = this.#open?.lsn === delivery.lsn;
    return html`<tr class=${`delivery ${open ? 'open' : ''}`}>
      <td><time datetime=${delivery.at} title=${format.date(delivery.at)}>${format.dateShort(delivery.at)}</time></td>
      <td><code>${delivery.type}</code></td><td>${badge(TONES[state] ?? 'plain', words.states[state] ?? state)}</td>
      <td>${last ? last.status ?? last.error ?? words.noAnswer : nothing}</td><td>${format.count(delivery.tries)}</td>
      <td class="row-end"><button class="small quiet" data-operation="show_delivery" aria-expanded=${open} @click=${() => this.#show(delivery)}>${words.request}</button>
        ${actionButton({ operation: 'redeliver', label: words.redeliver, icon: 'rotate-cw', kind: 'small quiet', run: () => this.#again(delivery) })}</td>
    </tr>
    ${open && this.#open ? html`<tr class="delivery-more"><td colspan="6">${deliveryView(this.#open)}</td></tr>` : nothing}`;
  }

  /** @param {Event} event */
  #choose(event) {
    this.#state = /** @type {HTMLSelectElement} */ (event.target).value;
    void this.deliveries.refresh();
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
