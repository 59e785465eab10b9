/** Changing one setting, by a control that fits its type. The node checks the value; what it says is shown. */

import { html } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import { text as common } from '../lib/strings.js';
import { settings as words } from '../lib/strings/settings.js';
import { field, formDialog } from './form-dialog.js';

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
  if (type === 'texts') return html`<textarea name="value" rows="4" spellcheck="false" .value=${Array.isArray(value) ? value.join('\n') : ''}></textarea>`;
  if (type === 'tables') return html`<textarea name="value" rows="10" class="mono" spellcheck="false" .value=${JSON.stringify(value ?? [], null, 2)}></textarea>`;
  return html`<input name="value" autocomplete="off" spellcheck="false" value=${String(value ?? '')}>`;
}

/** @param {Setting} setting @param {string} typed */
function read({ type }, typed) {
  if (type === 'number') return Number(typed);
  if (type === 'texts') return typed.split('\n').map((word) => word.trim()).filter(Boolean);
  if (type === 'tables') return JSON.parse(typed);
  return typed;
}

/** @param {Setting} setting @param {number} version */
export const changeSetting = (setting, version) => formDialog({
  title: setting.key, action: common.save, operation: 'edit_settings',
  fields: () => html`<p>${setting.meaning}</p>${field(words.columns.value, control(setting), [
    setting.type === 'texts' ? words.textsHint : setting.type === 'tables' ? words.tablesHint : words.bounds(setting.minimum, setting.maximum),
    words.isDefault(shownValue(setting.default)), setting.change === 'restart' ? words.restart : '',
  ].filter(Boolean).join('. '))}`,
  submit: async (form) => storeSetting(setting.key, read(setting, String(form.get('value'))), version),
});

/** null takes back what was stored. @param {string} key @param {unknown} value @param {number} version */
export const storeSetting = (key, value, version) => call('edit_settings', { headers: { 'If-Match': `"${version}"` }, body: { [key]: value } });
