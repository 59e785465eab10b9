/** Packages that were deleted and are not back: as far as the journal goes back, each with a way to restore what it was. */

import { html, nothing } from '../vendor/lit.js';
import { repeat } from '../vendor/directives.js';
import { journalPages } from '../lib/journal.js';
import * as format from '../lib/format.js';
import { live } from '../lib/live.js';
import { packageAt } from '../lib/package-at.js';
import { packageUrl } from '../lib/router.js';
import { asProblem } from '../lib/problem.js';
import { packagePage, packages as words } from '../lib/strings/packages.js';
import { actionButton } from './action.js';
import { OdsElement } from './base.js';
import { dataRow, dataTable } from './data-table.js';
import { ago } from './facts.js';
import { restore } from './package-actions.js';
import { card, emptyState, problemBox, waiting } from './parts.js';

/** @typedef {{ path: string, at: string, previous: string }} Deleted */

const SHAPE = { label: words.deleted, columns: [words.name, words.deletedAt], kinds: { 0: 'break' }, actions: true };
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
    return card({}, html`<p class="quiet">${words.deletedNote}${this.#cut ? ` ${words.deletedCut(SHOWN)}`
      : nothing}</p>${dataTable(SHAPE, repeat(rows, ({ path }) => path, (one) => this.#row(one)))}`);
  }

  /** @param {Deleted} one */
  #row({ path, at, previous }) {
    const again = async () => {
      await restore(path, previous);
      this.#found = (this.#found ?? []).filter((one) => one.path !== path);
      this.requestUpdate();
    };
    const cells = [html`<a href=${packageUrl(path)}>${format.plain(path)}</a>`, ago(at)];
    return dataRow(SHAPE, cells, { end: actionButton({ operation: 'restore_revision', label: packagePage.restore, icon: 'undo-2', kind: 'small', run: again }) });
  }
}

customElements.define('ods-deleted', OdsDeleted);

/** What was deleted, each path once, the newest first. @returns {Promise<Deleted[]>} */
async function removals() {
  /** @type {Map<string, Deleted>} */
  const found = new Map();
  let pages = 0;
  for await (const records of journalPages({ type: 'package.removed' }, { background: true })) {
    for (const { at, data } of records) {
      const { path, previous } = /** @type {{ path: string, previous: string }} */ (/** @type {unknown} */ (data));
      found.delete(path);
      found.set(path, { path, at, previous });
    }
    if (++pages >= PAGES_MAX) break;
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
      if (await packageAt(one.path)) back.add(one.path);
    }
  }));
  return deleted.filter(({ path }) => !back.has(path));
}
