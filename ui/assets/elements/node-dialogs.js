/** Changing this node: name and addresses, limits, what it keeps. */

import { html } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import { settings as words } from '../lib/strings/settings.js';
import { editDialog } from './edit-dialog.js';
import { field, list, text } from './form-dialog.js';
import { limitsDialog } from './limits-dialog.js';

/** @typedef {import('../lib/types.js').NodeFacts} NodeFacts */

/** The node as it is now. */
const read = () => call('show_node', { background: true });

/** @param {NodeFacts} node */
export const editNode = (node) => editDialog({
  title: words.editNode, operation: 'edit_node', thing: node, read, labels: { name: words.name, urls: words.urls },
  fields: (node) => html`${field(words.name, html`<input name="name" required maxlength="64" autocomplete="off" spellcheck="false" value=${node.name}>`)}
    ${field(words.urls, html`<textarea name="urls" rows="3" spellcheck="false" .defaultValue=${node.urls.join('\n')}></textarea>`, words.urlsHint)}`,
  typed: (form) => ({ name: text(form, 'name'), urls: list(form, 'urls') }),
  save: (body, headers) => call('edit_node', { body, headers }),
});

/** @param {NodeFacts} node */
export const limitNode = (node) => limitsDialog({ title: words.limits, operation: 'edit_node', thing: node, read, save: (body, headers) => call('edit_node', { body, headers }) });
