/** A package's metadata, shown and edited. What is typed stays, whatever news come meanwhile; only what was changed is sent. */

import { html, nothing } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import * as format from '../lib/format.js';
import { asProblem } from '../lib/problem.js';
import { text } from '../lib/strings.js';
import { packagePage as words } from '../lib/strings/packages.js';
import { toast } from '../lib/toast.js';
import { actionButton } from './action.js';
import { OdsElement } from './base.js';
import { card, facts, problemBox } from './parts.js';

/** @typedef {import('../lib/types.js').Package} Package */

const TEXTS = /** @type {const} */ (['title', 'version', 'identifier']);

class OdsMetadata extends OdsElement {
  /** @override */
  static properties = { package: { attribute: false }, saved: { attribute: false } };

  /** @type {Package | null} what is edited, as it was when that began */
  #edited = null;
  /** @type {import('../lib/problem.js').Problem | null} */
  #problem = null;

  constructor() {
    super();
    /** @type {Package | null} */
    this.package = null;
    /** @type {() => void} */
    this.saved = () => undefined;
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
    this.#edited = one;
    this.#problem = null;
    this.requestUpdate();
  }

  /** @param {Package} one */
  #shown(one) {
    const tags = one.tags.map((tag) => html`<a class="tag" href=${`/ui/packages?tag=${encodeURIComponent(tag)}`}>${tag}</a> `);
    return facts([
      [words.file, html`<code>${format.plain(one.path)}</code>`],
      ...TEXTS.map((name) => /** @type {[unknown, unknown]} */ ([words[name], one[name] ?? words.none])),
      [words.tags, tags.length ? tags : words.none], [words.priority, one.priority ?? 0], [words.notes, html`<span class="pre">${one.notes ?? words.none}</span>`],
      ...Object.entries(one.other ?? {}).map(([name, value]) => /** @type {[unknown, unknown]} */ ([name, value])),
    ]);
  }

  /** @param {Package} one */
  #form(one) {
    return html`<form class="stack" @submit=${this.#submit}>
      <div class="fields">${TEXTS.map((name) => html`<label class="field"><span>${words[name]}</span><input name=${name} value=${one[name] ?? ''} spellcheck="false" autocomplete="off"></label>`)}
        <label class="field"><span>${words.tags} <small>${words.tagsHint}</small></span><input name="tags" value=${one.tags.join(', ')} spellcheck="false" autocomplete="off"></label>
        <label class="field"><span>${words.priority} <small>${words.priorityHint}</small></span><input name="priority" type="number" step="1" value=${one.priority ?? ''}></label></div>
      <label class="field"><span>${words.notes}</span><textarea name="notes" rows="4">${one.notes ?? ''}</textarea></label>
      ${this.#problem ? problemBox(this.#problem) : nothing}
      <footer class="form-end"><button type="button" @click=${() => this.#edit(null)}>${text.cancel}</button>${actionButton({ operation: 'edit_package', label: text.save, kind: 'primary' })}</footer>
    </form>`;
  }

  /** @param {SubmitEvent} event */
  async #submit(event) {
    event.preventDefault();
    const one = /** @type {Package} */ (this.#edited);
    const changes = changed(one, new FormData(/** @type {HTMLFormElement} */ (event.currentTarget)));
    if (Object.keys(changes).length === 0) return this.#edit(null);
    try {
      await call('edit_package', { path: { path: one.path }, body: changes, headers: { 'if-match': `"${one.revision}"` } });
      this.#edit(null);
      toast(words.saved);
      this.saved();
    } catch (error) {
      this.#problem = asProblem(error);
      if (this.#problem.status === 412) {
        // What was typed stays in the fields; the next save goes against what is there now.
        this.#problem.message = words.changedMeanwhile;
        this.#edited = { ...one, revision: this.package?.revision ?? one.revision };
        this.saved();
      }
      this.requestUpdate();
    }
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
