/** Shows the short messages (`lib/toast.js`), above dialogs too. Each has an element of its own: none takes the place of another. */

import { html } from '../vendor/lit.js';
import { toasts } from '../lib/toast.js';
import { OdsElement } from './base.js';
import { OdsToast } from './ods-toast.js';

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
    for (const toast of toasts.shown.slice(list.childElementCount)) list.append(Object.assign(new OdsToast(), { toast }));
    if (list.matches(':popover-open')) list.hidePopover();
    if (toasts.shown.length > 0) list.showPopover();
  }
}

customElements.define('ods-toasts', OdsToasts);
