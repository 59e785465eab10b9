/** Which packages' bytes this node keeps. */

import { html, nothing } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import * as format from '../lib/format.js';
import { node } from '../lib/node.js';
import { text as common } from '../lib/strings.js';
import { settings as words } from '../lib/strings/settings.js';
import { toast } from '../lib/toast.js';
import { actionButton } from './action.js';
import { OdsElement } from './base.js';
import { editDialog } from './edit-dialog.js';
import { facts } from './facts.js';
import { choice, field, list, text } from './form-dialog.js';
import { card } from './parts.js';

/** @typedef {import('../lib/types.js').NodeFacts} NodeFacts */
/** @typedef {import('../lib/types.js').Schemas['PolicyMode']} Mode */

const GIGA = 1_000_000_000;
const MODES = /** @type {const} */ (['all', 'selected', 'on-demand']);

class OdsPolicy extends OdsElement {
  node = this.use(node);

  /** @override */
  render() {
    const facts_ = this.node.value;
    if (!facts_) return nothing;
    const { policy } = facts_;
    const edit = actionButton({ operation: 'edit_node', label: words.policyEdit, icon: 'pencil', kind: 'small', run: () => this.#edit(facts_) });
    const rows = /** @type {[unknown, unknown][]} */ ([[words.policyEdit, words.policies[policy.mode]]]);
    if (policy.mode === 'selected') rows.push([words.policyPaths, (policy.paths ?? []).join(', ') || common.none], [words.policyTags, (policy.tags ?? []).join(', ') || common.none]);
    if (policy.mode === 'on-demand') rows.push([words.policyBytes, policy.bytes_max === null ? common.none : format.bytes(policy.bytes_max)]);
    return card({ title: words.policy, link: edit }, facts(rows));
  }

  /** @param {NodeFacts} facts_ */
  async #edit(facts_) {
    let { mode } = facts_.policy;
    const done = await editDialog({
      title: words.policy, operation: 'edit_node', thing: facts_, read: () => call('show_node', { background: true }), labels: { policy: words.policyEdit },
      fields: ({ policy }, again) => html`${field(words.policyEdit, choice('mode', MODES.map((one) => [one, words.policies[one]]), mode, (event) => {
          mode = /** @type {Mode} */ (/** @type {HTMLSelectElement} */ (event.target).value);
          again();
        }))}
        ${mode === 'selected' ? html`${field(words.policyPaths, html`<input name="paths" autocomplete="off" spellcheck="false" value=${(policy.paths ?? []).join(', ')}>`)} ${field(words.policyTags,
          html`<input name="tags" autocomplete="off" value=${(policy.tags ?? []).join(', ')}>`)}` : nothing}
        ${mode === 'on-demand' ? field(words.policyBytes,
          html`<input name="bytes" type="number" min="0.001" step="any" value=${policy.bytes_max ? policy.bytes_max / GIGA : ''}>`, words.policyBytesHint) : nothing}`,
      typed: (form) => ({ policy: { mode: /** @type {Mode} */ (text(form, 'mode')), paths: list(form, 'paths'),
        tags: list(form, 'tags'), bytes_max: text(form, 'bytes') ? Math.round(Number(text(form, 'bytes')) * GIGA) : null } }),
      save: (body, headers) => call('edit_node', { body, headers }),
    });
    if (done) toast(words.saved);
    await node.refresh();
  }
}

customElements.define('ods-policy', OdsPolicy);
