/** One operation of the API: what it takes and gives, and a form that makes the call. */

import { html, nothing } from '../vendor/lit.js';
import { address, request } from '../lib/api.js';
import { asCurl } from '../lib/curl.js';
import { confirm } from '../lib/dialog.js';
import { shape } from '../lib/openapi.js';
import { Problem } from '../lib/problem.js';
import { session } from '../lib/session.js';
import { api as words } from '../lib/strings/api.js';
import { text as common } from '../lib/strings.js';
import { curl } from '../lib/strings/dialogs.js';
import { toastProblem } from '../lib/toast.js';
import { actionButton } from './action.js';
import { OdsElement } from './base.js';
import { copyButton } from './copy.js';
import { prose } from './parts.js';

/** @typedef {import('../lib/openapi.js').Operation} Operation */
/** @typedef {import('../lib/types.js').OperationId} OperationId */

const ANSWER_MAX = 20_000;

class OdsOperation extends OdsElement {
  /** @override */
  static properties = { operation: { attribute: false }, document: { attribute: false } };

  /** @type {{ status: number, text: string } | null} */
  #answer = null;
  #open = false;
  #busy = false;

  constructor() {
    super();
    /** @type {Operation | null} */
    this.operation = null;
    /** @type {any} */
    this.document = null;
  }

  /** @override */
  render() {
    if (!this.operation) return nothing;
    const { id, method, path, summary, scope } = this.operation;
    const toggle = (/** @type {Event} */ event) => {
      this.#open = /** @type {HTMLDetailsElement} */ (event.currentTarget).open;
      this.requestUpdate();
    };
    return html`<details class="operation" data-operation=${id} @toggle=${toggle}>
      <summary><span class=${`method ${method.toLowerCase()}`}>${method}</span><code>${path}</code><span class="quiet">${prose(summary)}</span><span class="tag">${words.needs(scope)}</span></summary>
      ${this.#open ? this.#more(this.operation) : nothing}</details>`;
  }

  /** @param {Operation} operation */
  #more({ id, description, parameters, body, bodyType, responses }) {
    return html`<div class="operation-more stack"><p><code>${id}</code> ${prose(description)}</p>
      <form class="stack" @submit=${this.#send}>
        ${parameters.length ? html`<h3>${words.parameters}</h3><div class="fields">${parameters.map((parameter) => field(parameter))}</div>` : nothing}
        ${body ? html`<h3>${words.request} <small>${bodyType}</small></h3><textarea name="body" rows="6" class="mono" spellcheck="false" aria-label=${words.body} .value=${example(body,
          bodyType)}></textarea>
          ${bodyType.includes('json') ? html`<details><summary>${words.shape}</summary><pre tabindex="0">${shape(this.document, body.schema)}</pre></details>` : nothing}` : nothing}
        <div class="line">${id === 'follow_events' ? html`<p class="hint">${words.stream}</p>`
          : actionButton({ operation: /** @type {OperationId} */ (id), label: words.send, icon: 'send', busy: this.#busy })}
          ${copyButton(() => this.#curl(), { what: curl.line, label: common.curl })}</div>
      </form>
      ${this.#answer ? html`<h3>${words.answer(this.#answer.status)}</h3><pre class="answer" tabindex="0">${this.#answer.text || words.empty}</pre>` : nothing}
      <h3>${words.answers}</h3>
      <dl class="answers">${responses.map(([status, what, content]) => html`<div><dt>${status}</dt><dd>${prose(what)}${content?.schema && status < '3'
        ? html`<details><summary>${words.shape}</summary><pre tabindex="0">${shape(this.document, content.schema)}</pre></details>` : nothing}</dd></div>`)}</dl>
    </div>`;
  }

  /** What was typed, as options of a call. */
  #options() {
    const form = new FormData(/** @type {HTMLFormElement} */ (this.querySelector('form')));
    const of = (/** @type {string} */ where) => Object.fromEntries((this.operation?.parameters ?? []).filter((parameter) => parameter.in === where)
      .map(({ name }) => [name, String(form.get(`${where}.${name}`) ?? '')]).filter(([, value]) => value));
    const typed = String(form.get('body') ?? '');
    const json = this.operation?.bodyType.includes('json');
    return { path: of('path'), query: of('query'), headers: of('header'),
      ...(typed && this.operation?.body ? { body: json ? parsed(typed) : new Blob([typed], { type: this.operation.bodyType }) } : {}) };
  }

  #curl() {
    const { path, query, headers, ...rest } = this.#options();
    const id = /** @type {OperationId} */ (this.operation?.id);
    return asCurl({ method: this.operation?.method ?? 'GET', url: address(id, { path, query }),
      headers: { ...headers, ...('body' in rest && !(rest.body instanceof Blob) ? { 'content-type': 'application/json' } : {}) }, body: rest.body });
  }

  /** @param {SubmitEvent} event */
  async #send(event) {
    event.preventDefault();
    const { operation } = this;
    if (!operation || this.#busy || session.refusal(/** @type {OperationId} */ (operation.id))) return;
    let options;
    try {
      options = this.#options();
    } catch (error) {
      return toastProblem(error);
    }
    const reads = ['GET', 'HEAD', 'OPTIONS'].includes(operation.method);
    if (!reads && !(await confirm({ title: `${operation.method} ${operation.path}`, body: words.changes, action: words.send, danger: operation.method === 'DELETE' }))) return;
    this.#busy = true;
    this.requestUpdate();
    try {
      const response = await request(/** @type {OperationId} */ (operation.id), { ...options, anonymous: true, patient: true });
      this.#answer = { status: response.status, text: pretty((await response.text()).slice(0, ANSWER_MAX)) };
    } catch (error) {
      this.#answer = error instanceof Problem ? { status: error.status, text: `${error.code}: ${error.message}` } : { status: 0, text: String(error) };
    }
    this.#busy = false;
    this.requestUpdate();
    return undefined;
  }
}

customElements.define('ods-operation', OdsOperation);

/** @param {import('../lib/openapi.js').Parameter} parameter */
const field = ({ name, in: where, required, description }) =>
  html`<label class="field"><span>${name} <small>${words.where[/** @type {'path'} */ (where)] ?? where}${required ? `, ${words.required}` : ''}</small></span>
  <input name=${`${where}.${name}`} ?required=${required ?? false} autocomplete="off" spellcheck="false">${description ? html`<span class="hint">${prose(description)}</span>` : nothing}</label>`;

/** @param {any} body @param {string} type */
function example(body, type) {
  const value = body.example ?? Object.values(body.examples ?? {})[0]?.value ?? body.schema?.example;
  return type.includes('json') && value !== undefined ? JSON.stringify(value, null, 2) : '';
}

/** @param {string} typed */
function parsed(typed) {
  try {
    return JSON.parse(typed);
  } catch (error) {
    throw new Problem(0, 'bad_json', words.notJson(String(error)));
  }
}

/** @param {string} text */
function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
