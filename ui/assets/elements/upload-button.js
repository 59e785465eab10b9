/** Where uploads begin: the button, the choice of files. What asks and sends is loaded when somebody does. */

import { chosen } from '../lib/dropped.js';
import { Problem } from '../lib/problem.js';
import { text } from '../lib/strings.js';
import { toastProblem } from '../lib/toast.js';
import { actionButton } from './action.js';

/** @typedef {import('../lib/dropped.js').Dropped} Dropped */

const dialog = () => import('./upload-dialog.js').catch((error) => Promise.reject(Problem.unreachable(error)));

/** Offers to upload files. @param {Dropped[]} files */
export async function offerUpload(files) {
  try {
    const { askAndUpload } = await dialog();
    await askAndUpload(files);
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
  input.addEventListener('change', () => input.files && void offerUpload(chosen(input.files).map((one) => (path ? { ...one, path } : one))));
  input.click();
  // It comes while somebody looks for the file; if it doesn't, that is said afterwards.
  dialog().catch(() => undefined);
}

/** The button that lets choose files. @param {string} label */
export function uploadButton(label = text.upload.button) {
  return actionButton({ operation: 'begin_upload', label, icon: 'upload', kind: 'primary', run: () => chooseFiles() });
}
