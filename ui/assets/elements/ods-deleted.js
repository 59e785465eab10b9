/** Packages that were deleted and are not back: as far as the journal goes back, each with a way to restore what it was. */

import { html, nothing, repeat } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import * as format from '../lib/format.js';
import { live } from '../lib/live.js';
import { packageUrl } from '../lib/router.js';
import { asProblem } from '../lib/problem.js';
import { packagePage, packages as words } from '../lib/strings/packages.js';
import { actionButton } from './action.js';
import { OdsElement } from './base.js';
import { restore } from './package-actions.js';
import { ago, card, emptyState, problemBox, waiting } from './parts.js';

/** @typedef {{ path: string, at: string, previous: string }} Deleted */

const SHOWN = 200;
const PAGES_MAX = 100;
const AT_ONCE = 8;

class OdsDeleted extends OdsElement {
  /** @override */
  static properties = { asked: {} };

  /** @type {Deleted[] | null} newest first */
  #found = null;
  #cut = false;
  /** @type {import('../lib/problem.js').Problem | null} */
  #problem = null;

  constructor() {
    super();
    /** Words that a path must have. */
    this.asked = '';
    this.whileShown(() => void this.#read());
    this.whileShown(() => live.on(['package.removed'], () => void this.#read()));
  }

  async #read() {
    try {
      const newest = await removals();
      this.#cut = newest.length > SHOWN;
      this.#found = await without(newest.slice(0, SHOWN));
      this.#problem = null;
    } catch (error) {
      this.#problem = asProblem(error);
    }
    this.requestUpdate();
  }

  /** @override */
  render() {
    if (this.#problem) return problemBox(this.#problem, () => void this.#read());
    if (!this.#found) return waiting();
    const asked = this.asked.toLowerCase();
    const rows = this.#found.filter(({ path }) => path.toLowerCase().includes(asked));
    if (rows.length === 0) return card({}, emptyState({ icon: 'trash-2', title: words.noneDeleted, body: words.deletedNote }));
    return card({}, html`<p class="quiet">${words.deletedNote}${this.#cut ? ` ${words.deletedCut(SHOWN)}` : nothing}</p><div class="scroll-x" tabindex="0" role="region" aria-label=${words.deleted}><table class="table">
      <thead><tr><th scope="col">${words.name}</th><th scope="col">${words.deletedAt}</th><th><span class="off-screen">${packagePage.actions}</span></th></tr></thead>
      <tbody>${repeat(rows, ({ path }) => path, (one) => this.#row(one))}</tbody></table></div>`);
  }

  /** @param {Deleted} one */
  #row({ path, at, previous }) {
    const again = async () => {
      await restore(path, previous);
      this.#found = (this.#found ?? []).filter((one) => one.path !== path);
      this.requestUpdate();
    };
    return html`<tr><td class="break"><a href=${packageUrl(path)}>${format.plain(path)}</a></td><td>${ago(at)}</td>
      <td class="row-end">${actionButton({ operation: 'restore_revision', label: packagePage.restore, icon: 'undo-2', kind: 'small', run: again })}</td></tr>`;
  }
}

customElements.define('ods-deleted', OdsDeleted);

/** What was deleted, each path once, the newest first. @returns {Promise<Deleted[]>} */
async function removals() {
  /** @type {Map<string, Deleted>} */
  const found = new Map();
  let after = /** @type {string | null} */ ('0');
  for (let page = 0; after !== null && page < PAGES_MAX; page += 1) {
    const told = /** @type {import('../lib/types.js').Answer<'list_events'>} */ (await call('list_events', { query: { type: 'package.removed', after, limit: 1000 }, background: true }));
    for (const { at, data } of told.items) {
      const { path, previous } = /** @type {{ path: string, previous: string }} */ (/** @type {unknown} */ (data));
      found.delete(path);
      found.set(path, { path, at, previous });
    }
    after = told.next;
  }
  return [...found.values()].reverse();
}

/** Those that are not back. @param {readonly Deleted[]} deleted */
async function without(deleted) {
  /** @type {Set<string>} */
  const back = new Set();
  const waiting = [...deleted];
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let one = waiting.shift(); one; one = waiting.shift()) {
      const { path } = one;
      // The first below it is the package itself; asked so, one that isn't there is no error.
      const { items } = await call('list_packages', { query: { prefix: path, limit: 1 }, background: true });
      if (items.some((there) => there.path === path)) back.add(path);
    }
  }));
  return deleted.filter(({ path }) => !back.has(path));
}
