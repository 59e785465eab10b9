/** Making and changing users and tokens. */

import { html } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import { ask, confirm } from '../lib/dialog.js';
import { asSeen } from '../lib/edits.js';
import * as format from '../lib/format.js';
import { text as common } from '../lib/strings.js';
import { people as words } from '../lib/strings/people.js';
import { SPANS, shared } from '../lib/strings/shared.js';
import { toast } from '../lib/toast.js';
import { digest } from './copy.js';
import { editDialog } from './edit-dialog.js';
import { ago, facts } from './facts.js';
import { choice, field, formDialog, list, text } from './form-dialog.js';
import { prefixesField } from './invite-dialog.js';
import { showOnce } from './secret.js';

/** @typedef {import('../lib/types.js').Schemas['User']} User */
/** @typedef {import('../lib/types.js').Schemas['Token']} Token */
/** @typedef {'read' | 'publish' | 'admin'} Scope */

/** What the node itself calls the token in its data folder. */
const ADMIN_TOKEN = 'admin.token';
const SCOPES = /** @type {const} */ ([['read', words.scopes.read], ['publish', words.scopes.publish], ['admin', words.scopes.admin]]);

/** @param {string} [chosen] */
const scopeField = (chosen = 'publish') => field(words.scope, choice('scope', SCOPES, chosen));
/** @param {FormData} form */
const scopeOf = (form) => /** @type {Scope} */ (text(form, 'scope'));

export const addUser = () => formDialog({
  title: words.addUser, action: words.makeUser, operation: 'create_user',
  fields: () => html`${field(words.name, html`<input name="name" required maxlength="64" autocomplete="off" spellcheck="false">`)}
    ${field(words.password_, html`<input name="password" type="password" required minlength="10" autocomplete="new-password">`, words.passwordHint)} ${scopeField()} ${prefixesField()}`,
  submit: (form) => call('create_user', { body: { name: text(form, 'name'), password: String(form.get('password')), scope: scopeOf(form), prefixes: list(form, 'prefixes') } }),
});

/** Changes a user as they are now: another's change meanwhile isn't undone. @param {string} id */
export async function editUser(id) {
  const user = await call('show_user', { path: { id } });
  return editDialog({
    title: `${words.editUser}: ${user.name}`, operation: 'edit_user', thing: user, read: () => call('show_user', { path: { id }, background: true }),
    labels: { name: words.name, scope: words.scope, prefixes: shared.prefixes, disabled: words.disabled },
    fields: (user) => html`${field(words.name, html`<input name="name" required maxlength="64" autocomplete="off" spellcheck="false" value=${user.name}>`)}
      ${field(words.newPassword, html`<input name="password" type="password" minlength="10" autocomplete="new-password">`,
        words.newPasswordHint)} ${scopeField(user.scope)} ${prefixesField(user.prefixes)}`,
    typed: (form) => {
      const password = String(form.get('password'));
      return { name: text(form, 'name'), scope: scopeOf(form), prefixes: list(form, 'prefixes'), ...(password ? { password } : {}) };
    },
    save: (body, headers) => call('edit_user', { path: { id }, body, headers }),
  });
}

/** @param {User} user */
export async function removeUser(user) {
  const { name } = user;
  if (!(await confirm({ title: `${words.removeUser}: ${name}`, body: words.removeUserBody(name), action: words.removeUser, danger: true, operation: 'remove_user' }))) return;
  await call('remove_user', { path: { id: user.id }, headers: asSeen(user) });
  toast(words.removed);
}

/** @param {string} id */
export async function showUser(id) {
  const user = await call('show_user', { path: { id } });
  await ask((close) => html`<h2>${user.name}</h2>${facts([
    [words.id, digest(user.id, { what: words.id })], [words.scope, words.scopes[/** @type {Scope} */ (user.scope)] ?? user.scope], [shared.prefixes, user.prefixes.join(', ') || shared.everywhere],
    [words.created, format.date(user.created_at)], [words.userColumns[3], ago(user.last_sign_in_at)], [words.version, format.count(user.version)],
  ])}<footer><button type="button" @click=${() => close()}>${common.close}</button></footer>`, { label: user.name });
}

/** Makes a token and shows it once. */
export async function makeToken() {
  const spans = [['', shared.never], ...SPANS].map(([value, label]) => /** @type {const} */ ([value ?? '', label ?? '']));
  const made = await formDialog({
    title: words.addToken, action: words.makeToken, operation: 'create_token',
    fields: () => html`${field(words.name,
      html`<input name="name" required maxlength="64" autocomplete="off" spellcheck="false">`)} ${scopeField()} ${prefixesField()} ${field(shared.expires, choice('span', spans))}`,
    submit: (form) => {
      const span = Number(form.get('span'));
      const expires = span ? new Date(Date.now() + span * 1000).toISOString() : null;
      return call('create_token', { body: { name: text(form, 'name'), scope: scopeOf(form), prefixes: list(form, 'prefixes'), expires_at: expires } });
    },
  });
  if (made) await showOnce({ title: words.tokenMade, secret: made.token, what: words.tokenMade, more: html`<p class="hint">${words.tokenHow}</p>` });
  return made;
}

/** @param {Token} token */
export async function revokeToken(token) {
  const { name } = token;
  if (!(await confirm({ title: `${words.revoke}: ${name}`, body: name === ADMIN_TOKEN ? words.revokeOwnBody(name)
    : words.revokeBody(name), action: words.revoke, danger: true, operation: 'revoke_token' }))) return;
  await call('revoke_token', { path: { id: token.id }, headers: asSeen(token) });
  toast(words.revoked);
}

/** Makes a link with which the first admin user is made, and shows it once. */
export async function makeSetUpLink() {
  const made = await call('create_set_up_link');
  await showOnce({ title: words.link, secret: new URL(made.link, location.href).href, what: words.link, more: html`<p class="hint">${words.linkBody}</p>` });
}

/** Another password for who is signed in. */
export async function changePassword() {
  const done = await formDialog({
    title: words.password, action: common.save, operation: 'change_password',
    fields: () => html`${field(words.present, html`<input name="present" type="password" required autocomplete="current-password">`)}
      ${field(words.newPassword, html`<input name="new" type="password" required minlength="10" autocomplete="new-password">`, words.passwordHint)}`,
    submit: (form) => call('change_password', { body: { present: String(form.get('present')), new: String(form.get('new')) } }),
  });
  if (done !== null) toast(words.changed);
}
