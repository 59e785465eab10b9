/** What can be done with a package, wherever it is shown: download, copy its link, delete it, scan its link. */

import { html, nothing } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import { confirm } from '../lib/dialog.js';
import { asSeen } from '../lib/edits.js';
import * as format from '../lib/format.js';
import { packagePage as words } from '../lib/strings/packages.js';
import { toast, toastProblem } from '../lib/toast.js';
import { actionButton } from './action.js';
import { copyButton } from './copy.js';
import { icon } from './icon.js';
import { downloadUrl } from './package-cells.js';
import { qrCode } from './qr.js';

/** @typedef {import('../lib/types.js').Package} Package */

/** @param {Package} one */
export function downloadButton(one) {
  const here = one.state === 'stored' ? nothing : words.streamed;
  return html`<a class="button primary" href=${one.url} download title=${here}>${icon('download')}<span>${words.download}</span></a>`;
}

/** @param {Package} one */
export const linkButton = (one) => copyButton(() => downloadUrl(one), { what: words.link, label: words.copyLink });

/**
 * @param {Package} one
 * @param {() => void} gone what to do once it is deleted
 * @param {string} [kind]
 */
export function deleteButton(one, gone, kind = 'icon-only danger') {
  return actionButton({ operation: 'remove_package', label: words.remove, icon: 'trash-2', kind, run: () => remove(one, gone) });
}

/**
 * Asks, with what it will touch, and deletes the revision that was seen.
 *
 * @param {Package} one
 * @param {() => void} gone
 */
async function remove(one, gone) {
  const [told, history] = await Promise.all([
    call('show_replication', { path: { path: one.path }, background: true }).catch(() => null),
    call('list_revisions', { path: { path: one.path }, query: { limit: 1 }, background: true }).catch(() => null),
  ]);
  const holders = (told?.items ?? []).filter((holder) => holder.state === 'stored').map((holder) => holder.name ?? format.shortId(holder.node));
  const body = html`<p><strong class="break">${format.plain(one.path)}</strong></p>
    <ul class="touched"><li>${words.touchesLink(downloadUrl(one))}</li><li>${words.touchesNodes(holders.length,
      holders.slice(0, 8).join(', '))}</li><li>${words.touchesBytes(format.bytes(one.size))}</li><li>${words.keeps(history?.total ?? 1)}</li></ul>`;
  if (!(await confirm({ title: words.removeTitle, body, action: words.remove, danger: true, operation: 'remove_package' }))) return;
  await call('remove_package', { path: { path: one.path }, headers: asSeen({ revision: one.revision }) });
  toast(words.removed(format.plain(one.path)), { action: { label: words.undo, run: () => void restore(one.path, one.revision).catch(toastProblem) } });
  gone();
}

/**
 * Makes an earlier revision current.
 *
 * @param {string} path
 * @param {string} revision
 */
export async function restore(path, revision) {
  await call('restore_revision', { body: { path, revision } });
  toast(words.restored);
}

/** @param {Package} one */
export function qrBlock(one) {
  return html`<div class="qr-block">${qrCode(downloadUrl(one), words.qr)}<p class="quiet">${words.qrNote}</p></div>`;
}
