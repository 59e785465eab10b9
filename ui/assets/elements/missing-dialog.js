/** Which packages a node lacks, and why: asked package by package of those that are not on every node. */

import { html, nothing } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import { ask } from '../lib/dialog.js';
import * as format from '../lib/format.js';
import { packageUrl } from '../lib/router.js';
import { text as common } from '../lib/strings.js';
import { mesh as words } from '../lib/strings/mesh.js';
import { asProblem } from '../lib/problem.js';
import { OdsElement } from './base.js';
import { problemBox, waiting } from './parts.js';

/** @typedef {{ path: string, bytes: number | null, reason: string }} Missing */

/** How many packages are asked for, newest first, and how many at a time. */
const ASKED_MAX = 500;
const AT_ONCE = 4;

class OdsMissing extends OdsElement {
  /** @override */
  static properties = { node: { attribute: false } };

  /** @type {Missing[]} */
  #found = [];
  #asked = 0;
  #done = false;
  /** @type {import('../lib/problem.js').Problem | null} */
  #problem = null;

  constructor() {
    super();
    /** @type {import('../lib/types.js').MeshNode | null} */
    this.node = null;
  }

  /** @override */
  firstUpdated() {
    void this.#look();
  }

  async #look() {
    try {
      const { items } = await call('list_packages', { query: { sort: '-published_at', limit: ASKED_MAX }, background: true });
      const waiting = [...items];
      await Promise.all(Array.from({ length: AT_ONCE }, async () => {
        for (let next = waiting.shift(); next && this.isConnected && !this.#all(); next = waiting.shift()) await this.#one(next.path);
      }));
    } catch (error) {
      this.#problem = asProblem(error);
    }
    this.#done = true;
    this.requestUpdate();
  }

  /** Whether as many were found as the node says that it lacks. */
  #all() {
    return this.#found.length >= (this.node?.wants ?? 0);
  }

  /** @param {string} path */
  async #one(path) {
    const { items } = await call('show_replication', { path: { path }, background: true });
    const holder = items.find(({ node }) => node === this.node?.id);
    this.#asked += 1;
    if (holder && holder.state !== 'stored' && holder.state !== 'remote') this.#found.push({ path, bytes: holder.bytes_missing, reason: holder.reason });
    this.requestUpdate();
  }

  /** @override */
  render() {
    const rows = this.#found.map(({ path, bytes, reason }) => html`<tr><td><a href=${packageUrl(path)}>${path}</a></td><td>${format.bytes(bytes)}</td><td>${reason}</td></tr>`);
    return html`${this.#problem ? problemBox(this.#problem) : nothing}
      ${rows.length ? html`<div class="scroll-x" tabindex="0" role="region" aria-label=${words.missingColumns[0]}><table class="table"><thead><tr>${words.missingColumns.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>` : nothing}
      ${this.#done ? (rows.length ? nothing : html`<p>${words.nothingMissing}</p>`) : waiting()}
      ${this.#done && this.#asked >= ASKED_MAX && !this.#all() ? html`<p class="hint">${words.missingCut}</p>` : nothing}`;
  }
}

customElements.define('ods-missing', OdsMissing);

/** @param {import('../lib/types.js').MeshNode} node @param {string} name */
export const missingDialog = (node, name) => ask((close) => html`<h2>${words.missingTitle(name)}</h2>
  <ods-missing .node=${node}></ods-missing>
  <footer><button type="button" @click=${() => close()}>${common.close}</button></footer>`, { label: words.missingTitle(name), wide: true });
