/** One package: what it is, where it is and why not elsewhere, and all that it ever was. The path is in the address. */

import { html, nothing } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import * as format from '../lib/format.js';
import { Resource } from '../lib/resource.js';
import { mayTellOf, revisionPages } from '../lib/revisions.js';
import { router } from '../lib/router.js';
import { text } from '../lib/strings.js';
import { shared } from '../lib/strings/shared.js';
import { packagePage as words } from '../lib/strings/packages.js';
import { OdsElement } from '../elements/base.js';
import { digest } from '../elements/copy.js';
import { ago, facts } from '../elements/facts.js';
import { icon } from '../elements/icon.js';
import '../elements/ods-conflict.js';
import '../elements/ods-metadata.js';
import '../elements/ods-replicas.js';
import '../elements/ods-revisions.js';
import { actionButton } from '../elements/action.js';
import { deleteButton, downloadButton, linkButton, qrBlock } from '../elements/package-actions.js';
import { kindIcon } from '../elements/kind-icon.js';
import { hereBadge } from '../elements/package-cells.js';
import { badge, card, emptyState, pageHead, problemBox, waiting } from '../elements/parts.js';
import { chooseFiles } from '../elements/upload-button.js';

/** @typedef {import('../lib/types.js').Package} Package */
/** @typedef {import('../lib/types.js').Revision} Revision */
/** @typedef {import('../lib/types.js').Happening} Happening */

/** So many revisions are shown at first, and so many more with each press. */
const SHOWN = 20;
const MORE = 100;

class PagePackage extends OdsElement {
  #path = '';
  /** @type {Resource<Package>} */
  #package;
  /** @type {Resource<{ items: Revision[], older: number }>} */
  #history;
  #shown = SHOWN;

  constructor() {
    super();
    this.#path = router.place.params.rest ?? '';
    const path = () => ({ path: this.#path });
    const fresh = { on: ['package.*', 'node.*'], about: (/** @type {Happening} */ record) => mayTellOf(record, this.#path) };
    this.#package = this.use(new Resource(() => call('show_package', { path: path(), background: true }), fresh));
    this.#history = this.use(new Resource(() => this.#readHistory(), fresh));
    this.listen(router, 'change', () => this.#placed());
    this.whileShown(() => this.#placed());
  }

  /** As many as are shown, and one more, which tells what the last changed. */
  async #readHistory() {
    const wanted = this.#shown + 1;
    /** @type {Revision[]} */
    const items = [];
    for await (const page of revisionPages(this.#path, wanted)) {
      items.push(...page.items);
      if (items.length >= wanted) return { items, older: Math.max(1, (page.total ?? 0) - this.#shown) };
    }
    return { items, older: 0 };
  }

  #placed() {
    const path = router.place.params.rest;
    if (!path || path === this.#path) return;
    this.#path = path;
    this.#shown = SHOWN;
    this.#package.anew();
    this.#history.anew();
    this.requestUpdate();
  }

  /** @override */
  render() {
    document.title = `${format.fileName(this.#path)} · ODS`;
    const { value, problem } = this.#package;
    if (problem?.status === 404) return this.#gone();
    if (!value) return problem ? problemBox(problem, () => void this.#package.refresh()) : waiting();
    return html`${this.#head(value)} ${problem ? problemBox(problem, () => void this.#package.refresh()) : nothing}
      ${value.conflict ? html`<ods-conflict .path=${value.path} .ended=${() => this.#again()}></ods-conflict>` : nothing}
      <div class="grid package-page" data-operation="show_package list_revisions show_replication">
        <div class="stack">${this.#what(value)} ${this.#nodes(value)} ${this.#revisions()}</div>
        <div class="stack">${this.#digests(value)} ${card({}, qrBlock(value))}</div>
      </div>`;
  }

  #again() {
    void this.#package.refresh();
    void this.#history.refresh();
  }

  /** @param {Package} one */
  #head(one) {
    const crumbs = one.path.split('/').slice(0, -1);
    return html`<p class="crumbs"><a href="/ui/packages">${text.nav.packages}</a>${crumbs.map((name, at) =>
      html`${icon('chevron-right')}<a href=${`/ui/packages?prefix=${encodeURIComponent(crumbs.slice(0, at + 1).join('/'))}`}>${name}</a>`)}</p>
      ${pageHead({
        title: html`<span class="kind-box">${kindIcon(one.kind)}</span> ${format.plain(one.title ?? format.fileName(one.path))}`,
        beside: html`${one.version ? html`<code>${one.version}</code>` : nothing}<span>${format.bytes(one.size)}</span>${one.conflict ? badge('warn', shared.kinds.conflict) : hereBadge(one.state)}`,
        actions: html`${downloadButton(one)}${actionButton({ operation: 'begin_upload', label: words.upload,
          icon: 'upload', run: () => chooseFiles({ path: one.path }) })}${linkButton(one)}${deleteButton(one, () => this.#again())}`,
      })}`;
  }

  /** @param {Package} one */
  #what(one) {
    return html`<ods-metadata .package=${one} .saved=${() => this.#again()}></ods-metadata>`;
  }

  /** @param {Package} one */
  #nodes(one) {
    return card({ title: words.nodes }, html`<ods-replicas .path=${one.path} .size=${one.size}></ods-replicas>`);
  }

  #revisions() {
    const { value, problem } = this.#history;
    if (!value) return problem && problem.status !== 404 ? problemBox(problem, () => void this.#history.refresh()) : nothing;
    const readOlder = () => {
      this.#shown += MORE;
      void this.#history.refresh();
    };
    return card({ title: words.history }, html`<ods-revisions .path=${this.#path} .items=${value.items} .older=${value.older} .readOlder=${readOlder}
      .restored=${() => this.#again()}></ods-revisions>`);
  }

  /** @param {Package} one */
  #digests(one) {
    return card({ title: words.digests }, facts([
      [words.sha256, digest(one.sha256, { what: words.sha256 })],
      [words.blake3, digest(one.blob, { what: words.blake3 })],
      [words.revision, digest(one.revision, { what: words.revision, short: true })],
      [words.published, html`${ago(one.published_at)}<br><span class="quiet">${words.by(one.published_by.by, one.published_by.name ?? format.shortId(one.published_by.node))}</span>`],
      [words.size, html`${format.bytes(one.size)} <span class="quiet">(${format.count(one.size)})</span>`],
    ]));
  }

  /** Deleted, or never there. */
  #gone() {
    const was = (this.#history.value?.items.length ?? 0) > 0;
    const link = html`<a class="button" href="/ui/packages">${words.noSuchLink}</a>`;
    return html`${pageHead({ title: format.plain(this.#path) })}<div class="stack">
      ${card({}, emptyState({ icon: was ? 'trash-2' : 'circle-help', title: was ? words.goneTitle : words.noSuch, body: was ? words.goneBody : words.noSuchBody, action: link }))}
      ${was ? this.#revisions() : nothing}</div>`;
  }
}

customElements.define('page-package', PagePackage);
