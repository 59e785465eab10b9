/** Who changed what on this node, newest first, with filters. */

import { html, nothing } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import * as format from '../lib/format.js';
import { asProblem } from '../lib/problem.js';
import { people as words } from '../lib/strings/people.js';
import { OdsElement } from './base.js';
import { icon } from './icon.js';
import { card, problemBox, waiting } from './parts.js';

/** @typedef {import('../lib/types.js').Schemas['AuditEntry']} Entry */

const PAGE = 100;

class OdsAudit extends OdsElement {
  /** @type {Entry[] | null} */
  #entries = null;
  /** @type {string | null} */
  #next = null;
  /** @type {import('../lib/problem.js').Problem | null} */
  #problem = null;
  /** @type {Record<string, string>} */
  #query = {};

  constructor() {
    super();
    this.whileShown(() => void this.#read());
  }

  /** @param {string | null} [after] */
  async #read(after = null) {
    try {
      const page = await call('list_audit', { query: { ...this.#query, limit: PAGE, after } });
      this.#entries = after === null ? page.items : [...(this.#entries ?? []), ...page.items];
      this.#next = page.next;
      this.#problem = null;
    } catch (error) {
      this.#problem = asProblem(error);
    }
    this.requestUpdate();
  }

  /** @override */
  render() {
    return card({ title: words.audit }, html`<div class="stack" data-operation="list_audit">
      <form class="line" @submit=${this.#search}>
        ${Object.entries(words.filters).map(([name, label]) => html`<input name=${name} placeholder=${label} aria-label=${label} autocomplete="off" spellcheck="false">`)}
        <label class="line">${words.since} <input name="since" type="date"></label><label class="line">${words.until} <input name="until" type="date"></label>
        <button>${icon('search')}${words.apply}</button>
      </form>
      ${this.#problem ? problemBox(this.#problem, () => void this.#read()) : nothing}
      ${this.#entries ? this.#table(this.#entries) : waiting()}
      ${this.#next !== null ? html`<p class="edge"><button class="small" @click=${() => void this.#read(this.#next)}>${words.older}</button></p>` : nothing}</div>`);
  }

  /** @param {SubmitEvent} event */
  #search(event) {
    event.preventDefault();
    const typed = [...new FormData(/** @type {HTMLFormElement} */ (event.currentTarget))].map(([name, value]) => [name, String(value).trim()]).filter(([, value]) => value);
    this.#query = Object.fromEntries(typed.map(([name, value]) => [name, name === 'since' || name === 'until' ? new Date(`${value}T${name === 'since' ? '00:00:00' : '23:59:59'}`).toISOString() : value]));
    void this.#read();
  }

  /** @param {readonly Entry[]} entries */
  #table(entries) {
    if (entries.length === 0) return html`<p class="quiet">${words.noAudit}</p>`;
    return html`<div class="scroll-x" tabindex="0" role="region" aria-label=${words.audit}><table class="table"><thead><tr>${words.auditColumns.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
      <tbody>${entries.map((entry) => html`<tr><td class="unbroken"><time datetime=${entry.at} title=${format.date(entry.at)}>${format.dateShort(entry.at)}</time></td><td>${entry.who}</td><td>${entry.from ?? ''}</td>
        <td class="unbroken"><code>${entry.action}</code></td><td class="wide-cell">${entry.subject}</td><td class="wide-cell"><small>${change(entry)}</small></td></tr>`)}</tbody></table></div>`;
  }
}

customElements.define('ods-audit', OdsAudit);

/** What was before and after, as far as it changed. @param {Entry} entry */
function change({ before, after }) {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.map((key) => html`<div>${key}: ${key in before ? html`<del>${value(before[key])}</del> ` : nothing}${key in after ? html`<ins>${value(after[key])}</ins>` : nothing}</div>`);
}

/** Digests and ids by their beginning; all of them to point at. @param {string | undefined} text */
const value = (text = '') => (/^[0-9a-f]{40,}$/.test(text) ? html`<span title=${text}>${format.shortId(text)}…</span>` : text);
