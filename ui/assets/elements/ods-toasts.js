/** Shows the short messages (`lib/toast.js`), above dialogs too. */

import { html, nothing, repeat } from '../vendor/lit.js';
import { text } from '../lib/strings.js';
import { toasts } from '../lib/toast.js';
import { OdsElement } from './base.js';
import { icon } from './icon.js';

/** @type {Record<import('../lib/toast.js').Toast['kind'], import('../lib/icons.js').IconName>} */
const ICONS = { good: 'circle-check', bad: 'circle-alert', plain: 'info' };

class OdsToasts extends OdsElement {
  constructor() {
    super();
    this.listen(toasts, 'change');
  }

  /** @override */
  render() {
    return html`<div class="toasts" popover="manual" role="status" aria-live="polite">${repeat(toasts.shown, (toast) => toast.id, (toast) => this.#one(toast))}</div>`;
  }

  /** Popovers and dialogs lie in the order of their opening, so it is opened anew above what opened since. @override */
  updated() {
    const list = /** @type {HTMLElement} */ (this.firstElementChild);
    if (list.matches(':popover-open')) list.hidePopover();
    if (toasts.shown.length > 0) list.showPopover();
  }

  /** @param {import('../lib/toast.js').Toast} toast */
  #one({ id, message, kind, action }) {
    const act = () => {
      toasts.remove(id);
      action?.run();
    };
    return html`<div class=${`toast ${kind}`}>
      ${icon(ICONS[kind])}<span>${message}</span>
      ${action ? html`<button class="small" @click=${act}>${action.label}</button>` : nothing}
      <button class="icon-only small" aria-label=${text.close} @click=${() => toasts.remove(id)}>${icon('x')}</button>
    </div>`;
  }
}

customElements.define('ods-toasts', OdsToasts);
