/** Changing this node: name and addresses, limits, what it keeps. */

import { html } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import { text as common } from '../lib/strings.js';
import { settings as words } from '../lib/strings/settings.js';
import { field, formDialog, list, text } from './form-dialog.js';
import { limitsDialog } from './limits-dialog.js';

/** @typedef {import('../lib/types.js').NodeFacts} NodeFacts */

/** @param {NodeFacts} node */
export const editNode = (node) => formDialog({
  title: words.editNode, action: common.save, operation: 'edit_node',
  fields: () => html`${field(words.name, html`<input name="name" required maxlength="64" autocomplete="off" spellcheck="false" value=${node.name}>`)}
    ${field(words.urls, html`<textarea name="urls" rows="3" spellcheck="false" .value=${node.urls.join('\n')}></textarea>`, words.urlsHint)}`,
  submit: (form) => call('edit_node', { body: { name: text(form, 'name'), urls: list(form, 'urls') } }),
});

/** @param {NodeFacts} node */
export const limitNode = (node) => limitsDialog({ title: words.limits, operation: 'edit_node', limits: node.limits, save: (limits) => call('edit_node', { body: { limits } }) });
