/**
 * What a path was: who, when, what; each can be downloaded and made current again while its bytes are held. More of it is asked of
 * whoever reads it.
 */

import { html, nothing } from '../vendor/lit.js';
import { confirm } from '../lib/dialog.js';
import * as format from '../lib/format.js';
import { packagePage as words } from '../lib/strings/packages.js';
import { actionButton } from './action.js';
import { OdsElement } from './base.js';
import { dataRow, dataTable } from './data-table.js';
import { ago } from './facts.js';
import { icon } from './icon.js';
import { restore } from './package-actions.js';
import { badge } from './parts.js';

/** @typedef {import('../lib/types.js').Revision} Revision */

const SHAPE = { label: words.history, columns: [words.when, words.change, words.version, words.size, words.who], kinds: { 3: 'number' }, head: 1, actions: true };

class OdsRevisions extends OdsElement {
  /** @override */
  static properties = { path: {}, items: { attribute: false }, older: { attribute: false }, readOlder: { attribute: false }, restored: { attribute: false } };

  constructor() {
    super();
    this.path = '';
    /** @type {Revision[]} newest first; if there are older ones, the last is only there to be compared with */
    this.items = [];
    /** How many older ones there are. */
    this.older = 0;
    /** @type {() => void} */
    this.readOlder = () => undefined;
    /** @type {() => void} */
    this.restored = () => undefined;
  }

  /** @override */
  render() {
    const rows = this.items.map((one, at) => this.#row(one, this.items[at + 1]));
    return html`${dataTable(SHAPE, this.older > 0 ? rows.slice(0, -1) : rows)}
      ${this.older > 0 ? html`<p class="edge"><button class="small" @click=${this.readOlder}>${words.olderMore(this.older)}</button></p>` : nothing}`;
  }

  /** @param {Revision} one @param {Revision | undefined} before the revision before it */
  #row(one, before) {
    const published = one.change === 'published';
    const what = !published ? words.removedChange : before?.change === 'published' && before.blob === one.blob ? words.metadataChange : words.publishedChange;
    return dataRow(SHAPE, [
      ago(one.published_at), html`${one.effective ? what : badge('warn', what, words.ineffective)} ${one.current ? badge('good', words.current) : nothing}`,
      html`<code>${one.version ?? words.none}</code>`, one.size === null ? words.none : format.bytes(one.size),
      html`${one.published_by.by} <span class="quiet">${one.published_by.name ?? format.shortId(one.published_by.node)}</span>`,
    ], { end: published ? this.#actions(one) : nothing });
  }

  /** @param {Revision} one */
  #actions(one) {
    const gone = one.bytes_held ? null : words.bytesGone;
    const again = async () => {
      const body = html`<p>${words.restoreBody}</p><p class="quiet">${[one.version, format.bytes(one.size), format.date(one.published_at)].filter(Boolean).join(' · ')}</p>`;
      if (!(await confirm({ title: words.restoreTitle, body, action: words.restore, operation: 'restore_revision' }))) return;
      await restore(this.path, one.revision);
      this.restored();
    };
    const get = gone
      ? nothing
      : html`<a class="button icon-only small quiet" href=${`/blobs/${one.blob}`} download=${format.fileName(this.path)} title=${words.download} aria-label=${words.download}>${icon('download')}</a>`;
    return html`<span class="row-actions">${get}${one.current ? nothing
      : actionButton({ operation: 'restore_revision', label: words.restore, icon: 'undo-2', kind: 'small', refusal: gone, run: again })}</span>`;
  }
}

customElements.define('ods-revisions', OdsRevisions);
