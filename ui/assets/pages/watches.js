/** Watched folders: what each took, what settles, what it refused and why, and what a mirror asks. */

import { html, nothing } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import { asSeen } from '../lib/edits.js';
import * as format from '../lib/format.js';
import { resource } from '../lib/resource.js';
import { packageUrl } from '../lib/router.js';
import { session } from '../lib/session.js';
import { shared, titles } from '../lib/strings/shared.js';
import { watches as words } from '../lib/strings/watches.js';
import { toast } from '../lib/toast.js';
import { actionButton } from '../elements/action.js';
import { OdsElement } from '../elements/base.js';
import { ago } from '../elements/facts.js';
import { icon } from '../elements/icon.js';
import { menuItem } from '../elements/menu-item.js';
import { menu } from '../elements/ods-menu.js';
import { badge, emptyState, pageHead, shown } from '../elements/parts.js';
import { addWatch, confirmWatch, editWatch, removeWatch } from '../elements/watch-dialogs.js';

/** @typedef {import('../lib/types.js').Schemas['Watch']} Watch */

const watches = resource('list_watches', {}, { everyMs: 3000, on: ['watch.*', 'package.published', 'package.replaced'] });
const TONES = /** @type {const} */ ({ starting: 'plain', waiting: 'busy', watching: 'good', paused: 'warn', failing: 'bad', off: 'plain' });
const SHOWN = 100;

class PageWatches extends OdsElement {
  watches = session.refusal('list_watches') ? null : this.use(watches);

  /** @override */
  render() {
    const add = actionButton({ operation: 'create_watch', label: words.add, icon: 'plus', kind: 'primary', run: async () => void ((await addWatch()) && toast(words.added), await watches.refresh()) });
    return html`${pageHead({ title: titles.watches, actions: add })}
      <div class="stack" data-operation="list_watches">${this.watches ? shown(this.watches, ({ items }) => (items.length ? items.map((watch) => one(watch))
        : html`<section class="card">${emptyState({ icon: 'folder-sync', title: words.none, body: words.noneBody, action: add })}</section>`))
          : html`<p class="quiet">${session.refusal('list_watches')}</p>`}</div>`;
  }
}

customElements.define('page-watches', PageWatches);

/** @param {Watch} watch */
function one(watch) {
  const { id, folder, prefix, tags, mode, state, reason, last_scan_at: scanned, files, source, place } = watch;
  const elsewhere = source === 'stored' ? null : words.elsewhere(place ?? source);
  return html`<section class="card watch" data-operation="show_watch">
    <header class="card-head"><h2><code>${folder}</code></h2>
      <span class="line">${badge(TONES[/** @type {'off'} */ (state)] ?? 'plain', words.states[/** @type {'off'} */ (state)] ?? state)}
        ${actionButton({ operation: 'scan_watch', label: words.scan, icon: 'refresh-cw', kind: 'small', run: () => scan(id) })} ${actions(watch, elsewhere)}</span></header>
    ${state === 'paused' ? ask(watch) : reason ? html`<div class="notice ${state === 'waiting' ? '' : 'bad'}">${icon('circle-alert')}<span>${reason}</span></div>` : nothing}
    <p class="quiet line"><span class="tag">${words.modeShort[/** @type {'keep'} */ (mode)] ?? mode}</span> ${prefix ? html`<span>${words.prefix} <code>${prefix}/</code></span>` : nothing}
      ${tags.map((tag) =>
        html`<span class="tag">${tag}</span>`)}<span>${words.lastScan} ${ago(scanned)}${scanned ? words.found(files) : nothing}</span><span title=${place ?? ''}>${source === 'stored'
        ? words.here : words.from(place ?? source)}</span></p>
    ${list(words.settling, watch.settling.map(({ file, bytes }) => html`<code>${file}</code> <span class="quiet">${format.bytes(bytes)}</span>`), true)}
    ${list(words.refused, watch.refused.map((file) => html`<code>${file.file}</code> <span class="warn-text">${file.reason}</span>`), true)}
    ${list(words.superseded, watch.superseded.map((file) => html`<code>${file}</code>`), false)}
    ${list(words.taken, watch.taken.map(({ file, path, at }) => html`<a href=${packageUrl(path)}>${file}</a> <span class="quiet">${ago(at)}</span>`), false)}
  </section>`;
}

/** @param {Watch} watch @param {string | null} elsewhere */
function actions(watch, elsewhere) {
  const { id, enabled, folder } = watch;
  const then = (/** @type {Promise<any>} */ done) => done.then(() => watches.refresh());
  return menu({ label: `${shared.actions}: ${folder}`, icon: 'ellipsis' }, html`
    ${menuItem({ operation: 'edit_watch', label: words.edit, icon: 'pencil', refusal: elsewhere, run: () => then(editWatch(id)) })}
    ${menuItem({ operation: 'edit_watch', label: enabled ? words.off : words.on, icon: enabled ? 'pause' : 'play',
      refusal: elsewhere, run: () => then(call('edit_watch', { path: { id }, headers: asSeen(watch), body: { enabled: !enabled } })) })}
    ${menuItem({ operation: 'remove_watch', label: words.remove, icon: 'trash-2', kind: 'danger', refusal: elsewhere, run: () => then(removeWatch(watch)) })}`);
}

/** What a paused mirror asks. @param {Watch} watch */
function ask(watch) {
  const { pause } = watch;
  if (!pause?.missing_digest) return html`<div class="notice warn">${icon('triangle-alert')}<span>${pause ? words.away : watch.reason}</span></div>`;
  return html`<div class="notice warn">${icon('triangle-alert')}<span>${words.asks(pause.missing,
    pause.published)} <small>${words.since} ${format.date(pause.since)}</small><br><small>${words.orBack}</small></span>
      ${actionButton({ operation: 'confirm_watch', label: words.confirm, kind: 'danger small', run: async () => void (await confirmWatch(watch), await watches.refresh()) })}</div>
    ${list(words.missingFiles, pause.files.map((file) => html`<code>${file}</code>`), true)}`;
}

/** @param {string} title @param {readonly unknown[]} rows @param {boolean} open */
const list = (title, rows, open) => (rows.length === 0 ? nothing : html`<details class="files" ?open=${open}><summary>${title} <span class="tag">${format.count(rows.length)}</span></summary>
  <ul>${rows.slice(0, SHOWN).map((row) => html`<li>${row}</li>`)}</ul></details>`);

/** @param {string} id */
async function scan(id) {
  await call('scan_watch', { path: { id } });
  toast(words.scanned);
  await watches.refresh();
}
