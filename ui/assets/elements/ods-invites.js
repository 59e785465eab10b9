/** Invites: which there are, who used them; showing and revoking one. */

import { html, nothing } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import * as format from '../lib/format.js';
import { nodeName } from '../lib/names.js';
import { resource } from '../lib/resource.js';
import { session } from '../lib/session.js';
import { mesh as words } from '../lib/strings/mesh.js';
import { shared } from '../lib/strings/shared.js';
import { toast } from '../lib/toast.js';
import { actionButton } from './action.js';
import { OdsElement } from './base.js';
import { showInvite } from './invite-dialog.js';
import { badge, card, emptyState, shown } from './parts.js';

/** @typedef {import('../lib/types.js').Schemas['Invite']} Invite */

const invites = resource('list_invites', { query: { limit: 1000 } }, { everyMs: 10_000, on: ['invite.*', 'peer.*', 'node.*', 'audit.*'] });

class OdsInvites extends OdsElement {
  invites = session.refusal('list_invites') ? null : this.use(invites);

  /** @override */
  render() {
    if (!this.invites) return nothing;
    return card({ title: words.invites }, html`<div data-operation="list_invites">${shown(this.invites, ({ items }) => items.length === 0
      ? emptyState({ icon: 'ticket', title: words.noInvites, body: words.noInvitesBody })
      : html`<div class="scroll-x" tabindex="0" role="region" aria-label=${words.invites}><table class="table">
        <thead><tr>${words.inviteColumns.map((name) => html`<th scope="col">${name}</th>`)}<th><span class="off-screen">${shared.actions}</span></th></tr></thead>
        <tbody>${items.map((invite) => this.#row(invite))}</tbody></table></div>`)}</div>`);
  }

  /** @param {Invite} invite */
  #row(invite) {
    const state = /** @type {'open'} */ (invite.state);
    const open = state === 'open';
    return html`<tr>
      <td>${shared.roles[/** @type {'owner'} */ (invite.role)] ?? invite.role}</td><td>${invite.prefixes.join(', ') || shared.everywhere}</td>
      <td>${format.dateShort(invite.created_at)}</td><td>${format.dateShort(invite.expires_at)}</td>
      <td>${badge(open ? 'good' : 'plain', words.inviteStates[state] ?? state)}</td>
      <td>${invite.redeemed_by ? nodeName(invite.redeemed_by) : nothing}</td>
      <td class="row-end">${open && invite.invite ? actionButton({ operation: 'list_invites', label: words.inviteMade, icon: 'qr-code', kind: 'small quiet', run: () => showInvite(invite) }) : nothing}
        ${actionButton({ operation: 'revoke_invite', label: words.revoke, icon: 'trash-2', kind: 'small quiet icon-only', run: () => this.#revoke(invite.id) })}</td>
    </tr>`;
  }

  /** @param {string} id */
  async #revoke(id) {
    await call('revoke_invite', { path: { id } });
    toast(words.revoked);
    await invites.refresh();
  }
}

customElements.define('ods-invites', OdsInvites);
