/** Which packages a node lacks, and why: a page of them as it is now, and more when asked for. */

import { html, nothing } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import { ask } from '../lib/dialog.js';
import * as format from '../lib/format.js';
import { packageUrl } from '../lib/router.js';
import { text as common } from '../lib/strings.js';
import { mesh as words } from '../lib/strings/mesh.js';
import { asProblem } from '../lib/problem.js';
import { OdsElement } from './base.js';
import { dataRow, dataTable } from './data-table.js';
import { problemBox, waiting } from './parts.js';

const SHAPE = { label: words.missingList, columns: words.missingColumns, kinds: { 0: 'break', 1: 'number' } };
/** Packages asked for at a time. */
const PAGE_ROWS = 100;
const AGAIN_MS = 3000;

class OdsMissing extends OdsElement {
  /** @override */
  static properties = { node: { attribute: false }, close: { attribute: false } };

  /** @type {import('../lib/types.js').MissingPackage[]} */
  #found = [];
  /** Pages with rows that are shown. */
  #pages = 0;
  /** Which read is waited for; an answer to one before isn't taken. */
  #run = 0;
  #reading = false;
  /** Somebody waits for rows. */
  #busy = true;
  /** @type {string | null} */
  #next = null;
  /** @type {string | null} */
  #reason = null;
  /** @type {import('../lib/problem.js').Problem | null} */
  #problem = null;

  constructor() {
    super();
    /** @type {import('../lib/types.js').MeshNode | null} */
    this.node = null;
    /** Called when somebody goes to a package. */
    this.close = () => {};
    this.whileShown(() => {
      const timer = setInterval(() => void this.#again(), AGAIN_MS);
      return () => clearInterval(timer);
    });
  }

  /** @override */
  firstUpdated() {
    void this.#more();
  }

  /** The next page. */
  #more() {
    this.#busy = true;
    this.#problem = null;
    this.requestUpdate();
    return this.#read(this.#found, this.#next);
  }

  /** As it is now, unless more than one page is shown, or a read isn't over. */
  async #again() {
    if (!this.#reading && this.#pages < 2) await this.#read([], null);
  }

  /**
   * Reads on until there are rows; pages without any of their own are passed over.
   *
   * @param {import('../lib/types.js').MissingPackage[]} before rows that stay
   * @param {string | null} after
   */
  async #read(before, after) {
    const run = (this.#run += 1);
    this.#reading = true;
    try {
      let page = await this.#page(after);
      while (page.next && page.items.length === 0 && this.isConnected && run === this.#run) page = await this.#page(page.next);
      if (run !== this.#run) return;
      this.#found = [...before, ...page.items];
      this.#pages = after === null ? 1 : this.#pages + 1;
      this.#next = page.next ?? null;
      this.#reason = page.reason ?? null;
      this.#problem = null;
    } catch (error) {
      if (run !== this.#run) return;
      this.#problem = asProblem(error);
    }
    this.#reading = this.#busy = false;
    this.requestUpdate();
  }

  /** @param {string | null} after */
  #page(after) {
    return call('list_missing', { path: { id: this.node?.id ?? '' }, query: { limit: PAGE_ROWS, after }, background: true });
  }

  /** @override */
  render() {
    const rows = this.#found.map(({ path, bytes_missing, reason }) => dataRow(SHAPE,
      [html`<a href=${packageUrl(path)} @click=${() => this.close()}>${format.plain(path)}</a>`, format.bytes(bytes_missing), reason]));
    return html`${this.#problem ? problemBox(this.#problem) : nothing}
      ${rows.length ? dataTable(SHAPE, rows) : nothing}
      ${this.#busy ? waiting() : rows.length || this.#problem || this.#reason ? nothing : html`<p>${words.nothingMissing}</p>`}
      ${this.#reason ? html`<p class="hint">${words.missingMore(this.#reason)}</p>` : nothing}
      ${this.#next && !this.#busy ? html`<p><button type="button" @click=${() => void this.#more()}>${words.moreMissing}</button></p>` : nothing}`;
  }
}

customElements.define('ods-missing', OdsMissing);

/** @param {import('../lib/types.js').MeshNode} node @param {string} name */
export const missingDialog = (node, name) => ask((close) => html`<h2>${words.missingTitle(name)}</h2>
  <ods-missing .node=${node} .close=${close}></ods-missing>
  <footer><button type="button" @click=${() => close()}>${common.close}</button></footer>`, { label: words.missingTitle(name), wide: true });
