/** A package beside the list: what one looks for most. Everything else is on its page. */

import { html } from '../vendor/lit.js';
import * as format from '../lib/format.js';
import { call } from '../lib/api.js';
import { Resource } from '../lib/resource.js';
import { packageUrl } from '../lib/router.js';
import { text } from '../lib/strings.js';
import { packagePage as words, packages } from '../lib/strings/packages.js';
import { OdsElement } from './base.js';
import { digest } from './copy.js';
import { facts } from './facts.js';
import { icon } from './icon.js';
import './ods-replicas.js';
import { deleteButton, downloadButton, linkButton, qrBlock } from './package-actions.js';
import { tagLink } from './package-cells.js';
import { kindIcon } from './kind-icon.js';
import { shown } from './parts.js';

/** @typedef {import('../lib/types.js').Package} Package */

class OdsPackagePanel extends OdsElement {
  /** @override */
  static properties = { path: {}, close: { attribute: false } };

  /** @type {Resource<Package>} */
  #package;

  constructor() {
    super();
    this.path = '';
    /** @type {() => void} */
    this.close = () => undefined;
    this.#package = this.use(new Resource(() => call('show_package', { path: { path: this.path }, background: true }), { on: ['package.*'] }));
    this.listen(document, 'keydown', (event) => this.#key(event));
  }

  /** Escape closes it, unless it was for what somebody types in, a menu or a dialog. @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== 'Escape' || event.defaultPrevented || document.querySelector('dialog[open]')) return;
    const at = event.target;
    if (at instanceof Element && at.matches('input:not([type=checkbox]), select, textarea')) return;
    this.close();
  }

  /** @override @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    if (changed.has('path') && changed.get('path')) this.#package.anew();
  }

  /** @override */
  render() {
    return html`<aside class="card panel" aria-label=${this.path}>
      <button class="icon-only quiet close" aria-label=${text.close} @click=${() => this.close()}>${icon('x')}</button>
      ${shown(this.#package, (one) => this.#view(one))}
    </aside>`;
  }

  /** @param {Package} one */
  #view(one) {
    return html`<header class="panel-head"><span class="kind-box">${kindIcon(one.kind)}</span><div class="two-lines">
      <h2 class="clip" title=${one.path}>${format.plain(one.title ?? format.fileName(one.path))}</h2>
        <small>${[one.version, format.bytes(one.size)].filter(Boolean).join(' · ')}</small></div></header>
      <div class="panel-actions">${downloadButton(one)}${linkButton(one)}${deleteButton(one, () => this.close())}</div>
      ${facts([
        [words.file, html`<code>${format.plain(one.path)}</code>`],
        [words.sha256, digest(one.sha256, { what: words.sha256 })],
        [words.published, html`${format.date(one.published_at)}<br><span class="quiet">${words.by(one.published_by.by, one.published_by.name ?? format.shortId(one.published_by.node))}</span>`],
        ...(one.tags.length ? /** @type {[unknown, unknown][]} */ ([[words.tags, one.tags.map((tag) => html`${tagLink(tag)} `)]]) : []),
        ...(one.notes ? /** @type {[unknown, unknown][]} */ ([[words.notes, one.notes]]) : []),
      ])}
      <h3>${words.nodes}</h3><ods-replicas brief .path=${one.path} .size=${one.size}></ods-replicas>
      ${qrBlock(one)}
      <a class="button" href=${packageUrl(one.path)}>${packages.openPage}${icon('arrow-right')}</a>`;
  }
}

customElements.define('ods-package-panel', OdsPackagePanel);
