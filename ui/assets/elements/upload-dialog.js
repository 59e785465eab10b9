/** What is asked before files are uploaded: folder, tags and notes for all, path and version of each. Enter starts. */

import { html, nothing } from '../vendor/lit.js';
import { ask } from '../lib/dialog.js';
import { versionOf } from '../lib/dropped.js';
import * as format from '../lib/format.js';
import { packageAt } from '../lib/package-at.js';
import { pathFault } from '../lib/package-path.js';
import { session } from '../lib/session.js';
import { text } from '../lib/strings.js';
import { uploads as words } from '../lib/strings/uploads.js';
import { toast } from '../lib/toast.js';
import { queue } from '../lib/uploads.js';
import { actionButton } from './action.js';
import { OdsElement } from './base.js';
import { icon } from './icon.js';
import { badge } from './parts.js';

export { chosen, opened } from '../lib/dropped.js';

/** @typedef {import('../lib/dropped.js').Dropped} Dropped */
/** @typedef {{ file: File, path: string, version: string, there: import('../lib/types.js').Package | null | undefined }} Row there: undefined while it isn't known */

/** So many files are shown one by one; the others get what their names say. */
const ROWS_MAX = 50;

/**
 * Asks, and uploads. Those that an interrupted upload waits for go on at once.
 *
 * @param {Dropped[]} files
 */
export async function askAndUpload(files) {
  const rest = queue.resumeWith(files);
  if (rest.length < files.length) toast(words.goesOn(files.length - rest.length));
  if (rest.length === 0) return;
  const label = words.dialogTitle(rest.length);
  const taken = await ask((close) => html`<ods-upload-form .files=${rest} .close=${close}></ods-upload-form>`, { label, wide: true });
  if (taken) queue.add(taken);
}

class OdsUploadForm extends OdsElement {
  /** @override */
  static properties = { files: { attribute: false }, close: { attribute: false } };

  /** @type {Row[]} */
  #rows = [];

  constructor() {
    super();
    /** @type {Dropped[]} */
    this.files = [];
    /** @type {(value?: any) => void} */
    this.close = () => undefined;
  }

  /** @override */
  willUpdate() {
    if (this.#rows.length > 0) return;
    this.#rows = this.files.map(({ file, path }) => ({ file, path, version: versionOf(path), there: undefined }));
    void this.#lookAll();
  }

  /** Those that are shown first. One that isn't known when the upload begins replaces nothing. */
  async #lookAll() {
    const rows = this.#rows;
    for (const row of rows) row.there = undefined;
    for (let at = 0; at < rows.length && rows === this.#rows && this.isConnected; at += ROWS_MAX) {
      await Promise.all(rows.slice(at, at + ROWS_MAX).map((row) => this.#look(row)));
    }
  }

  /** @override */
  firstUpdated() {
    this.querySelector(/** @type {'button'} */ ('button.primary'))?.focus();
  }

  /** Tells whether there is a package at a row's path. @param {Row} row */
  async #look(row) {
    const path = this.#whole(row.path);
    if (faultOf(path)) return;
    const found = await packageAt(path).catch(() => undefined);
    if (path !== this.#whole(row.path)) return;
    row.there = found;
    this.requestUpdate();
  }

  get #form() {
    return /** @type {HTMLFormElement | null} */ (this.querySelector('form'));
  }

  /** @param {string} name */
  #typed(name) {
    const field = /** @type {HTMLInputElement | null | undefined} */ (this.#form?.elements.namedItem(name));
    return field?.value.trim() ?? '';
  }

  /** @param {string} path */
  #whole(path) {
    const folder = this.#typed('folder').replace(/^\/+|\/+$/g, '');
    return folder ? `${folder}/${path}` : path;
  }

  /** @override */
  render() {
    return html`<form class="upload-form" @submit=${this.#submit}>
      <h2>${words.dialogTitle(this.#rows.length)}</h2>
      <div class="fields">
        <label class="field"><span>${words.folder} <small>${words.folderHint}</small></span><input
          name="folder" value=${onlyFolder()} autocomplete="off" spellcheck="false" @change=${this.#lookAll}></label>
        <label class="field"><span>${words.tags} <small>${words.tagsHint}</small></span><input name="tags" autocomplete="off" spellcheck="false"></label>
      </div>
      <div class="upload-rows"><div class="upload-row head" aria-hidden="true"><span>${words.path}</span><span>${words.version}</span><span>${words.size}</span><span></span></div>
        ${this.#rows.slice(0, ROWS_MAX).map((row) => this.#row(row))}
        ${this.#rows.length > ROWS_MAX ? html`<p class="quiet">${words.more(this.#rows.length - ROWS_MAX)}</p>` : nothing}
      </div>
      <label class="field"><span>${words.notes}</span><textarea name="notes" rows="2"></textarea></label>
      <footer>
        <button type="button" @click=${() => this.close()}>${text.cancel}</button>
        ${actionButton({ operation: 'begin_upload', label: words.start, kind: 'primary' })}
      </footer>
    </form>`;
  }

  /** @param {Row} row */
  #row(row) {
    const path = (/** @type {Event} */ event) => {
      row.path = /** @type {HTMLInputElement} */ (event.target).value.trim();
      row.there = undefined;
      this.requestUpdate();
      void this.#look(row);
    };
    const version = (/** @type {Event} */ event) => (row.version = /** @type {HTMLInputElement} */ (event.target).value.trim());
    const leave = () => {
      this.#rows = this.#rows.filter((other) => other !== row);
      if (this.#rows.length === 0) this.close();
      this.requestUpdate();
    };
    return html`<div class="upload-row">
      <label><span>${words.path}</span><input required spellcheck="false" .value=${row.path} @change=${path}></label>
      <label><span>${words.version}</span><input spellcheck="false" .value=${row.version} @input=${version}></label>
      <span class="quiet">${format.bytes(row.file.size)}</span>
      <span>${this.#verdict(row)}</span>
      <button type="button" class="icon-only small quiet" aria-label=${words.leave} title=${words.leave} @click=${leave}>${icon('x')}</button>
    </div>`;
  }

  /** Whether a row's path can be used, and what is there already. @param {Row} row */
  #verdict(row) {
    const fault = faultOf(this.#whole(row.path));
    return fault ? badge('bad', fault) : there(row.there);
  }

  /** @param {SubmitEvent} event */
  #submit(event) {
    event.preventDefault();
    const wrong = this.#rows.findIndex((row) => faultOf(this.#whole(row.path)));
    if (wrong >= 0) {
      /** @type {HTMLElement | undefined} */ ([...this.querySelectorAll(/** @type {'input'} */ ('.upload-row input[required]'))][Math.min(wrong, ROWS_MAX - 1)])?.focus();
      return this.requestUpdate();
    }
    const [tags, notes] = [this.#typed('tags'), this.#typed('notes')];
    return this.close(this.#rows.map(({ file, path, version, there }) => {
      const facts = { path: this.#whole(path), version, tags, notes };
      return { file, facts, replaces: there?.revision ?? null };
    }));
  }
}

customElements.define('ods-upload-form', OdsUploadForm);

/** What this person may publish below, without the slashes at its ends. */
const folders = () => (session.identity?.prefixes ?? []).map((prefix) => prefix.replace(/^\/+|\/+$/g, ''));

/** Where there is only one place to publish to, it is filled in. */
const onlyFolder = () => (folders().length === 1 ? folders()[0] : '');

/** Why this person can't publish at a path; null if they can. @param {string} path */
function faultOf(path) {
  const mine = folders();
  const isMine = mine.length === 0 || mine.some((folder) => path === folder || path.startsWith(`${folder}/`));
  return pathFault(path) ?? (isMine ? null : words.faults.outside(mine.join(', ')));
}

/** @param {Row['there']} found */
function there(found) {
  if (found === undefined) return nothing;
  if (found === null) return badge('good', words.isNew);
  return badge('warn', found.version ? words.replaces(found.version) : words.replacesUnversioned);
}
