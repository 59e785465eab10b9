/**
 * The journal as it grows. It follows while its end is in sight and stops when somebody scrolls up; what comes meanwhile is counted.
 * The filter is in the address.
 */

import { html, nothing } from '../vendor/lit.js';
import { keyed, repeat } from '../vendor/directives.js';
import { JournalTail, KEPT } from '../lib/journal-tail.js';
import * as format from '../lib/format.js';
import { mesh } from '../lib/node.js';
import { router } from '../lib/router.js';
import { events as words } from '../lib/strings/events.js';
import { titles } from '../lib/strings/shared.js';
import { toastProblem } from '../lib/toast.js';
import { OdsElement } from '../elements/base.js';
import { eventRow } from '../elements/event-row.js';
import { exportEvents } from '../elements/export-events.js';
import { icon } from '../elements/icon.js';
import { menu } from '../elements/ods-menu.js';
import { emptyState, pageHead, problemBox, waiting } from '../elements/parts.js';

/** @typedef {import('../lib/types.js').Happening} Happening */

/** This near to the end counts as there for who comes back; who goes away by more than this is away. */
const END_PX = 40;
const LEAVING_PX = 4;

class PageEvents extends OdsElement {
  tail = new JournalTail();
  /** For the names of nodes that records are about. */
  mesh = this.use(mesh, (known) => known?.items.map(({ id, name }) => [id, name]));
  #seen = 0;
  /** Where the list was scrolled to last. */
  #top = 0;
  /** Whether somebody moved since the last pause, or is away from the end. */
  #away = false;
  #shown = '';
  /** @type {number | null} */
  #open = null;

  constructor() {
    super();
    this.listen(this.tail, 'change');
    this.whileShown(() => this.tail.follow());
    this.listen(router, 'change', () => this.#read());
    this.whileShown(() => this.#read());
  }

  get #filter() {
    const { query } = router.place;
    return { types: query.get('type') ?? '', path: query.get('path') ?? '' };
  }

  #read() {
    const filter = JSON.stringify(this.#filter);
    if (filter === this.#shown || router.place.route?.tag !== 'page-events') return;
    this.#shown = filter;
    this.tail.following = true;
    void this.tail.show(this.#filter);
  }

  /** @override */
  disconnectedCallback() {
    super.disconnectedCallback();
    this.#shown = '';
  }

  /** @override */
  render() {
    return html`${pageHead({ title: titles.events, actions: this.#controls() })}
      ${this.tail.problem ? problemBox(this.tail.problem, () => void this.tail.show(this.#filter)) : nothing}
      <section class="card tail" tabindex="0" role="log" aria-label=${words.label} aria-live="off" data-operation="list_events"
        @scroll=${this.#scrolled} @wheel=${this.#moved} @keydown=${this.#moved} @pointerdown=${this.#moved}>${this.#list()}</section>
      ${this.tail.following || this.#unseen === 0 ? nothing : html`<button class="newer primary small" @click=${this.#toEnd}>${icon('arrow-down')}${words.newer(this.#unseen)}</button>`}`;
  }

  #controls() {
    const { types, path } = this.#filter;
    const set = (/** @type {string} */ name) => (/** @type {Event} */ event) => router.setQuery({ [name]: /** @type {HTMLInputElement} */ (event.target).value });
    const query = { type: types || null, path: path || null };
    const run = (/** @type {'json' | 'csv'} */ kind) => () => void exportEvents(kind, query).catch(toastProblem);
    return html`<select aria-label=${words.type} @change=${set('type')}>
        <option value="">${words.all}</option>
        ${Object.entries(words.groups).map(([value, label]) => html`<option value=${value} ?selected=${value === types}>${label}</option>`)}
        ${types && !(types in words.groups) ? html`<option value=${types} selected>${types}</option>` : nothing}
      </select>
      <input type="search" aria-label=${words.path} placeholder=${words.pathHint} .value=${path} @change=${set('path')}>
      <button data-operation="follow_events" aria-pressed=${this.tail.following} @click=${this.#toggle}>${icon(this.tail.following
        ? 'pause' : 'play')}<span>${this.tail.following ? words.following : words.follow}</span></button>
      ${menu({ label: words.export, icon: 'download' },
        html`<button role="menuitem" @click=${run('json')}>${words.exportJson}</button><button role="menuitem" @click=${run('csv')}>${words.exportCsv}</button>`)}`;
  }

  #list() {
    const { records, gaps, reading, whole, list } = this.tail;
    const isEmpty = records.length === 0 && gaps.length === 0;
    if (isEmpty && reading) return waiting();
    // That it couldn't be read is said above; whether there is anything isn't known.
    if (isEmpty && this.tail.problem) return nothing;
    if (isEmpty) {
      const filtered = this.#filter.types || this.#filter.path;
      return emptyState({ icon: 'scroll-text', title: filtered ? words.noneMatch : words.none, body: filtered ? nothing : words.noneBody });
    }
    return html`${whole ? html`<p class="edge quiet">${words.begin}</p>` : html`<p class="edge"><button class="small" ?disabled=${reading} @click=${this.#older}>${words.older}</button></p>`}
      ${records.length >= KEPT ? html`<p class="edge quiet">${words.dropped(KEPT)}</p>` : nothing}
      ${keyed(list, html`<ol class="events tall">${repeat(this.#rows, (row) => (typeof row === 'number' ? `gap ${row}` : row.lsn), (row) => (typeof row === 'number'
        ? html`<li class="gap notice warn">${icon('unplug')}<span>${words.gap}</span></li>` : this.#record(row)))}</ol>`)}`;
  }

  /** The records, and between them what says that some may be missing. @returns {(Happening | number)[]} */
  get #rows() {
    const gaps = [...this.tail.gaps];
    const rows = this.tail.records.flatMap((record) => [...gaps.splice(0, gaps.filter((lsn) => lsn < record.lsn).length), record]);
    return [...rows, ...gaps];
  }

  /** @param {Happening} record */
  #record(record) {
    const open = this.#open === record.lsn;
    const toggle = () => {
      this.#open = open ? null : record.lsn;
      this.requestUpdate();
    };
    return html`${eventRow(record)}
      <li class="event-more"><button class="icon-only small quiet" aria-expanded=${open} aria-label=${`${words.json}: ${format.count(record.lsn)}`} title=${words.json} @click=${toggle}>${icon(open
        ? 'chevron-up' : 'chevron-down')}</button>
      ${open ? html`<pre tabindex="0">${JSON.stringify(record, null, 2)}</pre>` : nothing}</li>`;
  }

  get #tailBox() {
    return this.querySelector('.tail');
  }

  get #unseen() {
    return this.tail.records.filter(({ lsn }) => lsn > this.#seen).length;
  }

  /** @override */
  updated() {
    const box = this.#tailBox;
    if (!box || !this.tail.following) return;
    this.#stay(box);
    this.#seen = this.tail.records.at(-1)?.lsn ?? 0;
  }

  /** Goes to the end, or stays there. @param {Element} box */
  #stay(box) {
    box.scrollTop = box.scrollHeight;
    this.#top = box.scrollTop;
  }

  /**
   * Who scrolls up, by whatever means, stops following. Rows that get their height only when they are seen move what is seen, too, but
   * never up from the end. Nor can they take back a pause: only who moves, or was elsewhere, follows at the end again.
   */
  #scrolled() {
    const box = this.#tailBox;
    if (!box) return;
    const isUp = box.scrollTop < this.#top;
    this.#top = box.scrollTop;
    const left = box.scrollHeight - box.scrollTop - box.clientHeight;
    if (this.tail.following && isUp && left > LEAVING_PX) this.#pause();
    else if (this.tail.following) this.#stay(box);
    else if (!isUp && this.#away && left < END_PX) this.#toEnd();
    if (left >= END_PX) this.#away = true;
  }

  #moved() {
    this.#away = true;
  }

  #toggle() {
    this.#away = false;
    if (this.tail.following) this.#pause();
    else this.#toEnd();
  }

  #pause() {
    this.#seen = this.tail.records.at(-1)?.lsn ?? 0;
    this.tail.following = false;
    this.requestUpdate();
  }

  /** Who looks back no longer follows. */
  #older() {
    this.#pause();
    void this.tail.older();
  }

  #toEnd() {
    this.tail.following = true;
    this.requestUpdate();
  }
}

customElements.define('page-events', PageEvents);
