/** The queue of this page's uploads, and those that others have begun on this node. */

import { html, nothing } from '../vendor/lit.js';
import { repeat } from '../vendor/directives.js';
import { call } from '../lib/api.js';
import { confirm } from '../lib/dialog.js';
import * as format from '../lib/format.js';
import { resource } from '../lib/resource.js';
import { session } from '../lib/session.js';
import { text } from '../lib/strings.js';
import { uploads as words } from '../lib/strings/uploads.js';
import { queue } from '../lib/uploads.js';
import { actionButton } from '../elements/action.js';
import { OdsElement } from '../elements/base.js';
import { dataRow, dataTable } from '../elements/data-table.js';
import { ago } from '../elements/facts.js';
import { icon } from '../elements/icon.js';
import { badge, bar, card, emptyState, pageHead, shown } from '../elements/parts.js';
import { chooseFiles, uploadButton } from '../elements/upload-button.js';
import { uploadRow } from '../elements/upload-row.js';

/** @typedef {import('../lib/types.js').Upload} Upload */

const there = resource('list_uploads', { query: { limit: 1000 } }, { everyMs: 5000, on: ['package.*'] });

const SHAPE = { label: words.other, columns: [words.path, words.state, words.begunBy, words.touched, words.expires], kinds: { 0: 'break', 1: 'far' }, actions: true };

class PageUploads extends OdsElement {
  there = this.use(there);

  constructor() {
    super();
    this.listen(queue, 'change');
    this.listen(session, 'change');
    this.tick(1000);
  }

  /** @override */
  render() {
    return html`${pageHead({ title: text.nav.uploads, beside: queue.items.length ? words.tray(queue.tally) : nothing, actions: this.#actions() })}
      <div class="stack" data-operation="list_uploads show_upload tell_offset">${queue.items.length ? this.#queue() : this.#empty()} ${this.#others()}</div>`;
  }

  #actions() {
    const going = queue.items.filter((item) => item.state === 'sending' || item.state === 'queued');
    const paused = queue.items.filter((item) => item.state === 'paused');
    return html`${going.length > 1 ? html`<button @click=${() => going.forEach((item) => queue.pause(item))}>${icon('pause')}<span>${words.pauseAll}</span></button>` : nothing}
      ${paused.length > 1 ? html`<button @click=${() => paused.forEach((item) => queue.resume(item))}>${icon('play')}<span>${words.resumeAll}</span></button>` : nothing}
      ${queue.items.some((item) => !item.open) ? html`<button @click=${() => queue.clear()}>${words.clear}</button>` : nothing}
      ${actionButton({ operation: 'begin_upload', label: words.chooseFolder, icon: 'folder', run: () => chooseFiles({ folder: true }) })}
      ${uploadButton()}`;
  }

  #queue() {
    return card({}, html`<ul class="upload-list">${repeat([...queue.items].reverse(), (item) => item.key, uploadRow)}</ul>`);
  }

  #empty() {
    return card({}, emptyState({ icon: 'upload', title: words.emptyTitle, body: html`${text.upload.empty}<br>${words.goOn}.`, action: uploadButton(words.choose) }));
  }

  /** Those of the node that this page doesn't send. */
  #others() {
    if (session.refusal('list_uploads')) return nothing;
    const own = new Set(queue.items.map((item) => item.id));
    return shown(this.there, ({ items }) => {
      const others = items.filter((one) => !own.has(one.id));
      if (others.length === 0) return nothing;
      return card({ title: words.other }, html`<p class="quiet">${words.otherBody}</p>${dataTable(SHAPE, others.map((one) => this.#other(one)))}`);
    });
  }

  /** @param {Upload} one */
  #other(one) {
    const forget = async () => {
      const sure = await confirm({ title: words.remove, body: one.path, action: words.remove, danger: true, operation: 'remove_upload' });
      if (!sure) return;
      await call('remove_upload', { path: { id: one.id } });
      await there.refresh();
    };
    const going = one.state === 'receiving' || one.state === 'received';
    const far = going
      ? html`${bar(one.offset, one.length, { label: one.path })}<small>${words.progress(format.bytes(one.offset), format.bytes(one.length))}</small>`
      : badge(one.state === 'published' ? 'good' : 'bad', one.state, one.error?.detail);
    return dataRow(SHAPE, [format.plain(one.path), far, one.by, ago(one.touched_at), ago(one.expires_at)],
      { end: actionButton({ operation: 'remove_upload', label: words.remove, icon: 'trash-2', kind: 'icon-only small quiet', run: forget }) });
  }
}

customElements.define('page-uploads', PageUploads);
