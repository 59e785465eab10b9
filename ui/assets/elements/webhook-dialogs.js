/** Making and changing a webhook, its secret, and what is sent again. */

import { html } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import { confirm } from '../lib/dialog.js';
import { asSeen } from '../lib/edits.js';
import { webhooks as words, WEBHOOK_TYPES } from '../lib/strings/webhooks.js';
import { toast } from '../lib/toast.js';
import { editDialog } from './edit-dialog.js';
import { choice, field, formDialog, list, text } from './form-dialog.js';
import { prose } from './parts.js';
import { showOnce } from './secret.js';

/** @typedef {import('../lib/types.js').Schemas['Webhook']} Webhook */

/** @param {Webhook} [webhook] */
function fields(webhook) {
  const chosen = new Set(webhook?.types ?? []);
  const known = /** @type {readonly string[]} */ (WEBHOOK_TYPES);
  const types = [...known, ...[...chosen].filter((type) => !known.includes(type))];
  return html`
    ${field(words.url, html`<input name="url" type="url" required autocomplete="off" spellcheck="false" value=${webhook?.url ?? ''}>`, words.urlHint)}
    ${field(words.name, html`<input name="name" maxlength="128" autocomplete="off" value=${webhook?.name ?? ''}>`)}
    <fieldset class="types"><legend>${words.types} <small>${words.typesHint}</small></legend>
      ${types.map((type) => html`<label class="check"><input type="checkbox" name="types" value=${type} ?checked=${chosen.has(type)}><code>${type}</code></label>`)}</fieldset>
    <div class="fields">
      ${field(words.paths, html`<input name="paths" autocomplete="off" spellcheck="false" value=${(webhook?.paths ?? []).join(', ')}>`, words.pathsHint)}
      ${field(words.tags, html`<input name="tags" autocomplete="off" value=${(webhook?.tags ?? []).join(', ')}>`, words.tagsHint)}
    </div>
    <label class="check"><input type="checkbox" name="private" ?checked=${webhook?.allow_private ?? false}>
      <span>${words.allowPrivate}<br><small>${prose(words.allowPrivateHint)}</small></span></label>`;
}

/** @param {FormData} form */
const typed = (form) => ({
  url: text(form, 'url'), name: text(form, 'name'), types: form.getAll('types').map(String), paths: list(form, 'paths'), tags: list(form, 'tags'), allow_private: form.has('private'),
});

/** Makes a webhook and shows its secret. */
export async function makeWebhook() {
  const made = await formDialog({
    title: words.add, action: words.make, operation: 'create_webhook', wide: true, fields: () => fields(),
    submit: (form) => call('create_webhook', { body: typed(form) }),
  });
  if (made) await showOnce({ title: words.made, secret: made.secret, what: words.secret, more: html`<p class="hint">${words.secretHow}</p>` });
  return made;
}

/** @param {Webhook} webhook */
export const editWebhook = (webhook) => editDialog({
  title: `${words.edit}: ${webhook.name || webhook.url}`, operation: 'edit_webhook', wide: true, thing: webhook, fields, typed,
  read: () => call('show_webhook', { path: { id: webhook.id }, background: true }),
  labels: { url: words.url, name: words.name, types: words.types, paths: words.paths, tags: words.tags, allow_private: words.allowPrivate, enabled: words.enabled },
  save: (body, headers) => call('edit_webhook', { path: { id: webhook.id }, body, headers }),
});

/** @param {Webhook} webhook @param {boolean} enabled */
export const switchWebhook = (webhook, enabled) => call('edit_webhook', { path: { id: webhook.id }, headers: asSeen(webhook), body: { enabled } });

/** @param {Webhook} webhook */
export async function rotateWebhook({ id }) {
  const made = await formDialog({
    title: words.rotate, action: words.rotate, operation: 'rotate_webhook',
    fields: () => html`<p>${words.rotateBody}</p>${field(words.keepFor, choice('span', words.spans))}`,
    submit: (form) => call('rotate_webhook', { path: { id }, body: { keep_old_for_s: Number(form.get('span')) } }),
  });
  if (made) await showOnce({ title: words.rotated, secret: made.secret, what: words.secret });
}

/** Whether it was removed. @param {Webhook} webhook */
export async function removeWebhook(webhook) {
  const body = words.removeBody(webhook.name || webhook.url);
  if (!(await confirm({ title: words.remove, body, action: words.remove, danger: true, operation: 'remove_webhook' }))) return false;
  await call('remove_webhook', { path: { id: webhook.id }, headers: asSeen(webhook) });
  toast(words.removed);
  return true;
}

/** Passes over all that waits. @param {string} id */
export async function skipAll(id) {
  if (!(await confirm({ title: words.skipAll, body: words.skipAllBody, action: words.skipAll, danger: true, operation: 'skip_delivery' }))) return;
  await call('skip_delivery', { path: { id }, body: { all: true } });
  toast(words.skipped);
}

/** @param {string} id */
export async function redeliverSince(id) {
  const day = new Date(Date.now() - 86_400_000 - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  const done = await formDialog({
    title: words.redeliverSince, action: words.redeliver, operation: 'redeliver_since',
    fields: () => html`${field(words.since, html`<input name="since" type="datetime-local" required value=${day}>`)}
      <label class="check"><input type="checkbox" name="delivered"><span>${words.alsoDelivered}</span></label>`,
    submit: (form) => call('redeliver_since', { path: { id }, body: { since: new Date(text(form, 'since')).toISOString(), delivered: form.has('delivered') } }),
  });
  if (done) toast(words.queued(done.queued));
}
