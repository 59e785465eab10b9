/**
 * The hours of a week as cells that are painted with limits, by mouse, finger or keyboard. It changes the `week` it is given
 * (`lib/week.js`); whoever shows it reads that.
 */

import { html, nothing } from '../vendor/lit.js';
import { limits as words } from '../lib/strings/limits.js';
import { DAYS, ruleOf } from '../lib/week.js';
import * as format from '../lib/format.js';
import { OdsElement } from './base.js';

/** Colours there are for rules; the stylesheet has as many. */
const COLOURS = 6;

class OdsWeekGrid extends OdsElement {
  /** @override */
  static properties = { week: { attribute: false }, readonly: { type: Boolean } };

  #brush = -1;
  #painting = false;
  #at = 0;

  constructor() {
    super();
    /** @type {import('../lib/week.js').Week} */
    this.week = { rules: [], cells: [], odd: [] };
    this.readonly = false;
    this.listen(window, 'pointerup', () => (this.#painting = false));
  }

  /** @override */
  render() {
    return html`<fieldset class="week">
      <legend>${words.week}</legend>
      ${this.readonly ? nothing : html`<p class="hint">${words.brush}</p>`}
      <div class="brushes">${this.#brushes()}</div>
      ${this.#grid()}
      ${this.week.odd.length ? html`<p class="hint">${words.odd} ${this.week.odd.map(({ days, from, to }) => html`<code>${(days ?? []).join(' ')} ${from}–${to}</code> `)}</p>` : nothing}
    </fieldset>`;
  }

  #brushes() {
    const one = (/** @type {number} */ index, /** @type {string} */ label) => html`<button type="button" class="small brush" ?disabled=${this.readonly}
      aria-pressed=${this.#brush === index} @click=${() => this.#take(index)}><i class=${colour(index)}></i>${label}</button>`;
    return html`${one(-1, words.plain)} ${this.week.rules.map((rule, index) => one(index, rateText(rule)))}
      ${this.readonly ? nothing : html`<span class="add-rule">
        <input type="number" class="down" min="0.001" step="any" placeholder=${words.down} aria-label=${`${words.down}, ${words.unit}`}>
        <input type="number" class="up" min="0.001" step="any" placeholder=${words.up} aria-label=${`${words.up}, ${words.unit}`}>
        <button type="button" class="small" @click=${this.#add}>${words.add}</button>
      </span>`}`;
  }

  #grid() {
    return html`<table class="week-grid" @pointerdown=${this.#down} @pointerover=${this.#over} @keydown=${this.#key}>
      <thead aria-hidden="true"><tr><td></td>${Array.from({ length: 24 }, (_, hour) => html`<td>${hour % 3 ? '' : hour}</td>`)}</tr></thead>
      <tbody>${DAYS.map((day, row) => html`<tr><th scope="row">${words.days[day]}</th>
        ${Array.from({ length: 24 }, (_, hour) => this.#cell(day, row * 24 + hour, hour))}</tr>`)}</tbody>
    </table>`;
  }

  /** @param {typeof DAYS[number]} day @param {number} at @param {number} hour */
  #cell(day, at, hour) {
    const rule = this.week.cells[at] ?? -1;
    const said = rule < 0 ? words.plain : rateText(this.week.rules[rule]);
    return html`<td><button type="button" class=${`cell ${colour(rule)}`} data-at=${at} tabindex=${at === this.#at && !this.readonly ? 0 : -1}
      aria-label=${words.cell(words.days[day], hour, said)} title=${words.cell(words.days[day], hour, said)} ?disabled=${this.readonly}></button></td>`;
  }

  /** @param {number} index */
  #take(index) {
    this.#brush = index;
    this.requestUpdate();
  }

  #add() {
    const value = (/** @type {string} */ kind) => {
      const typed = /** @type {HTMLInputElement} */ (this.querySelector(`.add-rule .${kind}`)).value;
      return typed === '' ? null : Math.round(Number(typed) * 1_000_000);
    };
    const [down, up] = [value('down'), value('up')];
    this.#take(ruleOf(this.week.rules, { down, up }));
  }

  /** A fast hand skips cells: those of the same day between are painted too. @param {number} from @param {number} to */
  #fill(from, to) {
    const start = Math.floor(from / 24) === Math.floor(to / 24) ? from : to;
    for (let cell = Math.min(start, to); cell <= Math.max(start, to); cell += 1) this.week.cells[cell] = this.#brush;
  }

  /** @param {Event} event @param {boolean} first not the goal of a movement */
  #paint(event, first) {
    const at = event.target instanceof HTMLElement ? event.target.dataset['at'] : undefined;
    if (at === undefined || this.readonly) return;
    this.#fill(this.#painting && !first ? this.#at : Number(at), Number(at));
    this.#at = Number(at);
    this.requestUpdate();
  }

  /** @param {PointerEvent} event */
  #down(event) {
    // A finger that moves goes over the cells below it, not on with the first.
    if (event.target instanceof HTMLElement) event.target.releasePointerCapture?.(event.pointerId);
    this.#painting = true;
    this.#paint(event, true);
  }

  /** @param {PointerEvent} event */
  #over(event) {
    if (this.#painting) this.#paint(event, false);
  }

  /** @param {KeyboardEvent} event */
  async #key(event) {
    if (event.key === ' ' || event.key === 'Enter') {
      event.preventDefault();
      return this.#paint(event, true);
    }
    // Where days are columns, the next hour is below.
    const [beside, below] = matchMedia('(max-width: 760px)').matches ? [24, 1] : [1, 24];
    const step = { ArrowLeft: -beside, ArrowRight: beside, ArrowUp: -below, ArrowDown: below }[event.key];
    if (!step) return undefined;
    event.preventDefault();
    this.#at = (this.#at + step + 168) % 168;
    this.requestUpdate();
    await this.updateComplete;
    return this.querySelector(/** @type {'button'} */ (`[data-at="${this.#at}"]`))?.focus();
  }
}

customElements.define('ods-week-grid', OdsWeekGrid);

/** @param {number} rule */
const colour = (rule) => (rule < 0 ? 'plain' : `rule-${rule % COLOURS}`);

/** @param {import('../lib/week.js').Rule | undefined} rule */
function rateText(rule) {
  const one = (/** @type {number | null | undefined} */ rate) => (rate === null || rate === undefined ? words.none : format.rate(rate));
  return words.rates(one(rule?.down), one(rule?.up));
}
