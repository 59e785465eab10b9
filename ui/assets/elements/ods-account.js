/** Who is signed in, what they may do, and signing out. What makes it a menu is loaded when somebody opens it. */

import { html } from '../vendor/lit.js';
import { session } from '../lib/session.js';
import { text } from '../lib/strings.js';
import { toastProblem } from '../lib/toast.js';
import { later } from '../lib/update.js';
import { OdsElement } from './base.js';
import { icon } from './icon.js';

class OdsAccount extends OdsElement {
  /** @type {typeof import('./account-menu.js').accountMenu | null} */
  #menu = null;
  /** Whether what makes it a menu is on its way: a second press meanwhile would close it again. */
  #opening = false;

  constructor() {
    super();
    this.listen(session, 'change');
  }

  /** @override */
  render() {
    const who = session.identity;
    if (!who) return '';
    if (this.#menu) return this.#menu(who);
    const label = text.account.label(who.name);
    return html`<button class="icon-only" data-operation="show_session sign_out" aria-haspopup="menu"
      aria-label=${label} title=${label} @click=${this.#open}>${icon('user')}</button>`;
  }

  /** The same press opens what takes the button's place. */
  async #open() {
    if (this.#opening) return;
    this.#opening = true;
    try {
      this.#menu = (await later(() => import('./account-menu.js'))).accountMenu;
    } catch (error) {
      this.#opening = false;
      toastProblem(error);
      return;
    }
    this.requestUpdate();
    await this.updateComplete;
    await /** @type {import('lit').LitElement | null} */ (this.querySelector('ods-menu'))?.updateComplete;
    const head = this.querySelector('summary');
    head?.focus();
    head?.click();
  }
}

customElements.define('ods-account', OdsAccount);
