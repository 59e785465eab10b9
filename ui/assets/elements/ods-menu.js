/**
 * A button that opens a small menu, by mouse and by keyboard.
 *
 *     menu({ label: 'More', icon: 'ellipsis' }, html`<button role="menuitem" @click=…>…</button>…`)
 */

import { html } from '../vendor/lit.js';
import { OdsElement } from './base.js';
import { icon } from './icon.js';

/**
 * @typedef {object} MenuHead
 * @property {string} label for screen readers, and to point at
 * @property {import('../lib/icons.js').IconName} icon
 * @property {unknown} [words] on the button
 */

const GAP_PX = 6;

class OdsMenu extends OdsElement {
  /** @override */
  static properties = { head: { attribute: false }, items: { attribute: false } };

  constructor() {
    super();
    /** @type {MenuHead} */
    this.head = { label: '', icon: 'ellipsis' };
    /** @type {unknown} */
    this.items = '';
    this.listen(document, 'click', (event) => event.composedPath().includes(this) || this.#close());
    this.listen(this, 'keydown', (event) => this.#key(event));
    // What opened beside its button doesn't stay behind when that moves.
    this.listen(window, 'resize', () => this.#close());
    this.listen(window, 'wheel', () => this.#close());
  }

  get #details() {
    return this.querySelector('details');
  }

  #close() {
    if (this.#details) this.#details.open = false;
  }

  /** Shows the items in the top layer, so that no box with a scroll bar cuts them off: below the button, or above it. */
  #toggled() {
    const items = /** @type {HTMLElement} */ (this.querySelector('.menu-items'));
    if (!this.#details?.open) return items.hidePopover();
    items.showPopover();
    const button = /** @type {HTMLElement} */ (this.querySelector('summary')).getBoundingClientRect();
    const { offsetHeight: high, offsetWidth: wide } = items;
    const below = button.bottom + GAP_PX + high <= innerHeight || button.top < high;
    items.style.top = `${Math.max(GAP_PX, below ? Math.min(button.bottom + GAP_PX, innerHeight - high - GAP_PX) : button.top - GAP_PX - high)}px`;
    items.style.left = `${Math.max(GAP_PX, Math.min(button.right - wide, innerWidth - wide - GAP_PX))}px`;
  }

  /** Whoever chose by keyboard goes on where the menu was. */
  #chosen() {
    this.#close();
    this.querySelector('summary')?.focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const items = [...this.querySelectorAll(/** @type {'button'} */ ('[role=menuitem]'))];
    if (event.key === 'Escape' && this.#details?.open) {
      event.preventDefault();
      this.#close();
      this.querySelector('summary')?.focus();
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || !this.#details?.open) return;
    event.preventDefault();
    // Up from the button is the last one.
    const found = items.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const at = found < 0 && step < 0 ? items.length : found;
    items[(at + step + items.length) % items.length]?.focus();
  }

  /** @override */
  render() {
    const { label, icon: name, words } = this.head;
    return html`<details class="menu" @toggle=${this.#toggled}>
      <summary role="button" class=${words ? '' : 'icon-only'} aria-label=${label} title=${label}>${icon(name)}${words}</summary>
      <div class="menu-items" role="menu" popover="manual" @click=${this.#chosen}>${this.items}</div>
    </details>`;
  }
}

customElements.define('ods-menu', OdsMenu);

/**
 * @param {MenuHead} head
 * @param {unknown} items
 */
export const menu = (head, items) => html`<ods-menu .head=${head} .items=${items}></ods-menu>`;
