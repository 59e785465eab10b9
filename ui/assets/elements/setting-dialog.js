/** Changing one setting, by a control that fits its type. The node checks the value; what it says is shown. */

import { html } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import { asSeen, isStale } from '../lib/edits.js';
import { Problem } from '../lib/problem.js';
import { text as common } from '../lib/strings.js';
import { settings as words } from '../lib/strings/settings.js';
import { shared } from '../lib/strings/shared.js';
import { field, formDialog } from './form-dialog.js';
import { prose } from './parts.js';

/** @typedef {import('../lib/types.js').Schemas['Setting']} Setting */

/** @param {unknown} value */
export const shownValue = (value) => {
  if (value === null || value === undefined || value === '') return words.empty;
  if (Array.isArray(value)) return value.length ? value.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join(', ') : words.empty;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
};

/** The words in quotes in a setting's meaning, if it is one of a few. @param {Setting} setting */
function options({ type, meaning, value, key }) {
  const quoted = [...meaning.matchAll(/"([a-z-]+)"/g)].map(([, word]) => word ?? '');
  return type === 'text' && ['downloads.access', 'mesh.link', 'log.format'].includes(key) && quoted.includes(String(value)) ? [...new Set(quoted)] : [];
}

/** @param {Setting} setting */
function control(setting) {
  const { type, minimum, maximum } = setting;
  const value = setting.stored ?? setting.value;
  const few = options(setting);
  if (few.length) return html`<select name="value">${few.map((word) => html`<option ?selected=${word === value}>${word}</option>`)}</select>`;
  if (type === 'number') return html`<input name="value" type="number" required step="1" min=${minimum ?? ''} max=${maximum ?? ''} value=${String(value)}>`;
  if (type === 'texts') return html`<textarea name="value" rows="4" spellcheck="false" .defaultValue=${Array.isArray(value) ? value.join('\n') : ''}></textarea>`;
  if (type === 'tables') return html`<textarea name="value" rows="10" class="mono" spellcheck="false" .defaultValue=${JSON.stringify(value ?? [], null, 2)}></textarea>`;
  return html`<input name="value" autocomplete="off" spellcheck="false" value=${String(value ?? '')}>`;
}

/** @param {Setting} setting @param {string} typed */
function read({ type }, typed) {
  if (type === 'number') return Number(typed);
  if (type === 'texts') return typed.split('\n').map((word) => word.trim()).filter(Boolean);
  if (type === 'tables') return JSON.parse(typed);
  return typed;
}

/** A setting, and the version of all of them that it was seen in. @typedef {{ setting: Setting, version: number }} SeenSetting */

/** @param {SeenSetting} first */
export function changeSetting(first) {
  let seen = first;
  return formDialog({
    title: first.setting.key, action: common.save, operation: 'edit_settings',
    fields: () => html`<p>${prose(seen.setting.meaning)}</p>${field(words.columns.value, control(seen.setting), hint(seen.setting))}`,
    submit: async (form) => {
      const value = read(seen.setting, String(form.get('value')));
      const now = await storeSetting(seen, value);
      if (now === null) return true;
      seen = now;
      throw new Problem(412, 'precondition_failed', shared.changedMeanwhile([shownValue(now.setting.stored ?? now.setting.value)]));
    },
  });
}

/** @param {Setting} setting */
const hint = (setting) => [
  setting.type === 'texts' ? words.textsHint : setting.type === 'tables' ? words.tablesHint : words.bounds(setting.minimum, setting.maximum),
  words.isDefault(shownValue(setting.default)), setting.change === 'restart' ? words.restart : '',
].filter(Boolean).join('. ');

/**
 * Stores a value; null takes back what was stored. The version is that of all settings: who changed another one meanwhile is no
 * hindrance, who changed this one is, and then it isn't stored.
 *
 * @param {SeenSetting} seen
 * @param {unknown} value
 * @returns {Promise<SeenSetting | null>} null if it was stored, else how the setting stands
 */
export async function storeSetting(seen, value) {
  const { key } = seen.setting;
  const plain = (/** @type {Setting} */ setting) => JSON.stringify([setting.value, setting.stored]);
  try {
    await call('edit_settings', { headers: asSeen({ version: seen.version }), body: { [key]: value } });
    return null;
  } catch (error) {
    if (!isStale(error)) throw error;
    const { items, version } = await call('show_settings', { background: true });
    const setting = items.find((one) => one.key === key);
    if (!setting) throw error;
    return plain(setting) === plain(seen.setting) ? storeSetting({ setting, version }, value) : { setting, version };
  }
}
