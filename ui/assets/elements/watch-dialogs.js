/** Adding and changing a watched folder, and answering what a mirror asks. */

import { html } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import { ask, confirm } from '../lib/dialog.js';
import { asSeen } from '../lib/edits.js';
import { text as common } from '../lib/strings.js';
import { watches as words } from '../lib/strings/watches.js';
import { toast } from '../lib/toast.js';
import { copyButton } from './copy.js';
import { editDialog } from './edit-dialog.js';
import { choice, field, formDialog, list, text } from './form-dialog.js';

/** @typedef {import('../lib/types.js').Schemas['Watch']} Watch */
/** @typedef {'keep' | 'consume' | 'mirror'} Mode */

const MODES = /** @type {const} */ (['keep', 'consume', 'mirror']);

/** @param {Watch | null} watch @param {readonly string[]} [roots] */
const fields = (watch, roots = []) => html`
  ${field(words.folder, html`<input name="folder" required autocomplete="off" spellcheck="false" value=${watch?.folder ?? (roots.length === 1 ? `${roots[0]}/` : '')}>`,
    roots.length ? words.folderBelow(roots.join(', ')) : words.folderHint)}
  ${field(words.mode, choice('mode', MODES.map((mode) => [mode, words.modes[mode]]), watch?.mode))}
  <div class="fields">
    ${field(words.prefix, html`<input name="prefix" autocomplete="off" spellcheck="false" value=${watch?.prefix ?? ''}>`, words.prefixHint)}
    ${field(words.tags, html`<input name="tags" autocomplete="off" value=${(watch?.tags ?? []).join(', ')}>`)}
    ${field(words.settle, html`<input name="settle" type="number" min="0" max="86400" value=${watch?.settle_s ?? 10}>`, words.settleHint)}
    ${field(words.rescan, html`<input name="rescan" type="number" min="1" max="86400" value=${watch?.rescan_s ?? 60}>`)}
  </div>`;

/** @param {FormData} form */
const typed = (form) => ({
  folder: text(form, 'folder'), prefix: text(form, 'prefix'), tags: list(form, 'tags'),
    mode: /** @type {Mode} */ (text(form, 'mode')), settle_s: Number(form.get('settle')), rescan_s: Number(form.get('rescan')),
});

/** Asks for a folder; or says what has to be done first, if none may be watched yet. */
export async function addWatch() {
  const { items } = await call('show_settings', { background: true });
  const value = (/** @type {string} */ name) => items.find(({ key }) => key === name)?.value;
  const roots = /** @type {string[]} */ (Array.isArray(value('watch.roots')) ? value('watch.roots') : []);
  if (roots.length === 0) return noRoots(`${value('data') ?? words.dataFolder}/ods.toml`);
  return formDialog({
    title: words.add, action: words.make, operation: 'create_watch', wide: true, fields: () => fields(null, roots),
    submit: (form) => call('create_watch', { body: typed(form) }),
  });
}

/** @param {string} file */
async function noRoots(file) {
  const lines = '[watch]\nroots = ["/srv/packages"]';
  await ask((close) => html`<h2>${words.add}</h2><p>${words.noRoots}</p><p>${words.noRootsDo(file)}</p>
    <div class="once"><span class="digest"><code class="pre">${lines}</code>${copyButton(lines, { what: words.noRootsLines })}</span></div><p>${words.noRootsThen}</p>
    <footer><button type="button" class="primary" @click=${() => close()}>${common.close}</button></footer>`, { label: words.add });
  return null;
}

/** Changes a watch as it is now. @param {string} id */
export async function editWatch(id) {
  const watch = await call('show_watch', { path: { id } });
  return editDialog({
    title: `${words.edit}: ${watch.folder}`, operation: 'edit_watch', wide: true, thing: watch, fields: (watch) => fields(watch), typed,
    read: () => call('show_watch', { path: { id }, background: true }),
    labels: { folder: words.folder, mode: words.mode, prefix: words.prefix, tags: words.tags, settle_s: words.settle, rescan_s: words.rescan, enabled: words.on },
    save: (body, headers) => call('edit_watch', { path: { id }, body, headers }),
  });
}

/** @param {Watch} watch */
export async function removeWatch(watch) {
  if (!(await confirm({ title: `${words.remove}: ${watch.folder}`, body: words.removeBody, action: words.remove, danger: true, operation: 'remove_watch' }))) return;
  await call('remove_watch', { path: { id: watch.id }, headers: asSeen(watch) });
  toast(words.removed);
}

/** @param {Watch} watch */
export async function confirmWatch({ id, pause }) {
  if (!pause?.missing_digest) return;
  const body = words.confirmBody(pause.missing);
  if (!(await confirm({ title: words.confirm, body, action: words.confirm, danger: true, operation: 'confirm_watch' }))) return;
  await call('confirm_watch', { path: { id }, body: { missing_digest: pause.missing_digest } });
  toast(words.confirmed);
}
