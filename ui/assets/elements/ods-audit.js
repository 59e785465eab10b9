/** Who changed what on this node, newest first, with filters. */

import { html, nothing } from '../vendor/lit.js';
import { agentName } from '../lib/agent.js';
import { call } from '../lib/api.js';
import * as format from '../lib/format.js';
import { asProblem } from '../lib/problem.js';
import { people as words } from '../lib/strings/people.js';
import { OdsElement } from './base.js';
import { dataRow, dataTable } from './data-table.js';
import { icon } from './icon.js';
import { card, problemBox, waiting } from './parts.js';

/** @typedef {import('../lib/types.js').Schemas['AuditEntry']} Entry */

const PAGE = 100;
const SHAPE = { label: words.audit, columns: words.auditColumns, kinds: { 0: 'unbroken', 3: 'unbroken', 4: 'wide-cell', 5: 'wide-cell' }, head: 3 };

class OdsAudit extends OdsElement {
  /** @type {Entry[] | null} */
  #entries = null;
  /** @type {string | null} */
  #next = null;
  /** @type {import('../lib/problem.js').Problem | null} */
  #problem = null;
  /** @type {Record<string, string>} */
  #query = {};
  /** Which question was asked last: an answer to one before isn't shown. */
  #run = 0;

  constructor() {
    super();
    this.whileShown(() => void this.#read());
  }

  /** @param {string | null} [after] */
  async #read(after = null) {
    const run = ++this.#run;
    try {
      const page = await call('list_audit', { query: { ...this.#query, limit: PAGE, after } });
      if (run !== this.#run) return;
      this.#entries = after === null ? page.items : [...(this.#entries ?? []), ...page.items];
      this.#next = page.next;
      this.#problem = null;
    } catch (error) {
      if (run !== this.#run) return;
      this.#problem = asProblem(error);
    }
    this.requestUpdate();
  }

  /** @override */
  render() {
    return card({ title: words.audit }, html`<div class="stack" data-operation="list_audit">
      <details class="folded" ?open=${!matchMedia('(max-width: 760px)').matches}><summary>${words.filter}</summary><form class="line" @submit=${this.#search}>
        ${Object.entries(words.filters).map(([name, label]) => html`<input name=${name} placeholder=${label} aria-label=${label} autocomplete="off" spellcheck="false">`)}
        <label class="line">${words.since} <input name="since" type="date"></label><label class="line">${words.until} <input name="until" type="date"></label>
        <button>${icon('search')}${words.apply}</button>
      </form></details>
      ${this.#problem ? problemBox(this.#problem, () => void this.#read()) : nothing}
      ${this.#entries ? this.#table(this.#entries) : waiting()}
      ${this.#next !== null ? html`<p class="edge"><button class="small" @click=${() => void this.#read(this.#next)}>${words.older}</button></p>` : nothing}</div>`);
  }

  /** @param {SubmitEvent} event */
  #search(event) {
    event.preventDefault();
    const typed = [...new FormData(/** @type {HTMLFormElement} */ (event.currentTarget))].map(([name, value]) => [name, String(value).trim()]).filter(([, value]) => value);
    this.#query = Object.fromEntries(typed.map(([name, value]) => [name, name === 'since' || name === 'until'
      ? new Date(`${value}T${name === 'since' ? '00:00:00' : '23:59:59'}`).toISOString() : value]));
    void this.#read();
  }

  /** @param {readonly Entry[]} entries */
  #table(entries) {
    if (entries.length === 0) return html`<p class="quiet">${words.noAudit}</p>`;
    return dataTable(SHAPE, entries.map((entry) => dataRow(SHAPE, [
      html`<time datetime=${entry.at} title=${format.date(entry.at)}>${format.dateShort(entry.at)}</time>`, entry.who, entry.from ?? nothing, html`<code>${entry.action}</code>`, entry.subject,
      html`<small>${change(entry)}</small>`,
    ])));
  }
}

customElements.define('ods-audit', OdsAudit);

/** What was before and after, as far as it changed. @param {Entry} entry */
function change({ before, after }) {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const old = (/** @type {string} */ key) => (key in before ? html`<del>${value(key, before[key])}</del> ` : nothing);
  const fresh = (/** @type {string} */ key) => (key in after ? html`<ins>${value(key, after[key])}</ins>` : nothing);
  return keys.map((key) => html`<div>${key}: ${old(key)}${fresh(key)}</div>`);
}

/** Digests, ids, rates and browsers in short; all of it to point at. @param {string} key @param {string | undefined} text */
function value(key, text = '') {
  if (key === 'agent') return html`<span title=${text}>${agentName(text)}</span>`;
  if (key === 'limits') return html`<span title=${text}>${format.rates(text)}</span>`;
  return /^[0-9a-f]{40,}$/.test(text) ? html`<span title=${text}>${format.shortId(text)}…</span>` : text;
}
