/** A delivery in full: what was sent, and each attempt with its answer. All of it is shown as text. */

import { html } from '../vendor/lit.js';
import * as format from '../lib/format.js';
import { webhooks as words } from '../lib/strings/webhooks.js';
import { digest } from './copy.js';
import { badge } from './parts.js';

/** @typedef {import('../lib/types.js').Schemas['Delivery']} Delivery */
/** @typedef {import('../lib/types.js').Schemas['DeliveryAttempt']} Attempt */

/** @param {Delivery} delivery */
export const deliveryView = ({ id, body, attempts }) => html`<div class="stack delivery-full">
  ${digest(id, { what: 'webhook-id' })}
  <h3>${words.request}</h3><pre tabindex="0">${pretty(body)}</pre>
  <h3>${words.attempts}</h3>
  <ol class="attempts">${attempts.map((attempt, index) => attemptRow(attempt, index))}</ol>
</div>`;

/** @param {Attempt} attempt @param {number} index */
function attemptRow({ at, took_ms: took, status, error, answer, manual }, index) {
  const good = status !== null && status >= 200 && status < 300;
  return html`<li><div class="attempt-head">${badge(good ? 'good' : 'bad', status ?? words.noAnswer)}<strong>${words.attempt(index + 1)}</strong>
      <span class="quiet">${format.date(at)} · ${words.took(took)}${manual ? ` · ${words.manual}` : ''}</span></div>
    ${error ? html`<p class="bad-text">${error}</p>` : ''}<pre tabindex="0">${answer || words.emptyAnswer}</pre></li>`;
}

/** @param {string} body */
function pretty(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
