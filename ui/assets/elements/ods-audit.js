/** Who changed what on this node, newest first, with filters; it grows while one looks. */

import { html, nothing } from '../vendor/lit.js';
import { repeat } from '../vendor/directives.js';
import { agentName } from '../lib/agent.js';
import { call } from '../lib/api.js';
import * as format from '../lib/format.js';
import { Resource } from '../lib/resource.js';
import { people as words } from '../lib/strings/people.js';
import { toastProblem } from '../lib/toast.js';
import { OdsElement } from './base.js';
import { dataRow, dataTable } from './data-table.js';
import { icon } from './icon.js';
import { card, shown } from './parts.js';

/** @typedef {import('../lib/types.js').Schemas['AuditEntry']} Entry */

const PAGE = 100;
const SHAPE = { label: words.audit, columns: words.auditColumns, kinds: { 0: 'unbroken', 3: 'unbroken', 4: 'wide-cell', 5: 'wide-cell' }, head: 3 };

/** What has entries in it, or soon afterwards. */
const TOLD = ['package.published', 'package.replaced', 'package.removed', 'user.*', 'token.*', 'sign_in.*', 'invite.*', 'peer.*', 'node.*', 'settings.*', 'watch.*', 'webhook.*', 'storage.*'];

class OdsAudit extends OdsElement {
  /** @type {Record<string, string>} */
  #query = {};
  /** @type {Resource<{ entries: Entry[], next: string | null }>} */
  #audit = this.use(new Resource(() => this.#read(), { everyMs: 15_000, on: TOLD }));

  /** Where the log ended before the newest were read. */
  #head = 0;

  /** The newest. Older ones that were read stay below them, unless so many came that there may be others between. */
  async #read() {
    const { log } = await call('show_node', { background: true });
    const { items, next } = await call('list_audit', { query: { ...this.#query, limit: PAGE }, background: true });
    const before = this.#audit.value;
    // A page has all down to its last entry. One without any looked at tens of thousands: more than come between two looks.
    const end = items.at(-1)?.lsn ?? 0;
    const meets = items.length < PAGE ? end <= this.#head : before?.entries.some(({ lsn }) => lsn === end);
    this.#head = log.head;
    if (!before || next === null || !meets) return { entries: items, next };
    return { entries: [...items, ...before.entries.filter(({ lsn }) => lsn < end || end === 0)], next: before.next };
  }

  async #older() {
    const [query, after] = [this.#query, this.#audit.value?.next];
    const page = await call('list_audit', { query: { ...query, limit: PAGE, after }, background: true });
    const now = this.#audit.value;
    if (!now || now.next !== after || query !== this.#query) return;
    this.#audit.value = { entries: [...now.entries, ...page.items], next: page.next };
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
      ${shown(this.#audit, ({ entries, next }) => html`${this.#table(entries)}
        ${next === null ? nothing : html`<p class="edge"><button class="small" @click=${() => void this.#older().catch(toastProblem)}>${words.older}</button></p>`}`)}</div>`);
  }

  /** @param {SubmitEvent} event */
  #search(event) {
    event.preventDefault();
    const typed = [...new FormData(/** @type {HTMLFormElement} */ (event.currentTarget))].map(([name, value]) => [name, String(value).trim()]).filter(([, value]) => value);
    this.#query = Object.fromEntries(typed.map(([name, value]) => [name, name === 'since' || name === 'until'
      ? new Date(`${value}T${name === 'since' ? '00:00:00' : '23:59:59'}`).toISOString() : value]));
    this.#audit.anew();
  }

  /** @param {readonly Entry[]} entries */
  #table(entries) {
    if (entries.length === 0) return html`<p class="quiet">${words.noAudit}</p>`;
    return dataTable(SHAPE, repeat(entries, ({ lsn }) => lsn, (entry) => dataRow(SHAPE, [
      html`<time datetime=${entry.at} title=${format.date(entry.at)}>${format.dateShort(entry.at)}</time>`, entry.who, entry.from ?? nothing, html`<code>${entry.action}</code>`, entry.subject,
      html`<small>${change(entry)}</small>`,
    ])));
  }
}

customElements.define('ods-audit', OdsAudit);

/** What was before and after, as far as it changed. @param {Entry} entry */
function change({ before, after }) {
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const old = (/** @type {string} */ key) => (key in before ? values(key, before[key]).map((one) => html`<del>${one}</del> `) : nothing);
  const fresh = (/** @type {string} */ key) => (key in after ? values(key, after[key]).map((one) => html`<ins>${one}</ins> `) : nothing);
  return keys.map((key) => html`<div>${key}: ${old(key)}${fresh(key)}</div>`);
}

/** A list has each of its items by itself. @param {string} key @param {unknown} fact */
function values(key, fact) {
  if (Array.isArray(fact)) return fact.map((item) => value(key, String(item)));
  return [value(key, typeof fact === 'object' ? JSON.stringify(fact) : String(fact))];
}

/** Digests, ids, rates and browsers in short; all of it to point at. @param {string} key @param {string} text */
function value(key, text) {
  if (key === 'agent') return html`<span title=${text}>${agentName(text)}</span>`;
  if (key === 'limits') return html`<span title=${text}>${format.rates(text)}</span>`;
  return /^[0-9a-f]{40,}$/.test(text) ? html`<span title=${text}>${format.shortId(text)}…</span>` : text;
}
