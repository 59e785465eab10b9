/**
 * Search over packages, nodes and pages: a field with a list below it (the combobox pattern of ARIA), at ⌘K or Ctrl-K. What finds and
 * lists is loaded when somebody begins to search.
 */

import { html, nothing } from '../vendor/lit.js';
import { live } from '../lib/live.js';
import { mesh } from '../lib/node.js';
import { text } from '../lib/strings.js';
import { toastProblem } from '../lib/toast.js';
import { lazy } from '../lib/update.js';
import { OdsElement } from './base.js';
import { icon } from './icon.js';

const words = text.search;
/** The longer hint would be cut there. */
const NARROW = matchMedia('(max-width: 1000px)');
const MAC = /Mac|iPhone|iPad/.test(navigator.platform);

const finding = lazy(() => import('./finder.js'));

class OdsSearch extends OdsElement {
  /** @type {import('./finder.js').Finder | null} */
  #finder = null;

  constructor() {
    super();
    this.whileShown(() => mesh.hold());
    this.listen(NARROW, 'change');
    // What was typed while the node was away is asked for when it is back.
    this.listen(live, 'state', () => live.state === 'live' && this.querySelector('input:focus') && this.#begin().catch(() => undefined));
    this.listen(document, 'keydown', (event) => this.#shortcut(event));
    this.listen(document, 'click', (event) => event.composedPath().includes(this) || this.#finder?.close());
  }

  /** @override */
  render() {
    const finder = this.#finder;
    return html`<div class="search" role="search">
      ${icon('search')}
      <input type="search" role="combobox" aria-label=${words.label} placeholder=${NARROW.matches ? words.short : words.placeholder} autocomplete="off" spellcheck="false"
        aria-expanded=${finder?.isShown ?? false} aria-controls="search-hits" aria-activedescendant=${finder?.chosen ?? nothing}
        @input=${() => finder?.typed(this.#field.value)} @keydown=${this.#key} @focus=${() => this.#begin().catch(toastProblem)}>
      <kbd>${MAC ? '⌘K' : 'Ctrl K'}</kbd>
      ${finder?.list() ?? nothing}
    </div>`;
  }

  get #field() {
    return /** @type {HTMLInputElement} */ (this.querySelector('input'));
  }

  /** What finds; what was typed before it came is asked for. */
  async #begin() {
    const { Finder } = await finding();
    if (!this.#finder) {
      this.#finder = new Finder(this);
      if (this.#field.value) this.#finder.typed(this.#field.value);
    }
    this.#finder.show(true);
    return this.#finder;
  }

  /** That it can't be had is said to who comes to the field, not at each key. @param {KeyboardEvent} event */
  #key(event) {
    if (this.#finder) this.#finder.key(event);
    else this.#begin().then((finder) => finder.key(event), () => undefined);
  }

  /** @param {KeyboardEvent} event */
  #shortcut(event) {
    if (event.key.toLowerCase() !== 'k' || !(event.metaKey || event.ctrlKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.#field.select();
  }
}

customElements.define('ods-search', OdsSearch);
