/** One short message (`ods-toasts`). */

import { html, nothing } from '../vendor/lit.js';
import { text } from '../lib/strings.js';
import { toasts } from '../lib/toast.js';
import { OdsElement } from './base.js';
import { icon } from './icon.js';
import { prose } from './parts.js';

/** @typedef {import('../lib/toast.js').Toast} Toast */

/** @type {Record<Toast['kind'], import('../lib/icons.js').IconName>} */
const ICONS = { good: 'circle-check', bad: 'circle-alert', plain: 'info' };

export class OdsToast extends OdsElement {
  /** @type {Toast | null} */
  toast = null;

  /** @override */
  render() {
    if (!this.toast) return nothing;
    const { id, message, kind, action } = this.toast;
    const act = () => {
      toasts.remove(id);
      action?.run();
    };
    return html`<div class=${`toast ${kind}`}>
      ${icon(ICONS[kind])}<span>${prose(message)}</span>
      ${action ? html`<button class="small" @click=${act}>${action.label}</button>` : nothing}
      <button class="icon-only small" aria-label=${text.close} @click=${() => toasts.remove(id)}>${icon('x')}</button>
    </div>`;
  }
}

customElements.define('ods-toast', OdsToast);
