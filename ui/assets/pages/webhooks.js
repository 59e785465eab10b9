/** All webhooks: what they are told of, and whether it gets through. */

import { html, nothing } from '../vendor/lit.js';
import * as format from '../lib/format.js';
import { resource } from '../lib/resource.js';
import { ROOT, router } from '../lib/router.js';
import { titles } from '../lib/strings/shared.js';
import { webhooks as words } from '../lib/strings/webhooks.js';
import { actionButton } from '../elements/action.js';
import { OdsElement } from '../elements/base.js';
import { dataRow, dataTable } from '../elements/data-table.js';
import { ago } from '../elements/facts.js';
import { badge, emptyState, pageHead, shown } from '../elements/parts.js';
import { makeWebhook } from '../elements/webhook-dialogs.js';

/** @typedef {import('../lib/types.js').Schemas['Webhook']} Webhook */

const webhooks = resource('list_webhooks', { query: { limit: 1000 } }, { everyMs: 5000, on: ['webhook.*', 'node.alarm'] });

class PageWebhooks extends OdsElement {
  webhooks = this.use(webhooks);

  /** @override */
  render() {
    const add = actionButton({ operation: 'create_webhook', label: words.add, icon: 'plus', kind: 'primary', run: () => this.#add() });
    return html`${pageHead({ title: titles.webhooks, actions: add })}
      <section class="card" data-operation="list_webhooks">${shown(this.webhooks, ({ items }) => (items.length ? table(items)
        : emptyState({ icon: 'webhook', title: words.none, body: words.noneBody, action: add })))}</section>`;
  }

  async #add() {
    const made = await makeWebhook();
    if (!made) return;
    await webhooks.refresh();
    router.go(`${ROOT}webhooks/${made.id}`);
  }
}

customElements.define('page-webhooks', PageWebhooks);

const SHAPE = { label: titles.webhooks, columns: words.columns, kinds: { 0: 'wide-cell' } };

/** @param {readonly Webhook[]} items */
const table = (items) => dataTable(SHAPE, items.map((webhook) => dataRow(SHAPE, [
  html`<a href=${`${ROOT}webhooks/${webhook.id}`}>${webhook.name || webhook.url}</a><br><small class="break">${webhook.name ? webhook.url : nothing}</small>`,
  html`${webhook.types.join(', ') || words.allTypes}${[...webhook.paths, ...webhook.tags].map((word) => html` <span class="tag">${word}</span>`)}`,
  webhookState(webhook), words.waiting(webhook), ago(webhook.delivered_at),
], { kind: 'webhook' })));

/** @param {Webhook} webhook */
export function webhookState({ enabled, disabled_reason: why, failing }) {
  if (!enabled) return badge(why ? 'bad' : 'plain', words.disabled, why ?? '');
  if (failing) return badge('warn', words.failing, words.failingSince(failing.attempts, format.ago(failing.since), format.ago(failing.next_attempt_at)));
  return badge('good', words.enabled);
}
