/** The catalog: every package, however many. Search, filters, sort and the open package are in the address. */

import { html, nothing } from '../vendor/lit.js';
import * as format from '../lib/format.js';
import { Chosen } from '../lib/chosen.js';
import { copy } from '../lib/clipboard.js';
import { live } from '../lib/live.js';
import { node } from '../lib/node.js';
import { PackageRows } from '../lib/package-rows.js';
import { packageUrl, router } from '../lib/router.js';
import { text } from '../lib/strings.js';
import { shared } from '../lib/strings/shared.js';
import { packages as words } from '../lib/strings/packages.js';
import { actionButton } from '../elements/action.js';
import { OdsElement } from '../elements/base.js';
import { icon } from '../elements/icon.js';
import { bulk } from '../elements/ods-bulk.js';
import '../elements/ods-deleted.js';
import '../elements/ods-package-panel.js';
import '../elements/ods-table.js';
import { linkCell, nameCell, publishedCell, stateCell } from '../elements/package-cells.js';
import { emptyState, pageHead, problemBox, waiting } from '../elements/parts.js';
import { uploadButton } from '../elements/upload-button.js';

/** @typedef {import('../lib/types.js').Package} Package */

const TYPING_MS = 200;
const NEWS_MS = 1500;
/** Reading again takes at most one part in so many of the time. */
const NEWS_SHARE = 8;
const KINDS = ['pkg', 'dmg', 'zip', 'msi', 'exe', 'deb', 'rpm', 'tar.gz', 'iso'];
const STATES = /** @type {const} */ (['stored', 'fetching', 'wanted', 'remote', 'conflict']);
/** Not a state of a package, but where those that are no more can be found. */
const DELETED = 'deleted';
const FILTERS = ['q', 'prefix', 'tag', 'kind', 'state'];

class PagePackages extends OdsElement {
  node = this.use(node);
  /** @type {PackageRows | null} */
  #rows = null;
  /** Whether there was a list before: it stays until its successor is here. */
  #listed = false;
  #asked = '';
  #matched = '';
  #chosen = new Chosen();
  /** The row that was chosen last: Shift chooses from there. */
  #anchor = -1;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #typing;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #news;
  #newsMs = NEWS_MS;

  constructor() {
    super();
    this.listen(router, 'change', () => this.#placed());
    this.whileShown(() => live.on(['package.*'], () => this.#told()));
    this.listen(live, 'gap', () => this.#told());
    this.whileShown(() => this.#placed());
    this.listen(this.#chosen, 'change');
  }

  /** The address changed: other rows, or another package in the panel. */
  #placed() {
    if (router.place.path !== 'packages') return;
    const { query } = router.place;
    const value = (/** @type {string} */ name) => query.get(name) ?? '';
    const filter = { q: value('q'), prefix: value('prefix'), tag: value('tag'), kind: value('kind'), state: value('state'), sort: value('sort') };
    const asked = JSON.stringify(filter);
    const matched = JSON.stringify({ ...filter, sort: '' });
    if (filter.state === DELETED) {
      this.#rows?.close();
      this.#rows = null;
      this.#asked = '';
      this.#chosen.clear();
    } else if (asked !== this.#asked) {
      this.#asked = asked;
      this.#rows?.close();
      this.#rows = new PackageRows(filter);
      this.#rows.addEventListener('change', () => this.requestUpdate());
      // Of another list it would be a choice that can't be seen.
      if (matched !== this.#matched) this.#chosen.clear();
      this.#matched = matched;
      this.#anchor = -1;
    }
    this.requestUpdate();
  }

  /** News come in bursts: the rows are read again at most every so often. */
  #told() {
    this.#news ??= setTimeout(async () => {
      const began = performance.now();
      await this.#rows?.refresh();
      this.#newsMs = Math.max(NEWS_MS, (performance.now() - began) * NEWS_SHARE);
      this.#news = undefined;
    }, this.#newsMs);
  }

  /** @override */
  render() {
    const open = router.place.query.get('show');
    return html`${pageHead({ title: words.title, beside: this.#count(), actions: this.#filters() })}
      ${this.#filterChips()} ${this.#chosen.size || this.#chosen.reading ? this.#bulkBar() : nothing}
      ${this.#rows?.problem ? problemBox(this.#rows.problem, () => void this.#rows?.refresh()) : nothing}
      <div class=${`packages-body ${open ? 'with-panel' : ''}`}>${this.#list()}
        ${open ? html`<ods-package-panel .path=${open} .close=${() => router.setQuery({ show: null })}></ods-package-panel>` : nothing}</div>`;
  }

  #count() {
    const rows = this.#rows;
    if (!rows?.loaded) return nothing;
    return html`<span role="status">${rows.filtered ? words.found(rows.length, rows.complete) : words.inCatalog(rows.length)}</span>`;
  }

  #filters() {
    const { query } = router.place;
    const pick = (/** @type {string} */ name) => (/** @type {Event} */ event) => router.setQuery({ [name]: /** @type {HTMLSelectElement} */ (event.target).value });
    const kind = query.get('kind') ?? '';
    const kinds = kind && !KINDS.includes(kind) ? [...KINDS, kind] : KINDS;
    return html`<span class="search filter">${icon('search')}<input type="search" aria-label=${words.filter} placeholder=${words.filter} .value=${query.get('q') ?? ''} @input=${this.#typed}></span>
      <select aria-label=${words.kind} .value=${kind} @change=${pick('kind')}><option value="">${words.anyKind}</option>${kinds.map((one) =>
        html`<option value=${one} ?selected=${one === kind}>${one}</option>`)}</select>
      <select aria-label=${words.state} @change=${pick('state')}><option value="">${words.anyState}</option>${STATES.map((one) =>
        html`<option value=${one} ?selected=${one === query.get('state')}>${shared.kinds[one]}</option>`)}
        <option value=${DELETED} ?selected=${query.get('state') === DELETED}>${words.deleted}</option></select>
      ${uploadButton(text.upload.short)}`;
  }

  /** @param {Event} event */
  #typed(event) {
    const { value } = /** @type {HTMLInputElement} */ (event.target);
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => router.setQuery({ q: value.trim() }), TYPING_MS);
  }

  /** Filters that no control above shows. */
  #filterChips() {
    const { query } = router.place;
    const chips = [['tag', query.get('tag'), words.tagFilter], ['prefix', query.get('prefix'), words.prefixFilter]];
    const shown = chips.filter(([, value]) => value);
    if (shown.length === 0) return nothing;
    return html`<p class="chips">${shown.map(([name, value, say]) => html`<button class="small" @click=${() =>
      router.setQuery({ [/** @type {string} */ (name)]: null })}>${/** @type {(v: any) => string} */ (say)(value)}${icon('x')}</button>`)}</p>`;
  }

  #list() {
    const rows = this.#rows;
    if (router.place.query.get('state') === DELETED) return html`<ods-deleted .asked=${router.place.query.get('q') ?? ''}></ods-deleted>`;
    if (!rows) return nothing;
    if (!rows.loaded && !this.#listed) return rows.problem ? nothing : waiting();
    this.#listed = true;
    if (rows.loaded && rows.complete && rows.length === 0) return this.#empty(rows.filtered);
    const { query } = router.place;
    const narrow = matchMedia('(max-width: 760px)').matches;
    return html`<ods-table data-operation="list_packages list_package_anchors" .rows=${rows} .columns=${this.#columns()} label=${words.title} rowHeight=${narrow
      ? 60 : 48} sort=${query.get('sort') ?? 'path'}
      .sorted=${(/** @type {string} */ by) => router.setQuery({ sort: by === 'path' ? null : by })}
      .open=${(/** @type {Package} */ one) => (narrow ? router.go(packageUrl(one.path)) : router.setQuery({ show: one.path }, { replace: query.has('show') }))}
      .select=${(/** @type {Package} */ one) => this.#choose(one, -1, false)}
      .chosen=${(/** @type {Package} */ one) => (one.path === query.get('show') ? 'current' : this.#chosen.has(one.path) ? 'selected' : '')}></ods-table>`;
  }

  /** @param {boolean} filtered */
  #empty(filtered) {
    if (!filtered) return html`<div class="card" data-operation="list_packages">${emptyState({ icon: 'package', title: words.emptyTitle, body: words.emptyBody, action: uploadButton() })}</div>`;
    const clear = () => router.setQuery(Object.fromEntries(FILTERS.map((name) => [name, null])));
    return html`<div class="card">${emptyState({ icon: 'search', title: words.nothingTitle, body: words.nothingBody,
      action: html`<button @click=${clear}>${words.clearFilter}</button>
        <a href=${`/ui/packages?state=${DELETED}&q=${encodeURIComponent(router.place.query.get('q') ?? '')}`}>${words.amongDeleted}</a>` })}</div>`;
  }

  /** @returns {import('../elements/ods-table.js').Column[]} */
  #columns() {
    const chosen = this.#chosen;
    const chooseAll = () => (chosen.size === 0 && this.#rows ? void chosen.everything(this.#rows) : chosen.clear());
    return [
      { label: '', kind: 'vc-check',
        head: html`<input type="checkbox" aria-label=${words.selectAll} title=${words.selectAll} .checked=${chosen.all} .indeterminate=${chosen.size > 0 && !chosen.all} @change=${chooseAll}>`,
        cell: (one, index) => this.#check(one, index) },
      { label: words.name, kind: 'vc-name', sort: 'path', cell: nameCell },
      { label: words.version, kind: 'vc-version wide-only', cell: (one) => html`<code class="clip">${one.version ?? text.none}</code>` },
      { label: words.size, kind: 'vc-size', sort: 'size', cell: (one) => format.bytes(one.size) },
      { label: words.published, kind: 'vc-published wide-only', sort: 'published_at', cell: publishedCell },
      { label: words.replicas, kind: 'vc-state', cell: stateCell },
      { label: '', kind: 'vc-link', head: html`<span class="off-screen">${words.link}</span>`, cell: linkCell },
    ];
  }

  /**
   * @param {Package} one
   * @param {number} index
   */
  #check(one, index) {
    const click = (/** @type {MouseEvent} */ event) => this.#choose(one, index, event.shiftKey);
    return html`<label class="check-box"><input type="checkbox" aria-label=${words.select(one.path)} .checked=${this.#chosen.has(one.path)} @click=${click}></label>`;
  }

  /**
   * @param {Package} one
   * @param {number} index
   * @param {boolean} range from the one chosen last
   */
  #choose(one, index, range) {
    const [from, to] = range && this.#anchor >= 0 ? [Math.min(this.#anchor, index), Math.max(this.#anchor, index)] : [index, index];
    const rows = index < 0 ? [one] : Array.from({ length: to - from + 1 }, (_, at) => this.#rows?.get(from + at));
    this.#anchor = index;
    this.#chosen.put(rows, !this.#chosen.has(one.path));
  }

  #bulkBar() {
    const chosen = this.#chosen;
    const act = (/** @type {'remove' | 'tag'} */ action) => async () => {
      if (await bulk(action, chosen.revisions)) this.#clear();
    };
    const refusal = chosen.reading ? words.selecting(chosen.size) : null;
    return html`<div class="bulk-bar" role="toolbar" aria-label=${words.selected(chosen.size)}><strong role="status">${this.#chosenText()}</strong>
      ${chosen.problem ? problemBox(chosen.problem) : nothing}
      ${actionButton({ operation: 'change_packages', label: words.tag, icon: 'tag', kind: 'small', refusal, run: act('tag') })}
      <button class="small" ?disabled=${chosen.reading} @click=${() => copy(chosen.links.join('\n'), words.links)}>${icon('link')}<span>${words.copyLinks}</span></button>
      ${actionButton({ operation: 'change_packages', label: words.remove, icon: 'trash-2', kind: 'small danger', refusal, run: act('remove') })}
      <button class="small quiet" @click=${() => this.#clear()}>${words.clear}</button></div>`;
  }

  #chosenText() {
    const { reading, all, cut, size } = this.#chosen;
    if (reading) return words.selecting(size);
    if (cut) return words.selectedCut(size);
    return all ? words.selectedAll(size, this.#rows?.filtered ?? false) : words.selected(size);
  }

  #clear() {
    this.#chosen.clear();
    void this.#rows?.refresh();
  }
}

customElements.define('page-packages', PagePackages);
