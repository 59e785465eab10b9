/** A secret that is shown once, with the words that say so. A stray click or Escape doesn't take it away. */

import { html } from '../vendor/lit.js';
import { ask } from '../lib/dialog.js';
import { text } from '../lib/strings.js';
import { shared as words } from '../lib/strings/shared.js';
import { digest } from './copy.js';
import { icon } from './icon.js';

/**
 * @param {{ title: string, secret: string, what: string, more?: unknown }} shown
 */
export const showOnce = ({ title, secret, what, more = '' }) =>
  ask((close) => html`<h2>${title}</h2>
    <div class="notice warn">${icon('key-round')}<span>${words.once}</span></div>
    <div class="once">${digest(secret, { what })}</div>
    ${more}
    <footer><button type="button" class="primary" @click=${() => close(true)}>${text.close}</button></footer>`, { label: title, keep: true });
