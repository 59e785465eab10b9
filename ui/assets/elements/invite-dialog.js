/** Making an invite, and showing it: the line, the command, a QR code. */

import { html } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import { ask } from '../lib/dialog.js';
import * as format from '../lib/format.js';
import { inviteIn } from '../lib/invite.js';
import { text as common } from '../lib/strings.js';
import { curl } from '../lib/strings/dialogs.js';
import { mesh as words } from '../lib/strings/mesh.js';
import { SPANS, shared } from '../lib/strings/shared.js';
import { digest } from './copy.js';
import { choice, field, formDialog, list, text } from './form-dialog.js';
import './invite-state.js';
import { qrCode } from './qr.js';

/** @typedef {'owner' | 'publisher' | 'replica'} Role */
const ROLES = /** @type {const} */ (['publisher', 'replica', 'owner']);

/** The choice of a role, with what it means. @param {string} [chosen] */
export const roleChoice = (chosen = 'publisher') => field(words.role, choice('role', ROLES.map((role) => [role, `${shared.roles[role]}: ${shared.roleNotes[role]}`]), chosen));

/** The field for path prefixes. @param {readonly string[]} [prefixes] */
export const prefixesField = (prefixes = []) =>
  field(shared.prefixes, html`<input name="prefixes" autocomplete="off" spellcheck="false" value=${prefixes.join(', ')}>`, shared.prefixesHint);

/** Makes an invite and shows it. Whether one was made. */
export async function inviteNode() {
  const made = await formDialog({
    title: words.invite,
    action: words.makeInvite,
    operation: 'create_invite',
    fields: () => html`${roleChoice()} ${prefixesField()} ${field(words.goodFor, choice('span', SPANS, '86400'))}`,
    submit: (form) => call('create_invite', {
      body: { role: /** @type {Role} */ (text(form, 'role')), prefixes: list(form, 'prefixes'), expires_in_s: Number(form.get('span')) },
    }),
  });
  if (made) await showInvite(made);
  return made !== null;
}

/** @param {{ id: string, invite: string | null, expires_at: string }} invite */
export function showInvite({ id, invite, expires_at: until }) {
  const line = invite ?? '';
  return ask((close) => html`<h2>${words.inviteMade}</h2>
    <ods-invite-state .invite=${id} .line=${html`<p>${words.inviteHow}</p>
      <div class="once brief">${digest(line, { what: words.inviteLine })}</div><p>${words.inviteRun}</p>
      <div class="once brief">${digest(`ods peer join '${line}'`, { what: curl.line })}</div>`}
      .more=${html`${qrCode(line, words.inviteLine)}<p class="hint">${words.inviteGood(format.date(until))}</p>`}></ods-invite-state>
    <footer><button type="button" class="primary" @click=${() => close(true)}>${common.close}</button></footer>`, { label: words.inviteMade });
}

/** Joins a mesh by an invite. */
export function joinMesh() {
  return formDialog({
    title: words.join,
    action: words.joinButton,
    operation: 'join_peer',
    fields: () => html`<p>${words.joinBody}</p>${field(words.inviteLine, html`<textarea name="invite" rows="4" required autocomplete="off" spellcheck="false"></textarea>`)}`,
    submit: (form) => call('join_peer', { body: { invite: inviteIn(text(form, 'invite')) } }),
  });
}
