/** Copying, also on plain HTTP, where `navigator.clipboard` doesn't exist. */

import { shared } from './strings/shared.js';
import { toast } from './toast.js';

/**
 * Copies, and says so.
 *
 * @param {string} value
 * @param {string} [what] what it is, for the message
 */
export async function copy(value, what = shared.copy.it) {
  if (await put(value)) toast(shared.copy.done(what));
  else toast(shared.copy.failed, { kind: 'bad' });
}

/** @param {string} value */
async function put(value) {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(value);
      return true;
    }
  } catch {
    // Refused by the browser: the old way may still be allowed.
  }
  return putTheOldWay(value);
}

/** @param {string} value */
function putTheOldWay(value) {
  const field = document.createElement('textarea');
  field.value = value;
  field.className = 'off-screen';
  field.readOnly = true;
  // Inside an open dialog, since all outside of one can't be selected.
  const home = document.querySelector('dialog[open]') ?? document.body;
  const before = document.activeElement;
  home.append(field);
  field.select();
  try {
    return document.execCommand('copy');
  } finally {
    field.remove();
    if (before instanceof HTMLElement) before.focus();
  }
}
