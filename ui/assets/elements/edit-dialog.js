/**
 * Changing a thing in a dialog, without undoing what others change meanwhile (`lib/edits.js`). If somebody was faster, the dialog says
 * what they changed; what was typed stays, fields that weren't touched show theirs, and the next save goes against that.
 */

import { asSeen, changedFields, changesOf, isStale } from '../lib/edits.js';
import { Problem } from '../lib/problem.js';
import { text as common } from '../lib/strings.js';
import { shared } from '../lib/strings/shared.js';
import { formDialog } from './form-dialog.js';

/**
 * @template {Record<string, any>} T
 * @typedef {object} EditSpec
 * @property {string} title
 * @property {import('../lib/types.js').OperationId} operation
 * @property {T} thing as it was read
 * @property {() => Promise<T>} read reads it anew
 * @property {(thing: T, again: () => void) => unknown} fields the template. Values are attributes (or `.defaultValue`), not
 *   properties: so those that somebody touched stay when it is rendered with another thing
 * @property {(form: FormData) => Record<string, any>} typed what stands in the fields, named as in the thing
 * @property {Record<string, string>} labels what its fields are called
 * @property {(changes: Record<string, any>, headers: Record<string, string>) => Promise<any>} save
 * @property {boolean} [wide]
 */

/**
 * @template {Record<string, any>} T
 * @param {EditSpec<T>} spec
 * @returns {Promise<any>} what `save` gave; null if the dialog was dismissed
 */
export function editDialog({ title, operation, thing, read, fields, typed, labels, save, wide = false }) {
  let seen = thing;
  return formDialog({
    title, operation, wide, action: common.save,
    fields: (again) => fields(seen, again),
    submit: async (form) => {
      const changes = changesOf(seen, typed(form));
      if (Object.keys(changes).length === 0) return true;
      try {
        return await save(changes, asSeen(seen));
      } catch (error) {
        if (!isStale(error)) throw error;
        const before = seen;
        seen = await read();
        throw new Problem(412, 'precondition_failed', shared.changedMeanwhile(theirs(before, seen, labels)));
      }
    },
  });
}

/**
 * What somebody else changed, in words; a value that is a table is only named.
 *
 * @param {Record<string, any>} before
 * @param {Record<string, any>} now
 * @param {Record<string, string>} labels
 */
export function theirs(before, now, labels) {
  const value = (/** @type {unknown} */ one) => {
    if (Array.isArray(one)) return one.every((part) => typeof part === 'string') ? `: ${one.join(', ') || common.none}` : '';
    return typeof one === 'object' && one !== null ? '' : `: ${one ?? common.none}`;
  };
  return changedFields(before, now, Object.keys(labels)).map((name) => `${labels[name]}${value(now[name])}`);
}
