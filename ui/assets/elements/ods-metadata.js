/**
 * A package's metadata, shown and edited. What is typed stays, whatever news come meanwhile, and also while somebody looks at another
 * package; only what was changed is sent.
 */

import { html, nothing } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import * as format from '../lib/format.js';
import { asSeen, isStale } from '../lib/edits.js';
import { asProblem, Problem } from '../lib/problem.js';
import { text } from '../lib/strings.js';
import { packagePage as words } from '../lib/strings/packages.js';
import { shared } from '../lib/strings/shared.js';
import { toast } from '../lib/toast.js';
import { actionButton } from './action.js';
import { OdsElement } from './base.js';
import { theirs } from './edit-dialog.js';
import { facts } from './facts.js';
import { tagLink } from './package-cells.js';
import { card, problemBox } from './parts.js';

/** @typedef {import('../lib/types.js').Package} Package */

const TEXTS = /** @type {const} */ (['title', 'version', 'identifier']);
const { title, version, identifier, tags, priority, notes, sha256 } = words;
/** What others may change, and what it is called. */
const LABELS = { title, version, identifier, tags, priority, notes, sha256 };

/** What was typed about packages that aren't shown now, by path. @type {Map<string, { edited: Package, typed: Map<string, string> }>} */
const drafts = new Map();

class OdsMetadata extends OdsElement {
  /** @override */
  static properties = { package: { attribute: false }, saved: { attribute: false } };

  /** @type {Package | null} what is edited, as it was when that began */
  #edited = null;
  /** What was typed before into the form that is shown. @type {Map<string, string> | null} */
  #typed = null;
  /** @type {import('../lib/problem.js').Problem | null} */
  #problem = null;
  #busy = false;

  constructor() {
    super();
    /** @type {Package | null} */
    this.package = null;
    /** @type {() => void} */
    this.saved = () => undefined;
  }

  /** @override */
  disconnectedCallback() {
    super.disconnectedCallback();
    const form = this.querySelector('form');
    if (form && this.#edited) drafts.set(this.#edited.path, { edited: this.#edited, typed: new Map([...new FormData(form)].map(([name, value]) => [name, String(value)])) });
  }

  /** @override */
  willUpdate() {
    const draft = this.#edited ? undefined : drafts.get(this.package?.path ?? '');
    if (!draft) return;
    this.#edited = draft.edited;
    this.#typed = draft.typed;
  }

  /** @override */
  render() {
    if (!this.package) return nothing;
    if (this.#edited && this.#edited.path === this.package.path) return card({ title: words.metadata }, this.#form(this.#edited));
    const edit = () => this.#edit(this.package);
    const link = actionButton({ operation: 'edit_package', label: words.edit, icon: 'pencil', kind: 'small', run: edit });
    return card({ title: words.metadata, link }, this.#shown(this.package));
  }

  /** @param {Package | null} one */
  #edit(one) {
    if (this.#edited) drafts.delete(this.#edited.path);
    this.#edited = one;
    this.#typed = null;
    this.#problem = null;
    this.requestUpdate();
  }

  /** @param {Package} one */
  #shown(one) {
    const tags = one.tags.map((tag) => html`${tagLink(tag)} `);
    return facts([
      [words.file, html`<code>${format.plain(one.path)}</code>`],
      ...TEXTS.map((name) => /** @type {[unknown, unknown]} */ ([words[name], one[name] ?? words.none])),
      [words.tags, tags.length ? tags : words.none], [words.priority, one.priority ?? 0], [words.notes, html`<span class="pre">${one.notes ?? words.none}</span>`],
      ...Object.entries(one.other ?? {}).map(([name, value]) => /** @type {[unknown, unknown]} */ ([name, value])),
    ]);
  }

  /** @param {Package} one */
  #form(one) {
    const filled = (/** @type {string} */ name, /** @type {unknown} */ value) => this.#typed?.get(name) ?? value ?? '';
    return html`<form class="stack" @submit=${this.#submit}>
      <div class="fields">${TEXTS.map((name) =>
        html`<label class="field"><span>${words[name]}</span><input name=${name} value=${filled(name, one[name])} spellcheck="false" autocomplete="off"></label>`)}
        <label class="field"><span>${words.tags} <small>${words.tagsHint}</small></span><input name="tags" value=${filled('tags', one.tags.join(', '))} spellcheck="false" autocomplete="off"></label>
        <label class="field"><span>${words.priority} <small>${words.priorityHint}</small></span><input name="priority" type="number" step="1" value=${filled('priority', one.priority)}></label></div>
      <label class="field"><span>${words.notes}</span><textarea name="notes" rows="4" .defaultValue=${filled('notes', one.notes)}></textarea></label>
      ${this.#problem ? problemBox(this.#problem) : nothing}
      <footer class="form-end"><button type="button" ?disabled=${this.#busy} @click=${() => this.#edit(null)}>${text.cancel}</button>
        ${actionButton({ operation: 'edit_package', label: text.save, kind: 'primary', busy: this.#busy })}</footer>
    </form>`;
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault();
    if (this.#busy) return;
    const one = /** @type {Package} */ (this.#edited);
    const changes = changed(one, new FormData(/** @type {HTMLFormElement} */ (event.currentTarget)));
    if (Object.keys(changes).length === 0) return this.#edit(null);
    this.#busy = true;
    this.requestUpdate();
    try {
      await call('edit_package', { path: { path: one.path }, body: changes, headers: asSeen({ revision: one.revision }) });
      this.#edit(null);
      toast(words.saved);
      this.saved();
    } catch (error) {
      this.#problem = isStale(error) ? await this.#met(one).catch(asProblem) : asProblem(error);
    }
    this.#busy = false;
    this.requestUpdate();
  }

  /** Somebody was faster: what was typed stays, the other fields show theirs, and the next save goes against that. @param {Package} one */
  async #met(one) {
    const now = await call('show_package', { path: { path: one.path }, background: true });
    this.#edited = now;
    return new Problem(412, 'precondition_failed', shared.changedMeanwhile(theirs(one, now, LABELS)));
  }
}

/**
 * The merge patch from a package to what was typed.
 *
 * @param {Package} one
 * @param {FormData} typed
 */
function changed(one, typed) {
  const value = (/** @type {string} */ name) => String(typed.get(name) ?? '').trim();
  /** @type {Record<string, unknown>} */
  const changes = {};
  for (const name of /** @type {const} */ (['title', 'version', 'identifier', 'notes'])) if (value(name) !== (one[name] ?? '')) changes[name] = value(name) || null;
  const tags = value('tags').split(',').map((tag) => tag.trim()).filter(Boolean);
  if (tags.slice().sort().join() !== one.tags.slice().sort().join()) changes.tags = tags;
  const priority = value('priority') === '' ? null : Number(value('priority'));
  if (priority !== one.priority) changes.priority = priority;
  return changes;
}

customElements.define('ods-metadata', OdsMetadata);
