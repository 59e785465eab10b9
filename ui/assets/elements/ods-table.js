/**
 * A table of any length: only the rows in sight are in the DOM. It is given rows by number, and asks for those that it shows.
 *
 *     <ods-table .rows=${source} .columns=${columns} .open=${(row) => …} label="Packages"></ods-table>
 *
 * `rows` is an EventTarget with `length`, `get(i)` (undefined while it isn't there) and `want(first, last)`; a `change` event renders
 * again. Keys: arrows, Page Up and Down, Home, End move; Enter opens; Space selects. Sorting is told by `sort`, since it is the node's.
 */

import { html, nothing } from '../vendor/lit.js';
import { OdsElement } from './base.js';
import { icon } from './icon.js';

/**
 * @template T
 * @typedef {EventTarget & { length: number, get(index: number): T | undefined, want(first: number, last: number): void }} RowSource
 */

/**
 * @typedef {object} Column
 * @property {string} label
 * @property {(row: any, index: number) => unknown} cell
 * @property {string} kind its class: `vc-…` says how wide it is
 * @property {string} [sort] by what the node sorts it; none: it doesn't
 * @property {unknown} [head] instead of the label
 */

/** Browsers can't lay out more; beyond it the scroll bar stands for a share, not for pixels. */
const SPACER_MAX_PX = 8_000_000;
const OVERSCAN = 6;
/** The head's height; it stays at the top of the view. */
const HEAD_PX = 39;

class OdsTable extends OdsElement {
  /** @override */
  static properties = {
    rows: { attribute: false }, columns: { attribute: false }, open: { attribute: false }, select: { attribute: false }, chosen: { attribute: false },
    sort: {}, sorted: { attribute: false }, label: {}, rowHeight: { type: Number },
  };

  #first = 0;
  #active = 0;
  #height = 600;
  #frame = 0;
  /** Where it was scrolled to when it left the page: who comes back goes on there. */
  #top = 0;

  constructor() {
    super();
    /** @type {RowSource<any>} */
    this.rows = Object.assign(new EventTarget(), { length: 0, get: () => undefined, want: () => undefined });
    /** @type {Column[]} */
    this.columns = [];
    /** @type {((row: any) => void) | null} */
    this.open = null;
    /** @type {((row: any, event: KeyboardEvent) => void) | null} */
    this.select = null;
    /** @type {(row: any) => string} more classes of a row: `selected`, `current` */
    this.chosen = () => '';
    /** `size` or `-size`. */
    this.sort = '';
    /** @type {((by: string) => void) | null} */
    this.sorted = null;
    this.label = '';
    this.rowHeight = 48;
    const changed = () => this.requestUpdate();
    /** @type {RowSource<any> | null} */
    let heard = null;
    this.hear = () => {
      heard?.removeEventListener('change', changed);
      heard = this.isConnected ? this.rows : null;
      heard?.addEventListener('change', changed);
    };
    this.whileShown(() => {
      this.hear();
      const sizes = new ResizeObserver(() => this.#measure());
      sizes.observe(this);
      this.#view?.scrollTo(0, this.#top);
      return () => {
        sizes.disconnect();
        this.hear();
      };
    });
  }

  get #view() {
    return /** @type {HTMLElement} */ (this.querySelector('.vt-view'));
  }

  #measure() {
    const height = (this.#view?.clientHeight ?? 0) - HEAD_PX;
    if (height <= 0 || height === this.#height) return;
    this.#height = height;
    this.requestUpdate();
  }

  /** @override @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    if (changed.has('rows')) {
      this.hear();
      this.#first = this.#active = this.#top = 0;
      if (this.#view) this.#view.scrollTop = 0;
    }
  }

  /** @override */
  updated() {
    this.#measure();
    const { first, last } = this.#window();
    this.rows.want(first, last);
  }

  /** How high all rows are, and the spacer that stands for them. */
  get #heights() {
    const whole = this.rows.length * this.rowHeight;
    return { whole, spacer: Math.min(whole, SPACER_MAX_PX) };
  }

  #window() {
    const shown = Math.ceil(this.#height / this.rowHeight);
    const first = Math.max(0, this.#first - OVERSCAN);
    return { first, last: Math.min(this.rows.length, this.#first + shown + OVERSCAN) };
  }

  #scrolled() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => {
      const { whole, spacer } = this.#heights;
      const reach = Math.max(1, spacer - this.#height);
      const pixels = whole === spacer ? this.#view.scrollTop : (this.#view.scrollTop / reach) * (whole - this.#height);
      this.#top = this.#view.scrollTop;
      const first = Math.floor(pixels / this.rowHeight);
      if (first === this.#first) return;
      this.#first = first;
      this.requestUpdate();
    });
  }

  /** @override */
  render() {
    const { first, last } = this.#window();
    const { whole, spacer } = this.#heights;
    // Where the first row lies: below the scroll position if the spacer is shorter than the rows.
    const top = whole === spacer ? first * this.rowHeight : (this.#view?.scrollTop ?? 0) - (this.#first - first) * this.rowHeight;
    const indexes = Array.from({ length: Math.max(0, last - first) }, (_, at) => first + at);
    return html`<div class="vt">
      <div class="vt-view" role="grid" tabindex="0" aria-label=${this.label} aria-rowcount=${this.rows.length + 1} aria-activedescendant=${this.#active >= first && this.#active < last
        ? `row-${this.#active}` : nothing} @scroll=${this.#scrolled} @keydown=${this.#key}>
        <div class="vt-head" role="rowgroup"><div class="vt-row" role="row" aria-rowindex="1">${this.columns.map((column) => this.#head(column))}</div></div>
        <div class="vt-space" role="rowgroup" .style=${`height:${spacer}px`}><div class="vt-rows" role="presentation" .style=${`transform:translateY(${top}px)`}>${indexes.map((index) =>
          this.#row(index))}</div></div>
      </div>
    </div>`;
  }

  /** @param {Column} column */
  #head(column) {
    const { sort, label, kind, head } = column;
    if (!sort || !this.sorted) return html`<div role="columnheader" class=${kind}>${head ?? label}</div>`;
    const up = this.sort === sort;
    const down = this.sort === `-${sort}`;
    const turn = () => this.sorted?.(up ? `-${sort}` : sort);
    return html`<div role="columnheader" class=${kind} aria-sort=${up ? 'ascending' : down ? 'descending' : 'none'}>
      <button class="vt-sort" @click=${turn}>${label}${up || down ? icon(up ? 'arrow-up' : 'arrow-down') : nothing}</button></div>`;
  }

  /** @param {number} index */
  #row(index) {
    const row = this.rows.get(index);
    const kind = `vt-row ${index === this.#active ? 'active' : ''} ${row === undefined ? 'missing' : this.chosen(row)}`;
    const open = (/** @type {MouseEvent} */ event) => this.#clicked(event, index);
    return html`<div id=${`row-${index}`} class=${kind} role="row" aria-rowindex=${index + 2} .style=${`height:${this.rowHeight}px`} @click=${open}>
      ${this.columns.map((column) => html`<div role="gridcell" class=${column.kind}>${row === undefined ? html`<span class="vt-ghost"></span>` : column.cell(row, index)}</div>`)}
    </div>`;
  }

  /**
   * @param {MouseEvent} event
   * @param {number} index
   */
  #clicked(event, index) {
    this.#active = index;
    this.requestUpdate();
    const target = /** @type {Element} */ (event.target);
    const row = this.rows.get(index);
    if (row !== undefined && !target.closest('a, button, input, label, summary')) this.open?.(row);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.target !== this.#view) return;
    const page = Math.max(1, Math.floor(this.#height / this.rowHeight) - 1);
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -this.rows.length, End: this.rows.length }[event.key];
    const row = this.rows.get(this.#active);
    if (step) this.#move(this.#active + step);
    else if (event.key === 'Enter' && row !== undefined) this.open?.(row);
    else if (event.key === ' ' && row !== undefined) this.select?.(row, event);
    else return;
    event.preventDefault();
  }

  /** @param {number} index */
  #move(index) {
    this.#active = Math.max(0, Math.min(this.rows.length - 1, index));
    this.show(this.#active);
    this.requestUpdate();
  }

  /** Scrolls to a row. @param {number} index */
  show(index) {
    const { whole, spacer } = this.#heights;
    const scale = whole === spacer ? 1 : (spacer - this.#height) / (whole - this.#height);
    const [top, bottom] = [index * this.rowHeight, (index + 1) * this.rowHeight];
    const [from, to] = [this.#view.scrollTop / scale, this.#view.scrollTop / scale + this.#height];
    if (top < from) this.#view.scrollTop = top * scale;
    else if (bottom > to) this.#view.scrollTop = (bottom - this.#height) * scale;
  }
}

customElements.define('ods-table', OdsTable);
