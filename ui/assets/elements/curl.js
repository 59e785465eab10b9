/** "Copy as curl": the last calls that the page made, as lines for a shell. Reached from every page by `curl-button.js`. */

import { html, nothing } from '../vendor/lit.js';
import { recentCalls, recentReads } from '../lib/api.js';
import { asCurl } from '../lib/curl.js';
import { ask } from '../lib/dialog.js';
import { text } from '../lib/strings.js';
import { curl as words } from '../lib/strings/dialogs.js';
import { copyButton } from './copy.js';

/** Opens the list of what the page did last. */
export function showCurl() {
  return ask((close) => html`<h2>${text.curl}</h2>
    <p>${words.body}</p>
    ${recentCalls().length ? html`<h3>${words.did}</h3><ol class="curls">${recentCalls().map((call) => curlRow(call))}</ol>` : nothing}
    <h3>${words.read}</h3><ol class="curls">${recentReads().map((call) => curlRow(call))}</ol>
    <footer><button type="button" @click=${() => close()}>${text.close}</button></footer>`, { label: text.curl, wide: true });
}

/** @param {import('../lib/api.js').Call} call */
function curlRow(call) {
  const line = asCurl(call);
  return html`<li><span class="digest"><code>${line}</code>${copyButton(line, { what: words.line })}</span></li>`;
}
