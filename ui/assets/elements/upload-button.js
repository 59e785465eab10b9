/** Where uploads begin: the button, the choice of files. What asks and sends is loaded when somebody does. */

import { text } from '../lib/strings.js';
import { toastProblem } from '../lib/toast.js';
import { lazy } from '../lib/update.js';
import { actionButton } from './action.js';

/** @typedef {import('../lib/dropped.js').Dropped} Dropped */

const dialog = lazy(async () => (await Promise.all([import('./upload-dialog.js'), import('./ods-dialogs.js')]))[0]);

/** Offers to upload what was dropped, or files that were chosen. @param {FileSystemEntry[]} entries @param {FileList | File[]} files @param {string} [path] of the one file */
export async function offerUpload(entries, files, path) {
  try {
    const { askAndUpload, chosen, opened } = await dialog();
    const found = entries.length ? await opened(entries) : chosen(files);
    await askAndUpload(path ? found.map((/** @type {Dropped} */ one) => ({ ...one, path })) : found);
  } catch (error) {
    toastProblem(error);
  }
}

/** Lets choose files, as a drop would give them. @param {{ folder?: boolean, path?: string }} [options] path: the one file becomes this package */
export function chooseFiles({ folder = false, path } = {}) {
  const input = document.createElement('input');
  input.type = 'file';
  input.multiple = path === undefined;
  input.webkitdirectory = folder;
  input.addEventListener('change', () => input.files && void offerUpload([], input.files, path));
  input.click();
  // It comes while somebody looks for the file; if it doesn't, that is said afterwards.
  dialog().catch(() => undefined);
}

/** The button that lets choose files. @param {string} label */
export function uploadButton(label = text.upload.button) {
  return actionButton({ operation: 'begin_upload', label, icon: 'upload', kind: 'primary', run: () => chooseFiles() });
}
