/** One webhook: how it stands, what was sent and answered, and sending it again. Read anew when another is shown. */

import { html, nothing } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import * as format from '../lib/format.js';
import { Resource } from '../lib/resource.js';
import { ROOT, router } from '../lib/router.js';
import { shared } from '../lib/strings/shared.js';
import { webhooks as words } from '../lib/strings/webhooks.js';
import { toast } from '../lib/toast.js';
import { actionButton } from '../elements/action.js';
import { OdsElement } from '../elements/base.js';
import { ago, facts } from '../elements/facts.js';
import { icon } from '../elements/icon.js';
import { menuItem } from '../elements/menu-item.js';
import '../elements/ods-deliveries.js';
import { menu } from '../elements/ods-menu.js';
import { card, pageHead, shown } from '../elements/parts.js';
import { editWebhook, redeliverSince, removeWebhook, rotateWebhook, skipAll, switchWebhook } from '../elements/webhook-dialogs.js';
import { webhookState } from './webhooks.js';

/** @typedef {import('../lib/types.js').Schemas['Webhook']} Webhook */

class PageWebhook extends OdsElement {
  /** @type {Resource<Webhook>} */
  webhook = this.use(new Resource(() => call('show_webhook', { path: { id: this.#id }, background: true }), { everyMs: 3000, on: ['webhook.*', 'node.alarm'] }));
  #last = this.#id;

  constructor() {
    super();
    this.listen(router, 'change', () => this.#placed());
    this.whileShown(() => this.#placed());
  }

  get #id() {
    return router.place.params['rest'] ?? '';
  }

  #placed() {
    if (!this.#id || this.#id === this.#last) return;
    this.#last = this.#id;
    this.webhook.anew();
    this.requestUpdate();
  }

  /** @override */
  render() {
    return html`<div data-operation="show_webhook">${shown(this.webhook, (webhook) => html`
      ${pageHead({ title: webhook.name || webhook.url, beside: webhookState(webhook), actions: this.#actions(webhook) })}
      <div class="stack">
        ${notices(webhook)}
        ${card({}, facts([
          [words.url, html`<code>${webhook.url}</code>`], [words.types, webhook.types.join(', ') || words.allTypes],
          [words.onlyPaths, webhook.paths.join(', ') || words.anyPath], [words.onlyTags, webhook.tags.join(', ') || words.anyPath],
          [words.columns[3], words.waiting(webhook)], [words.columns[4], ago(webhook.delivered_at)],
          [words.madeBy, `${webhook.created_by}, ${format.dateShort(webhook.created_at)}`],
        ]))}
        <ods-deliveries .webhook=${webhook.id} .behind=${webhook.behind}></ods-deliveries>
      </div>`)}</div>`;
  }

  /** @param {Webhook} webhook */
  #actions(webhook) {
    const { id, enabled, failing } = webhook;
    const then = (/** @type {Promise<any>} */ done) => done.then(() => this.webhook.refresh());
    return html`<a class="button" href=${`${ROOT}webhooks`}>${icon('arrow-left')}${words.back}</a>
      ${actionButton({ operation: 'test_webhook', label: words.test, icon: 'send', run: () => this.#test(id) })}
      ${failing ? actionButton({ operation: 'skip_delivery', label: words.skip, icon: 'skip-forward', run: () => then(this.#skip(id, failing.delivery)) }) : nothing}
      ${actionButton({ operation: 'edit_webhook', label: words.edit, icon: 'pencil', run: () => then(editWebhook(webhook)) })}
      ${menu({ label: shared.actions, icon: 'ellipsis' }, html`
        ${menuItem({ operation: 'edit_webhook', label: enabled ? words.off : words.on, icon: enabled ? 'pause' : 'play', run: () => then(switchWebhook(webhook, !enabled)) })}
        ${menuItem({ operation: 'redeliver_since', label: words.redeliverSince, icon: 'rotate-cw', run: () => then(redeliverSince(id)) })}
        ${menuItem({ operation: 'skip_delivery', label: words.skipAll, icon: 'skip-forward', run: () => then(skipAll(id)) })}
        ${menuItem({ operation: 'rotate_webhook', label: words.rotate, icon: 'key-round', run: () => then(rotateWebhook(webhook)) })}
        ${menuItem({ operation: 'remove_webhook', label: words.remove, icon: 'trash-2', kind: 'danger', run: () => this.#remove(webhook) })}`)}`;
  }

  /** @param {string} id */
  async #test(id) {
    await call('test_webhook', { path: { id } });
    toast(words.tested);
  }

  /** @param {string} id @param {string} delivery */
  async #skip(id, delivery) {
    await call('skip_delivery', { path: { id }, body: { delivery } });
    toast(words.skipped);
  }

  /** @param {Webhook} webhook */
  async #remove(webhook) {
    if (await removeWebhook(webhook)) router.go(`${ROOT}webhooks`);
  }
}

customElements.define('page-webhook', PageWebhook);

/** @param {Webhook} webhook */
function notices({ failing, enabled, disabled_reason: why, old_secret_until: until }) {
  const notice = (/** @type {string} */ kind, /** @type {string} */ words_) => html`<div class=${`notice ${kind}`}>${icon(kind === 'bad' ? 'circle-alert' : 'info')}<span>${words_}</span></div>`;
  return html`
    ${!enabled && why ? notice('bad', words.disabledWhy(why)) : nothing}
    ${failing ? notice('warn', `${words.failingSince(failing.attempts, format.ago(failing.since), format.ago(failing.next_attempt_at))}: ${failing.error}`) : nothing}
    ${until && new Date(until).getTime() > Date.now() ? notice('', words.oldSecret(format.date(until))) : nothing}`;
}
