/** Search over packages, nodes and pages: a field with a list below it (the combobox pattern of ARIA), at ⌘K or Ctrl-K. */

import { html, nothing } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import * as format from '../lib/format.js';
import { mesh } from '../lib/node.js';
import { ROUTES } from '../lib/routes.js';
import { ROOT, packageUrl, router } from '../lib/router.js';
import { text } from '../lib/strings.js';
import { OdsElement } from './base.js';
import { icon } from './icon.js';
import { kindIcon } from './parts.js';

/** @typedef {{ href: string, title: string, note: string, icon: unknown }} Hit */
/** @typedef {{ name: string, hits: Hit[] }} Group */

const words = text.search;
const WAIT_MS = 120;
const SHOWN = 8;
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

  constructor() {
    super();
    this.use(mesh);
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
        @input=${this.#typed} @keydown=${this.#key} @focus=${() => this.#show(true)}>
      <kbd>${MAC ? '⌘K' : 'Ctrl K'}</kbd>
      ${shown ? this.#list() : nothing}
    </div>`;
  }

  #list() {
    let index = 0;
    return html`<div id="search-hits" class="hits" role="listbox" aria-label=${words.label}>
      ${this.#groups.map((group) => html`<div role="group" aria-label=${group.name}><h3>${group.name}</h3>
        ${group.hits.map((hit) => this.#hit(hit, index++))}</div>`)}
      ${this.#hits.length ? nothing : html`<p class="quiet">${this.#search ? text.loading : words.nothing(this.#asked)}</p>`}
    </div>`;
  }

  /**
   * @param {Hit} hit
   * @param {number} index
   */
  #hit(hit, index) {
    return html`<a id=${`hit-${index}`} role="option" tabindex="-1" href=${hit.href} aria-selected=${index === this.#at} @click=${() => this.#close()}>
      ${hit.icon}<span>${hit.title}</span><small>${hit.note}</small></a>`;
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
    this.#search = null;
    this.#groups = this.#local();
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

  /** What is known without asking: pages and nodes. */
  #local() {
    const fits = (/** @type {string} */ name) => name.toLowerCase().includes(this.#asked.toLowerCase());
    const pages = ROUTES.filter((route) => route.group && fits(route.title))
      .map((route) => ({ href: ROOT + route.path, title: route.title, note: '', icon: icon(route.icon) }));
    const nodes = (mesh.value?.items ?? []).filter((node) => fits(node.name ?? '') || node.id.startsWith(this.#asked))
      .map((node) => ({ href: `${ROOT}mesh?node=${node.id}`, title: node.name ?? node.id, note: node.state, icon: icon('server') }));
    return [{ name: words.pages, hits: pages.slice(0, SHOWN) }, { name: words.nodes, hits: nodes.slice(0, SHOWN) }].filter((group) => group.hits.length);
  }

  /** @param {string} asked */
  async #ask(asked) {
    const search = new AbortController();
    this.#search = search;
    const page = await call('list_packages', { query: { q: asked, limit: SHOWN }, signal: search.signal, background: true }).catch(() => null);
    if (search.signal.aborted) return;
    this.#search = null;
    const hits = (page?.items ?? []).map((one) => ({ href: packageUrl(one.path), title: format.plain(one.title ?? one.path), note: one.version ?? '', icon: kindIcon(one.kind) }));
    if (page?.next) hits.push({ href: `${ROOT}packages?q=${encodeURIComponent(asked)}`, title: words.allPackages(asked), note: '', icon: icon('search') });
    this.#groups = hits.length ? [{ name: words.packages, hits }, ...this.#local()] : this.#local();
    this.#at = 0;
    this.requestUpdate();
  }
}

customElements.define('ods-search', OdsSearch);
