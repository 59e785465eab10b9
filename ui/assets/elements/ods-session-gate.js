/** When a session ends in mid-work: the sign-in, above the page, which stays as it was. Its calls go on afterwards. */

import { html, nothing } from '../vendor/lit.js';
import { live } from '../lib/live.js';
import { gate, isOver } from '../lib/session-gate.js';
import { session } from '../lib/session.js';
import { text } from '../lib/strings.js';
import { OdsElement } from './base.js';

class OdsSessionGate extends OdsElement {
  #over = isOver() && session.identity !== null;

  constructor() {
    super();
    this.listen(gate, 'over', () => this.#be(session.identity !== null));
    this.listen(gate, 'renewed', () => this.#be(false));
    // Browsers let the third Escape close a dialog whatever it says, and those below it with it.
    this.listen(document, 'keydown', (event) => this.#over && event.key === 'Escape' && event.preventDefault());
    // Somebody signed in again in another tab, which the stream of all tabs tells.
    this.listen(live, 'state', () => live.state === 'live' && this.#over && void session.again());
  }

  /** @param {boolean} over */
  #be(over) {
    this.#over = over;
    this.requestUpdate();
  }

  /** @override */
  render() {
    if (!this.#over) return nothing;
    const stay = (/** @type {Event} */ event) => event.preventDefault();
    return html`<dialog class="gate" aria-label=${text.signIn.over} @cancel=${stay} @close=${() => this.requestUpdate()}><div class="dialog-body"><ods-sign-in over></ods-sign-in></div></dialog>`;
  }

  /** @override */
  updated() {
    const dialog = this.querySelector('dialog');
    if (dialog && !dialog.open) dialog.showModal();
  }
}

customElements.define('ods-session-gate', OdsSessionGate);
