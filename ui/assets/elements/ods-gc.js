/** Freeing space: what would go, then doing it. */

import { html, nothing } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import { confirm } from '../lib/dialog.js';
import * as format from '../lib/format.js';
import { packageUrl } from '../lib/router.js';
import { storage as words } from '../lib/strings/storage.js';
import { toast } from '../lib/toast.js';
import { actionButton } from './action.js';
import { OdsElement } from './base.js';
import { dataRow, dataTable } from './data-table.js';
import { icon } from './icon.js';
import { card } from './parts.js';

/** @typedef {import('../lib/types.js').Schemas['Gc']} Gc */

const SHAPE = { label: words.gc, columns: words.gcColumns, kinds: { 0: 'wide-cell', 1: 'number' } };
const SHOWN = 200;

class OdsGc extends OdsElement {
  /** @override */
  static properties = { last: { attribute: false }, done: { attribute: false } };

  #removed = false;
  /** @type {Gc | null} */
  #plan = null;
  /** What the last look or run couldn't look at or remove. @type {Gc['failed'] | null} */
  #failed = null;

  constructor() {
    super();
    /** @type {import('../lib/types.js').Schemas['LastGc'] | null} */
    this.last = null;
    /** @type {() => void} */
    this.done = () => undefined;
  }

  /** @override */
  render() {
    const note = this.last ? words.last(format.ago(this.last.at), format.bytes(this.last.bytes)) : words.noLast;
    return card({ title: words.gc, link: html`<small>${note}</small>` }, html`<p class="quiet">${words.gcBody}</p>
      <div class="line">
        <label class="check"><input type="checkbox" .checked=${this.#removed} @change=${this.#choose}>${words.alsoRemoved}</label>
        ${actionButton({ operation: 'collect_garbage', label: words.look, icon: 'search', run: () => this.#look() })}
        ${this.#plan && freed(this.#plan) > 0
          ? actionButton({ operation: 'collect_garbage', label: words.run(format.bytes(freed(this.#plan))), icon: 'trash-2', kind: 'danger', run: () => this.#run() }) : nothing}
      </div>
      ${this.#failed?.count ? failures(this.#failed) : nothing} ${this.#plan ? plan(this.#plan) : nothing}`);
  }

  /** @param {Event} event */
  #choose(event) {
    this.#removed = /** @type {HTMLInputElement} */ (event.target).checked;
    this.#plan = null;
    this.#failed = null;
    this.requestUpdate();
  }

  async #look() {
    this.#plan = await call('collect_garbage', { body: { dry_run: true, removed: this.#removed } });
    this.#failed = this.#plan.failed;
    this.requestUpdate();
  }

  async #run() {
    if (!this.#plan) return;
    const bytes = format.bytes(freed(this.#plan));
    if (!(await confirm({ title: words.run(bytes), body: words.runBody(bytes, this.#plan.blobs), action: words.run(bytes), danger: true, operation: 'collect_garbage' }))) return;
    const done = await call('collect_garbage', { body: { dry_run: false, removed: this.#removed } });
    this.#plan = null;
    this.#failed = done.failed;
    this.requestUpdate();
    toast(words.freed(format.bytes(freed(done))));
    this.done();
  }
}

customElements.define('ods-gc', OdsGc);

/** @param {Gc} gc */
const freed = ({ bytes, orphans }) => bytes + orphans.bytes;

/** @param {Gc['failed']} failed */
const failures = ({ count, first }) => html`<div class="notice warn" role="status">${icon('triangle-alert')}
  <span>${words.failed(count)}${first ? html`<br>${words.firstFailed} <code>${first}</code>` : nothing}</span></div>`;

/** @param {Gc} gc */
function plan(gc) {
  if (freed(gc) === 0 && gc.blobs === 0) return html`<p class="notice good">${words.nothing}</p>`;
  return html`<p><strong>${words.wouldGo(gc.blobs, format.bytes(freed(gc)))}</strong></p>
    ${dataTable(SHAPE, gc.items.slice(0, SHOWN).map((item) => dataRow(SHAPE, [
      item.path ? html`<a href=${packageUrl(item.path)}>${format.plain(item.path)}</a>` : html`<code>${format.shortId(item.blob)}</code>`,
        format.bytes(item.size), words.reasons[/** @type {'removed'} */ (item.reason)] ?? item.reason,
    ])))}
    ${gc.truncated || gc.items.length > SHOWN ? html`<p class="hint">${words.truncated}</p>` : nothing}`;
}
