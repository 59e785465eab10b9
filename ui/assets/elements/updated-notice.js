/** That the node was updated, and a reload that fetches its page. */

import { html } from '../vendor/lit.js';
import { text } from '../lib/strings.js';
import { icon } from './icon.js';

export const updatedNotice = () => html`<div class="notice warn banner" role="alert">${icon('refresh-cw')}<span>${text.update.title}</span>
  <button class="small primary" @click=${() => location.reload()}>${text.update.reload}</button></div>`;
