/** Search over packages, nodes and pages: a field with a list below it (the combobox pattern of ARIA), at ⌘K or Ctrl-K. */

import { html, nothing } from '../vendor/lit.js';
import { mesh } from '../lib/node.js';
import { asProblem } from '../lib/problem.js';
import { ROOT, router } from '../lib/router.js';
import { text } from '../lib/strings.js';
import { toastProblem } from '../lib/toast.js';
import { later } from '../lib/update.js';
import { OdsElement } from './base.js';
import { icon } from './icon.js';

/** @typedef {import('./search-hits.js').Group} Group */

const words = text.search;
const WAIT_MS = 120;
const MAC = /Mac|iPhone|iPad/.test(navigator.platform);

class OdsSearch extends OdsElement {
  /** @type {Group[]} */
  #groups = [];
  #asked = '';
  #open = false;
  #at = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {AbortController | null} */
  #search = null;
  /** Why the last search couldn't be made. @type {import('../lib/problem.js').Problem | null} */
  #problem = null;
  /** What finds and lists, loaded when somebody begins to search. @type {typeof import('./search-hits.js') | null} */
  #finder = null;

  constructor() {
    super();
    this.whileShown(() => mesh.hold());
    this.listen(document, 'keydown', (event) => this.#shortcut(event));
    this.listen(document, 'click', (event) => event.composedPath().includes(this) || this.#close());
  }

  get #hits() {
    return this.#groups.flatMap((group) => group.hits);
  }

  /** @override */
  render() {
    const shown = this.#open && this.#asked !== '';
    return html`<div class="search" role="search">
      ${icon('search')}
      <input type="search" role="combobox" aria-label=${words.label} placeholder=${words.placeholder} autocomplete="off" spellcheck="false"
        aria-expanded=${shown} aria-controls="search-hits" aria-activedescendant=${shown && this.#hits.length ? `hit-${this.#at}` : nothing}
        @input=${this.#typed} @keydown=${this.#key} @focus=${() => this.#begin()}>
      <kbd>${MAC ? '⌘K' : 'Ctrl K'}</kbd>
      ${shown && this.#finder ? this.#finder.hitList({ groups: this.#groups, at: this.#at,
        searching: this.#search !== null, problem: this.#problem, asked: this.#asked, left: () => this.#close() }) : nothing}
    </div>`;
  }

  #begin() {
    this.#show(true);
    later(() => import('./search-hits.js')).then((finder) => {
      this.#finder = finder;
      if (this.#asked && this.#groups.length === 0) this.#groups = finder.known(this.#asked);
      this.requestUpdate();
    }).catch(toastProblem);
  }

  /** @param {boolean} open */
  #show(open) {
    this.#open = open;
    this.requestUpdate();
  }

  #close() {
    if (this.#open) this.#show(false);
  }

  /** @param {KeyboardEvent} event */
  #shortcut(event) {
    if (event.key.toLowerCase() !== 'k' || !(event.metaKey || event.ctrlKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.querySelector('input')?.select();
  }

  /** @param {InputEvent} event */
  #typed(event) {
    this.#asked = /** @type {HTMLInputElement} */ (event.target).value.trim();
    clearTimeout(this.#timer);
    this.#search?.abort();
    this.#search = this.#asked ? new AbortController() : null;
    this.#problem = null;
    this.#groups = this.#finder?.known(this.#asked) ?? [];
    this.#at = 0;
    this.#show(true);
    if (this.#asked) this.#timer = setTimeout(() => void this.#ask(this.#asked), WAIT_MS);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const hits = this.#hits;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && hits.length) {
      event.preventDefault();
      this.#at = (this.#at + step + hits.length) % hits.length;
      this.#show(true);
      void this.updateComplete.then(() => this.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' }));
    } else if (event.key === 'Enter') {
      const href = hits[this.#at]?.href ?? `${ROOT}packages?q=${encodeURIComponent(this.#asked)}`;
      if (this.#asked) router.go(href);
      this.#leave(event);
    } else if (event.key === 'Escape') this.#leave(event);
  }

  /** @param {KeyboardEvent} event */
  #leave(event) {
    /** @type {HTMLInputElement} */ (event.target).blur();
    this.#close();
  }

  /** @param {string} asked */
  async #ask(asked) {
    const search = this.#search;
    if (!search) return;
    try {
      const { found } = await later(() => import('./search-hits.js'));
      const groups = await found(asked, search.signal);
      if (search.signal.aborted) return;
      this.#groups = groups;
      this.#at = 0;
    } catch (error) {
      if (search.signal.aborted) return;
      this.#problem = asProblem(error);
    }
    this.#search = null;
    this.requestUpdate();
  }
}

customElements.define('ods-search', OdsSearch);
