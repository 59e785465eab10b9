/** The set-up link: making the first person who may administer the node. Naming it and its mesh come next (`pages/welcome.js`). */

import { html, nothing } from '../vendor/lit.js';
import { asProblem } from '../lib/problem.js';
import { router } from '../lib/router.js';
import { session } from '../lib/session.js';
import { firstRun as words } from '../lib/strings/first-run.js';
import { OdsElement } from './base.js';
import { actionButton } from './action.js';
import { logo } from './icon.js';
import { alert, problemBox } from './parts.js';

class OdsFirstAdmin extends OdsElement {
  /** @override */
  static properties = { secret: { attribute: false } };

  /** @type {import('../lib/problem.js').Problem | null} */
  #problem = null;
  #busy = false;

  constructor() {
    super();
    this.secret = '';
  }

  /** @override */
  firstUpdated() {
    this.querySelector('input')?.focus();
  }

  /** @override */
  render() {
    return html`<form class="sign-in" @submit=${this.#submit} @input=${this.#typed}>
      ${logo()}
      <p class="hint">${words.step(1)}</p>
      <h1>${words.title}</h1>
      <p>${words.body}</p>
      <label class="field"><span>${words.name}</span><input name="name" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="100" required></label>
      <label class="field"><span>${words.password} <small>${words.hint}</small></span><input name="password" type="password" autocomplete="new-password" minlength="10" required></label>
      <label class="field"><span>${words.repeat}</span><input name="repeat" type="password" autocomplete="new-password" required></label>
      ${this.#problem?.status === 401 ? this.#spent() : this.#problem ? problemBox(this.#problem) : nothing}
      ${actionButton({ operation: 'sign_in', label: words.make, kind: 'primary wide', busy: this.#busy })}
    </form>`;
  }

  #spent() {
    return alert('bad', 'circle-alert', html`${words.spent} <a href="/ui/" target="_self">${words.signInInstead}</a><br>${words.spentMore} <code>ods user link</code>`);
  }

  /** Whichever of the two passwords was mended. @param {Event} event */
  #typed(event) {
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    /** @type {HTMLInputElement} */ (form.elements.namedItem('repeat')).setCustomValidity('');
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault();
    if (this.#busy) return;
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const typed = new FormData(form);
    const [name, password] = [String(typed.get('name')).trim(), String(typed.get('password'))];
    const repeat = /** @type {HTMLInputElement} */ (form.elements.namedItem('repeat'));
    repeat.setCustomValidity(repeat.value === password ? '' : words.differ);
    if (!form.reportValidity()) return;
    this.#busy = true;
    this.requestUpdate();
    try {
      await session.signIn({ set_up: this.secret, name, password });
      router.go('/ui/welcome', { replace: true });
    } catch (error) {
      this.#problem = asProblem(error);
      // A link that was used or isn't needed comes to nothing, also after a reload (`ods-shell.js` keeps it for that).
      if ([401, 409].includes(this.#problem.status)) history.replaceState(null, '');
    }
    this.#busy = false;
    this.requestUpdate();
  }
}

customElements.define('ods-first-admin', OdsFirstAdmin);
