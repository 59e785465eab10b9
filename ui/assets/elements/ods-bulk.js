/**
 * One change to many packages: asks, does it some at a time, and shows what became of each. Lives in a dialog, which can't be left while
 * it goes on; it can be stopped between two calls, and gone on with.
 */

import { html, nothing } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import { ask } from '../lib/dialog.js';
import { plain } from '../lib/format.js';
import { asProblem } from '../lib/problem.js';
import { text } from '../lib/strings.js';
import { dialogs as dialogWords } from '../lib/strings/dialogs.js';
import { packagePage, packages as words } from '../lib/strings/packages.js';
import { toast } from '../lib/toast.js';
import { actionButton } from './action.js';
import { OdsElement } from './base.js';
import { icon } from './icon.js';
import { bar, problemBox } from './parts.js';

/** @typedef {import('../lib/types.js').Schemas['BulkResult']} BulkResult */
/** @typedef {import('../lib/types.js').Schemas['BulkItem']} BulkItem */

const CHUNK = 200;
const SHOWN = 200;
/** So many are restored at once. */
const AT_ONCE = 4;
/** Who deletes more types how many: a slip of the hand is no such number. */
const TYPED_FROM = 20;

/**
 * Whether anything was done, however the dialog was closed then.
 *
 * @param {'remove' | 'tag'} action
 * @param {Map<string, string>} chosen path → revision as it was seen, so that what changed since isn't deleted unseen
 */
export async function bulk(action, chosen) {
  const label = (action === 'remove' ? words.removeTitle : words.tagTitle)(chosen.size);
  let done = false;
  const changed = () => (done = true);
  await ask((close) => html`<ods-bulk .action=${action} .chosen=${chosen} .changed=${changed} .close=${close}></ods-bulk>`, { label, wide: true });
  return done;
}

class OdsBulk extends OdsElement {
  /** @override */
  static properties = { action: {}, chosen: { attribute: false }, changed: { attribute: false }, close: { attribute: false } };

  /** @type {BulkResult[]} */
  #results = [];
  #running = false;
  #stopped = false;
  /** What wasn't asked for since it was stopped, or since a call failed. @type {BulkItem[]} */
  #rest = [];
  #planned = 0;
  /** @type {import('../lib/problem.js').Problem | null} */
  #problem = null;
  /** @type {{ add_tags: string[], remove_tags: string[] }} */
  #tags = { add_tags: [], remove_tags: [] };

  constructor() {
    super();
    /** @type {'remove' | 'tag'} */
    this.action = 'tag';
    /** @type {Map<string, string>} */
    this.chosen = new Map();
    /** @type {() => void} */
    this.changed = () => undefined;
    /** @type {(value?: any) => void} */
    this.close = () => undefined;
  }

  /** @override */
  render() {
    if (this.#running) return this.#progress();
    return this.#results.length || this.#problem ? this.#outcome() : this.#question();
  }

  #progress() {
    const stop = () => {
      this.#stopped = true;
      this.requestUpdate();
    };
    return html`<div aria-busy="true"><h2>${words.running(this.#results.length, this.#planned)}</h2>${bar(this.#results.length, this.#planned, { label: text.loading })}</div>
      ${this.#planned > CHUNK ? html`<footer><button ?disabled=${this.#stopped} @click=${stop}>${words.stopBulk}</button></footer>` : nothing}`;
  }

  #question() {
    const remove = this.action === 'remove';
    const paths = [...this.chosen.keys()];
    return html`<form class="stack" @submit=${this.#start}>
      <h2>${(remove ? words.removeTitle : words.tagTitle)(paths.length)}</h2>
      ${remove ? html`<p>${words.removeBody}</p>${paths.length < TYPED_FROM ? nothing : this.#typeCount(paths.length)}` : html`<div class="fields">
        <label class="field"><span>${words.addTags} <small>${words.tagsHint}</small></span><input name="add_tags" autocomplete="off" spellcheck="false"></label>
        <label class="field"><span>${words.removeTags} <small>${words.tagsHint}</small></span><input name="remove_tags" autocomplete="off" spellcheck="false"></label></div>`}
      <ul class="bulk-list">${paths.slice(0, 8).map((path) => html`<li class="clip">${plain(path)}</li>`)}${paths.length > 8
        ? html`<li class="quiet">${words.and(paths.length - 8)}</li>` : nothing}</ul>
      <footer><button type="button" @click=${() => this.close()}>${text.cancel}</button>
        ${actionButton({ operation: 'change_packages', label: remove ? words.remove : words.tag, kind: remove ? 'danger' : 'primary' })}</footer>
    </form>`;
  }

  /** @param {number} count */
  #typeCount(count) {
    return html`<label class="field"><span>${dialogWords.typeThis(String(count))}</span><input name="typed" required pattern=${String(count)} inputmode="numeric" autocomplete="off"></label>`;
  }

  #outcome() {
    const failed = this.#results.filter((one) => one.code);
    const done = this.#results.length - failed.length;
    const rows = [...failed, ...this.#results.filter((one) => !one.code)];
    // One that changed since it was seen is refused each time.
    const again = [...failed.filter(({ code }) => code !== 'precondition_failed').map(({ path }) => this.#item(path)), ...this.#rest];
    return html`<div role="status"><h2>${words.bulkDone(done, failed.length)}</h2></div>
      ${this.#problem ? problemBox(this.#problem) : nothing}
      ${this.#rest.length ? html`<p>${words.untouched(this.#rest.length)}</p>` : nothing}
      <ul class="bulk-list">${rows.slice(0, SHOWN).map(resultRow)}${rows.length > SHOWN ? html`<li class="quiet">${words.and(rows.length - SHOWN)}</li>` : nothing}</ul>
      <footer>
        ${again.length ? actionButton({ operation: 'change_packages', label: this.#rest.length ? words.goOn : words.retryFailed, icon: 'rotate-cw', run: () => void this.#run(again) }) : nothing}
        ${this.action === 'remove' && done ? actionButton({ operation: 'restore_revision', label: packagePage.undo, icon: 'undo-2', run: () => this.#undo() }) : nothing}
        <button class="primary" @click=${() => this.close()}>${text.close}</button></footer>`;
  }

  /** @param {SubmitEvent} event */
  #start(event) {
    event.preventDefault();
    const typed = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    const tags = (/** @type {string} */ name) => String(typed.get(name) ?? '').split(',').map((tag) => tag.trim()).filter(Boolean);
    this.#tags = { add_tags: tags('add_tags'), remove_tags: tags('remove_tags') };
    if (this.action === 'tag' && !this.#tags.add_tags.length && !this.#tags.remove_tags.length) return;
    void this.#run([...this.chosen.keys()].map((path) => this.#item(path)));
  }

  /** What is deleted is what was seen, also at a second try; tags come and go beside each other. @param {string} path @returns {BulkItem} */
  #item(path) {
    return this.action === 'remove' ? { path, if_match: this.chosen.get(path) ?? '' } : { path };
  }

  /** Restores what was deleted, as it was seen. */
  async #undo() {
    const gone = this.#results.filter((one) => !one.code).map(({ path }) => path);
    const waiting = [...gone];
    await Promise.all(Array.from({ length: AT_ONCE }, async () => {
      for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) await call('restore_revision', { body: { path, revision: this.chosen.get(path) ?? '' } });
    }));
    toast(words.undone(gone.length));
    this.close();
  }

  /** @param {BulkItem[]} items */
  async #run(items) {
    const asked = new Set(items.map(({ path }) => path));
    this.#results = this.#results.filter(({ path }) => !asked.has(path));
    this.#problem = null;
    this.#planned = this.#results.length + items.length;
    this.#running = true;
    this.#stopped = false;
    this.#rest = items;
    this.changed();
    this.requestUpdate();
    try {
      while (this.#rest.length > 0 && !this.#stopped) {
        const told = await call('change_packages', { body: { action: this.action, items: this.#rest.slice(0, CHUNK), ...this.#tags } });
        this.#rest = this.#rest.slice(CHUNK);
        this.#results.push(...told.items);
        this.requestUpdate();
      }
    } catch (error) {
      this.#problem = asProblem(error);
    }
    this.#running = false;
    this.requestUpdate();
  }
}

/** @param {BulkResult} one */
function resultRow(one) {
  return html`<li class="result">${icon(one.code ? 'circle-x' : 'circle-check', one.code ? 'bad' : 'good')}<span class="clip" title=${one.path}>${plain(one.path)}</span>
    <span class="quiet">${one.code ? one.detail : one.changed ? words.ok : words.unchanged}</span></li>`;
}

customElements.define('ods-bulk', OdsBulk);
