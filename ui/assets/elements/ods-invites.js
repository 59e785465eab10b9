/** Invites: which there are, who used them; showing and revoking one. */

import { html, nothing } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import { asSeen } from '../lib/edits.js';
import * as format from '../lib/format.js';
import { mesh, nodeName } from '../lib/node.js';
import { resource } from '../lib/resource.js';
import { session } from '../lib/session.js';
import { mesh as words } from '../lib/strings/mesh.js';
import { shared } from '../lib/strings/shared.js';
import { toast } from '../lib/toast.js';
import { actionButton } from './action.js';
import { OdsElement } from './base.js';
import { dataRow, dataTable } from './data-table.js';
import { showInvite } from './invite-dialog.js';
import { badge, card, emptyState, shown } from './parts.js';

/** @typedef {import('../lib/types.js').Schemas['Invite']} Invite */

const invites = resource('list_invites', { query: { limit: 1000 } }, { everyMs: 10_000, on: ['invite.*', 'peer.*', 'node.*', 'audit.*'] });

const SHAPE = { label: words.invites, columns: words.inviteColumns, actions: true };

class OdsInvites extends OdsElement {
  invites = session.refusal('list_invites') ? null : this.use(invites);
  /** For the names of who used them. */
  mesh = this.use(mesh);

  /** @override */
  render() {
    if (!this.invites) return nothing;
    return card({ title: words.invites }, html`<div data-operation="list_invites">${shown(this.invites, ({ items }) => items.length === 0
      ? emptyState({ icon: 'ticket', title: words.noInvites, body: words.noInvitesBody })
      : dataTable(SHAPE, items.map((invite) => this.#row(invite))))}</div>`);
  }

  /** @param {Invite} invite */
  #row(invite) {
    const state = /** @type {'open'} */ (invite.state);
    const open = state === 'open';
    return dataRow(SHAPE, [
      shared.roles[/** @type {'owner'} */ (invite.role)] ?? invite.role, invite.prefixes.join(', ') || shared.everywhere, format.dateShort(invite.created_at), format.dateShort(invite.expires_at),
      badge(open ? 'good' : 'plain', words.inviteStates[state] ?? state), invite.redeemed_by ? nodeName(invite.redeemed_by) : nothing,
    ], { end: html`${open && invite.invite ? actionButton({ operation: 'list_invites', label: words.inviteMade, icon: 'qr-code', kind: 'small quiet', run: () => showInvite(invite) }) : nothing}
        ${actionButton({ operation: 'revoke_invite', label: words.revoke, icon: 'trash-2', kind: 'small quiet icon-only', run: () => this.#revoke(invite) })}` });
  }

  /** Only while it is as it was seen: one that was used meanwhile let a node in. @param {Invite} invite */
  async #revoke(invite) {
    await call('revoke_invite', { path: { id: invite.id }, headers: asSeen(invite) });
    toast(words.revoked);
    await invites.refresh();
  }
}

customElements.define('ods-invites', OdsInvites);
