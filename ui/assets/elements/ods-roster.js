/** Who may do what in the mesh, and who said so; what the node warns of. */

import { html, nothing } from '../vendor/lit.js';
import * as format from '../lib/format.js';
import { resource } from '../lib/resource.js';
import { mesh as words } from '../lib/strings/mesh.js';
import { shared } from '../lib/strings/shared.js';
import { toast } from '../lib/toast.js';
import { actionButton } from './action.js';
import { OdsElement } from './base.js';
import { dataRow, dataTable } from './data-table.js';
import { icon } from './icon.js';
import { badge, card, prose, shown } from './parts.js';
import { admitNode } from './peer-dialogs.js';

/** @typedef {import('../lib/types.js').Schemas['Member']} Member */

const roster = resource('show_roster', {}, { everyMs: 15_000, on: ['node.*', 'peer.*'] });
const SHAPE = { label: words.roster, columns: words.rosterColumns, actions: true };
const TONES = /** @type {const} */ ({ member: 'good', expelled: 'bad', not_admitted: 'plain' });

class OdsRoster extends OdsElement {
  roster = this.use(roster);

  /** @override */
  render() {
    const admit = actionButton({ operation: 'admit_node', label: words.admit, icon: 'user-plus', kind: 'small', run: () => this.#admit() });
    return card({ title: words.roster, link: admit }, shown(this.roster, ({ items, warnings }) => html`<div data-operation="show_roster">
      ${warnings.map(({ code, detail }) => html`<div class="notice warn">${icon('triangle-alert')}<span>${prose(words.warnings[/** @type {'no_owner'} */ (code)] ?? detail)}</span></div>`)}
      ${dataTable(SHAPE, items.map((member) => this.#row(member)))}</div>`));
  }

  /** @param {Member} member */
  #row(member) {
    const standing = /** @type {'member'} */ (member.standing);
    const said = member.admitted_by.filter(({ counts }) => counts).map(({ name, node, at }) => `${name ?? format.shortId(node)}, ${format.dateShort(at)}`);
    return dataRow(SHAPE, [
      html`<strong>${member.name ?? format.shortId(member.node)}</strong> ${member.is_root
        ? html`<span class="tag">${words.root}</span>` : nothing}<br><small><code>${format.shortId(member.node)}</code></small>`,
      member.role ? shared.roles[/** @type {'owner'} */ (member.role)] ?? member.role : nothing, member.prefixes.join(', ') || shared.everywhere,
      badge(TONES[standing] ?? 'plain', words.standing[standing] ?? standing),
      html`${said.join('; ') || nothing}${member.expelled_by.map(({ name, node, at }) =>
        html`<div class="bad-text">${words.expelled}: ${name ?? format.shortId(node)}, ${format.dateShort(at)}</div>`)}`,
    ], { end: standing === 'member' && member.role !== 'owner'
      ? actionButton({ operation: 'admit_node', label: words.raise, icon: 'arrow-up', kind: 'small quiet', run: () => this.#admit(member) }) : nothing });
  }

  /** @param {Member} [member] */
  async #admit(member) {
    if (await admitNode(member)) toast(words.admitted);
    await roster.refresh();
  }
}

customElements.define('ods-roster', OdsRoster);
