/**
 * Signing in by name and password, or with a token in the place of the password and no name: a token is known by its beginning.
 * Alone on the page when nobody is signed in, and in a dialog above it when a session ends (`ods-session-gate`).
 */

import { html, nothing } from '../vendor/lit.js';
import { asProblem } from '../lib/problem.js';
import { session } from '../lib/session.js';
import { text } from '../lib/strings.js';
import { OdsElement } from './base.js';
import { actionButton } from './action.js';
import { problemBox } from './parts.js';
import { logo } from './icon.js';

const words = text.signIn;
const TOKEN = /^ods_[a-z0-9]+$/i;

class OdsSignIn extends OdsElement {
  /** @override */
  static properties = { over: { type: Boolean } };

  /** @type {import('../lib/problem.js').Problem | null} */
  #problem = null;
  #busy = false;

  constructor() {
    super();
    /** Whether it is about a session that ended. */
    this.over = false;
  }

  /** @override */
  firstUpdated() {
    /** @type {HTMLInputElement[]} */ ([...this.querySelectorAll('input')]).find((field) => !field.value)?.focus();
  }

  /** @override */
  render() {
    return html`<form class="sign-in" @submit=${this.#submit}>
      ${logo()}
      <h1>${this.over ? words.over : words.title}</h1>
      ${this.over ? html`<p>${words.nothingLost}</p>` : nothing}
      <label class="field"><span>${words.name}</span><input name="name" autocomplete="username" autocapitalize="none" spellcheck="false" value=${this.over && session.identity?.kind === 'user'
        ? session.identity.name : ''}></label>
      <label class="field"><span>${words.password}</span><input name="password" type="password" autocomplete="current-password" required></label>
      ${this.#problem ? problemBox(this.#problem) : nothing}
      ${actionButton({ operation: 'sign_in', label: this.#busy ? words.busy : words.button, kind: 'primary wide', busy: this.#busy })}
      ${this.over ? nothing : html`<p class="hint">${words.hint}</p>`}
    </form>`;
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault();
    if (this.#busy) return;
    const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const [name, secret] = [String(form.get('name')), String(form.get('password'))];
    this.#show(null, true);
    try {
      await session.signIn(asRequest(name, secret));
      this.#show(null, false);
    } catch (error) {
      this.#show(asProblem(error), false);
    }
  }

  /**
   * @param {import('../lib/problem.js').Problem | null} problem
   * @param {boolean} busy
   */
  #show(problem, busy) {
    this.#problem = problem;
    this.#busy = busy;
    this.requestUpdate();
  }
}

/**
 * A token in either field signs in, whatever is in the other.
 *
 * @param {string} name
 * @param {string} secret
 */
function asRequest(name, secret) {
  const token = [secret.trim(), name.trim()].find((typed) => TOKEN.test(typed));
  return token ? { token } : { name: name.trim(), password: secret };
}

customElements.define('ods-sign-in', OdsSignIn);
