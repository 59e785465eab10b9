/** Shows the short messages (`lib/toast.js`), above dialogs too. Each has an element of its own: none takes the place of another. */

import { html, nothing } from '../vendor/lit.js';
import { text } from '../lib/strings.js';
import { toasts } from '../lib/toast.js';
import { OdsElement } from './base.js';
import { icon } from './icon.js';
import { prose } from './parts.js';

/** @typedef {import('../lib/toast.js').Toast} Toast */

/** @type {Record<Toast['kind'], import('../lib/icons.js').IconName>} */
const ICONS = { good: 'circle-check', bad: 'circle-alert', plain: 'info' };

class OdsToast extends OdsElement {
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

class OdsToasts extends OdsElement {
  constructor() {
    super();
    this.listen(toasts, 'change');
  }

  /** @override */
  render() {
    return html`<div class="toasts" popover="manual" role="status" aria-live="polite"></div>`;
  }

  /** Popovers and dialogs lie in the order of their opening, so it is opened anew above what opened since. @override */
  updated() {
    const list = /** @type {HTMLElement} */ (this.firstElementChild);
    const known = /** @type {OdsToast[]} */ ([...list.children]);
    for (const one of known) if (one.toast && !toasts.shown.includes(one.toast)) one.remove();
    for (const toast of toasts.shown.slice(list.childElementCount)) list.append(Object.assign(document.createElement('ods-toast'), { toast }));
    if (list.matches(':popover-open')) list.hidePopover();
    if (toasts.shown.length > 0) list.showPopover();
  }
}

customElements.define('ods-toast', OdsToast);
customElements.define('ods-toasts', OdsToasts);
