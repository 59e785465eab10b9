/**
 * Shows the dialogs that were asked for (`lib/dialog.js`), and the questions. One whose call is on the way (something in it is
 * `aria-busy`) can't be left before its answer is here, and one that is to be kept only by its own button.
 */

import { html, nothing } from '../vendor/lit.js';
import { repeat } from '../vendor/directives.js';
import { confirm, dialogs, setConfirmView } from '../lib/dialog.js';
import { router } from '../lib/router.js';
import { text } from '../lib/strings.js';
import { dialogs as words } from '../lib/strings/dialogs.js';
import { OdsElement } from './base.js';
import { actionButton } from './action.js';

/** @typedef {import('../lib/dialog.js').Shown} Shown */

class OdsDialogs extends OdsElement {
  /** Those that something was typed in. @type {WeakSet<Shown>} */
  #typed = new WeakSet();
  #path = router.place.path;

  constructor() {
    super();
    this.listen(dialogs, 'change');
    this.listen(router, 'change', () => this.#placed());
  }

  /** @override */
  render() {
    return html`${repeat(dialogs.open, (shown) => shown.id, (shown) => this.#one(shown))}`;
  }

  /** @override */
  updated() {
    for (const dialog of this.querySelectorAll('dialog')) if (!dialog.open) dialog.showModal();
  }

  /** What belongs to a page goes with it, but for what would be lost. */
  #placed() {
    const { path } = router.place;
    if (path === this.#path) return;
    this.#path = path;
    for (const shown of dialogs.open) if (!this.#isKept(shown) && !this.#typed.has(shown)) dialogs.close(shown);
  }

  /** @param {Shown} shown */
  #isKept(shown) {
    return shown.keep || this.querySelector(`[data-dialog="${shown.id}"] [aria-busy="true"]`) !== null;
  }

  /** Escape and a click beside it throw away nothing that was typed without asking. @param {Shown} shown */
  async #leave(shown) {
    if (this.#isKept(shown)) return;
    const { leave: title, leaveAction: action } = words;
    if (!this.#typed.has(shown) || (await confirm({ title, action, danger: true }))) dialogs.close(shown);
  }

  /** @param {Shown} shown */
  #one(shown) {
    const close = (/** @type {any} */ value = null) => dialogs.close(shown, value);
    const outside = (/** @type {MouseEvent} */ event) => event.target === event.currentTarget && this.#leave(shown);
    const typed = (/** @type {Event} */ event) => /** @type {HTMLInputElement} */ (event.target).name === 'typed' || this.#typed.add(shown);
    return html`<dialog
      class=${shown.wide ? 'wide' : ''} data-dialog=${shown.id} aria-label=${shown.label}
      @cancel=${(/** @type {Event} */ event) => (event.preventDefault(), this.#leave(shown))} @mousedown=${outside} @input=${typed} @close=${() => this.requestUpdate()}
    ><div class="dialog-body">${shown.content(close)}</div></dialog>`;
  }
}

customElements.define('ods-dialogs', OdsDialogs);

/**
 * @param {import('../lib/dialog.js').Question} question
 * @param {(value?: any) => void} close
 */
function confirmView(question, close) {
  const { title, body = nothing, action, danger, typed, operation } = question;
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const field = /** @type {HTMLInputElement | null} */ (form.elements.namedItem('typed'));
    if (!typed || field?.value === typed) return close(true);
    field?.setCustomValidity(words.typeThis(typed));
    field?.reportValidity();
    field?.setCustomValidity('');
    return undefined;
  };
  const kind = danger ? 'danger' : 'primary';
  return html`<form method="dialog" @submit=${submit}>
    <h2>${title}</h2>
    <div class="dialog-text">${body}</div>
    ${typed ? html`<label class="field"><span>${words.typeThis(typed)}</span><input name="typed" autocomplete="off" spellcheck="false"></label>` : nothing}
    <footer>
      <button type="button" @click=${() => close(false)}>${text.cancel}</button>
      ${operation ? actionButton({ operation, label: action, kind }) : html`<button type="submit" class=${kind}>${action}</button>`}
    </footer>
  </form>`;
}

setConfirmView(confirmView);
