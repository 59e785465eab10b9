/**
 * A form in a dialog that makes a call: what went wrong is said in it, and what was typed stays.
 *
 *     const token = await formDialog({ title: 'New token', action: 'Make', operation: 'create_token',
 *       fields: () => html`<label class="field">…<input name="name"></label>`,
 *       submit: (form) => call('create_token', { body: { name: text(form, 'name'), scope: 'read' } }) });
 */

import { html, nothing } from '../vendor/lit.js';
import { ask } from '../lib/dialog.js';
import { live } from '../lib/live.js';
import { asProblem } from '../lib/problem.js';
import { text as words } from '../lib/strings.js';
import { actionButton } from './action.js';
import { OdsElement } from './base.js';
import { problemBox } from './parts.js';

/**
 * @typedef {object} FormSpec
 * @property {string} title
 * @property {(again: () => void) => unknown} fields the template; `again` renders it once more
 * @property {string} action the word on the button
 * @property {import('../lib/types.js').OperationId} operation
 * @property {(form: FormData) => Promise<any>} submit what it gives is what the dialog gives
 * @property {boolean} [danger]
 * @property {boolean} [wide]
 */

class OdsFormDialog extends OdsElement {
  /** @override */
  static properties = { spec: { attribute: false }, close: { attribute: false } };

  /** @type {import('../lib/problem.js').Problem | null} */
  #problem = null;
  #busy = false;

  constructor() {
    super();
    /** @type {FormSpec | null} */
    this.spec = null;
    /** @type {(value?: any) => void} */
    this.close = () => undefined;
    this.listen(live, 'state', () => this.#connected());
  }

  /** That the node can't be reached isn't so any more. */
  #connected() {
    if (live.state !== 'live' || this.#problem?.code !== 'unreachable') return;
    this.#problem = null;
    this.requestUpdate();
  }

  /** The dialog was shown when there was nothing in it yet. @override */
  firstUpdated() {
    this.querySelector(/** @type {'input'} */ ('input, select, textarea, button'))?.focus();
  }

  /** @override */
  render() {
    const { spec } = this;
    if (!spec) return nothing;
    const { title, fields, action, operation, danger } = spec;
    return html`<form @submit=${this.#submit}>
      <h2>${title}</h2>
      ${fields(() => this.requestUpdate())}
      ${this.#problem ? problemBox(this.#problem) : nothing}
      <footer>
        <button type="button" ?disabled=${this.#busy} @click=${() => this.close()}>${words.cancel}</button>
        ${actionButton({ operation, label: action, kind: danger ? 'danger' : 'primary', busy: this.#busy })}
      </footer>
    </form>`;
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault();
    if (this.#busy || !this.spec) return;
    const typed = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    this.#busy = true;
    this.#problem = null;
    this.requestUpdate();
    try {
      const result = await this.spec.submit(typed);
      this.close(result ?? true);
    } catch (error) {
      this.#problem = asProblem(error);
    }
    this.#busy = false;
    this.requestUpdate();
  }
}

customElements.define('ods-form-dialog', OdsFormDialog);

/**
 * @param {FormSpec} spec
 * @returns {Promise<any>} what `submit` gave; null if the dialog was dismissed
 */
export const formDialog = (spec) =>
  ask((close) => html`<ods-form-dialog .spec=${spec} .close=${close}></ods-form-dialog>`, { label: spec.title, wide: spec.wide ?? false });

/** A field's text, without spaces around it. @param {FormData} form @param {string} name */
export const text = (form, name) => String(form.get(name) ?? '').trim();

/** A field's words, split at commas and line ends. @param {FormData} form @param {string} name */
export const list = (form, name) => text(form, name).split(/[\n,]/).map((word) => word.trim()).filter(Boolean);

/**
 * A field with its label.
 *
 * @param {string} label
 * @param {unknown} control
 * @param {string} [hint]
 */
export const field = (label, control, hint) =>
  html`<label class="field"><span>${label}</span>${control}${hint ? html`<span class="hint">${hint}</span>` : nothing}</label>`;

/**
 * A choice.
 *
 * @param {string} name
 * @param {readonly (readonly [value: string, label: string])[]} options
 * @param {string} [chosen]
 * @param {(event: Event) => void} [change]
 */
export const choice = (name, options, chosen, change) => html`<select name=${name} @change=${change ?? nothing}>
  ${options.map(([value, label]) => html`<option value=${value} ?selected=${value === chosen}>${label}</option>`)}
</select>`;
