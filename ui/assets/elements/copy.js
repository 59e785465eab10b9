/** Copying what is shown: buttons, digests. */

import { html, nothing } from '../vendor/lit.js';
import { copy } from '../lib/clipboard.js';
import { shared } from '../lib/strings/shared.js';
import { toastProblem } from '../lib/toast.js';
import { icon } from './icon.js';

/**
 * A button that copies.
 *
 * @param {string | (() => string)} value
 * @param {{ what: string, label?: string, kind?: string }} options what: its name, for the message; label: words on the button
 */
export function copyButton(value, { what, label, kind = '' }) {
  const run = () => {
    try {
      return copy(typeof value === 'function' ? value() : value, what);
    } catch (error) {
      return toastProblem(error);
    }
  };
  const named = shared.copy.button(what);
  return html`<button type="button" class=${label ? kind : `icon-only ${kind}`} title=${named} aria-label=${label ? nothing : named} @click=${run}>
    ${icon(label ? 'link' : 'copy')}${label ? html`<span>${label}</span>` : nothing}
  </button>`;
}

/**
 * A digest or id: readable, broken where it must be, copied with one click.
 *
 * @param {string} value
 * @param {{ what: string, short?: boolean }} options
 */
export function digest(value, { what, short = false }) {
  const seen = short ? `${value.slice(0, 12)}…` : value;
  return html`<span class="digest"><code title=${short ? value : nothing}>${seen}</code>${copyButton(value, { what })}</span>`;
}
