/** Who may do what on this node: people, tokens, who is signed in, and what was done. The section is in the address. */

import { html, nothing } from '../vendor/lit.js';
import { agentName } from '../lib/agent.js';
import { call } from '../lib/api.js';
import { asSeen } from '../lib/edits.js';
import * as format from '../lib/format.js';
import { resource } from '../lib/resource.js';
import { ROOT, router } from '../lib/router.js';
import { session } from '../lib/session.js';
import { signOut } from '../lib/sign-out.js';
import { people as words } from '../lib/strings/people.js';
import { shared, titles } from '../lib/strings/shared.js';
import { toast } from '../lib/toast.js';
import { actionButton } from '../elements/action.js';
import { OdsElement } from '../elements/base.js';
import { dataRow, dataTable } from '../elements/data-table.js';
import { ago } from '../elements/facts.js';
import { menuItem } from '../elements/menu-item.js';
import '../elements/ods-audit.js';
import { menu } from '../elements/ods-menu.js';
import { badge, card, emptyState, pageHead, shown } from '../elements/parts.js';
import { addUser, changePassword, editUser, makeSetUpLink, makeToken, removeUser, revokeToken, showUser } from '../elements/people-dialogs.js';

/** @typedef {import('../lib/types.js').Schemas} Schemas */
/** @typedef {'users' | 'tokens' | 'sessions' | 'audit'} Section */

const ALL = { query: { limit: 1000 } };
const users = resource('list_users', ALL, { everyMs: 20_000, on: ['user.*', 'sign_in.*'] });
const tokens = resource('list_tokens', ALL, { everyMs: 20_000, on: ['token.*'] });
const sessions = resource('list_sessions', ALL, { everyMs: 20_000, on: ['sign_in.*', 'user.*'] });
const SECTIONS = /** @type {const} */ (['users', 'tokens', 'sessions', 'audit']);
const NEEDS = /** @type {const} */ ({ users: 'list_users', tokens: 'list_tokens', sessions: 'list_sessions', audit: 'list_audit' });

class PagePeople extends OdsElement {
  users = session.refusal('list_users') ? null : this.use(users);
  tokens = session.refusal('list_tokens') ? null : this.use(tokens);
  sessions = this.use(sessions);

  constructor() {
    super();
    this.listen(router, 'change');
  }

  /** @override */
  render() {
    const asked = /** @type {Section} */ (router.place.query.get('section') ?? 'users');
    const section = SECTIONS.includes(asked) && !session.refusal(NEEDS[asked]) ? asked : session.refusal('list_users') ? 'sessions' : 'users';
    return html`${pageHead({ title: titles.people, actions: this.#actions() })}
      <div class="tabs" role="navigation" aria-label=${words.tabs}>${SECTIONS.map((name) => this.#tab(name, section))}</div>
      ${section === 'users' ? this.#users() : section === 'tokens' ? this.#tokens() : section === 'sessions' ? this.#sessions() : html`<ods-audit></ods-audit>`}`;
  }

  /** @param {Section} name @param {Section} shown_ */
  #tab(name, shown_) {
    const why = session.refusal(NEEDS[name]);
    if (why) return html`<span class="tab" aria-disabled="true" title=${why}>${words[name]}</span>`;
    return html`<a class="tab" href=${`${ROOT}people?section=${name}`} aria-current=${name === shown_ ? 'page' : nothing}>${words[name]}</a>`;
  }

  /** Whether somebody can administer: then no set-up link is made any more. */
  get #hasAdmin() {
    return this.users?.value?.items.some((user) => user.scope === 'admin' && !user.disabled) ?? true;
  }

  #actions() {
    const user = session.identity?.kind === 'user';
    return html`${user ? actionButton({ operation: 'change_password', label: words.password, icon: 'lock', run: changePassword }) : nothing}
      ${this.#hasAdmin ? nothing : actionButton({ operation: 'create_set_up_link', label: words.link, icon: 'link', refusal: null, run: makeSetUpLink })}
      ${actionButton({ operation: 'create_token', label: words.addToken, icon: 'key-round', run: async () => void (await makeToken(), await tokens.refresh()) })}
      ${actionButton({ operation: 'create_user', label: words.addUser, icon: 'user-plus', kind: 'primary',
        run: async () => void ((await addUser()) && toast(words.userAdded), await users.refresh()) })}`;
  }

  #users() {
    if (!this.users) return nothing;
    return card({ title: words.users }, html`<div data-operation="list_users">${shown(this.users, ({ items }) => (items.length === 0
      ? emptyState({ icon: 'users', title: words.noUsers }) : dataTable(USERS, items.map((user) => userRow(user)))))}</div>`);
  }

  #tokens() {
    if (!this.tokens) return nothing;
    return card({ title: words.tokens }, html`<div data-operation="list_tokens">${shown(this.tokens, ({ items }) => dataTable(TOKENS, items.map((token) => tokenRow(token))))}</div>`);
  }

  #sessions() {
    return card({ title: words.sessions }, html`<div data-operation="list_sessions">${shown(this.sessions, ({ items }) => dataTable(SESSIONS, items.map((one) => sessionRow(one))))}</div>`);
  }
}

customElements.define('page-people', PagePeople);

const USERS = { label: words.users, columns: words.userColumns, actions: true };
const TOKENS = { label: words.tokens, columns: words.tokenColumns, actions: true };
const SESSIONS = { label: words.sessions, columns: words.sessionColumns, kinds: { 3: 'wide-cell' }, actions: true };

/** @param {string} scope */
const may = (scope) => words.scopeShort[/** @type {'read'} */ (scope)] ?? scope;

/** @param {Schemas['User']} user */
function userRow(user) {
  const { id, name, scope, prefixes, disabled, last_sign_in_at: last } = user;
  const you = session.identity?.kind === 'user' && session.identity.id === id;
  const then = (/** @type {Promise<any>} */ done) => done.then(() => users.refresh());
  const cells = [
    html`<strong>${name}</strong> ${you ? html`<span class="tag">${words.you}</span>` : nothing}`, may(scope), prefixes.join(', ') || shared.everywhere, ago(last),
    badge(disabled ? 'bad' : 'good', disabled ? words.disabled : words.enabled),
  ];
  return dataRow(USERS, cells, { end: menu({ label: `${shared.actions}: ${name}`, icon: 'ellipsis' }, html`
      ${menuItem({ operation: 'show_user', label: words.details, icon: 'info', run: () => showUser(id) })}
      ${menuItem({ operation: 'edit_user', label: words.editUser, icon: 'pencil', run: () => then(editUser(id)) })}
      ${menuItem({ operation: 'edit_user', label: disabled ? words.enable : words.disable, icon: disabled ? 'play'
        : 'ban', run: () => then(call('edit_user', { path: { id }, headers: asSeen(user), body: { disabled: !disabled } })) })}
      ${menuItem({ operation: 'remove_user', label: words.removeUser, icon: 'trash-2', kind: 'danger', run: () => then(removeUser(user)) })}`) });
}

/** @param {Schemas['Token']} token */
function tokenRow(token) {
  const { name, scope, prefixes, created_at: made, expires_at: until, last_used_at: used } = token;
  const over = until !== null && new Date(until).getTime() < Date.now();
  const end = until ? `${format.dateShort(until)}${over ? ` (${words.expired})` : ''}` : words.noExpiry;
  const cells = [
    html`<strong>${name}</strong><br><small><code>${token.id}</code></small>`, may(scope), prefixes.join(', ') || shared.everywhere, format.dateShort(made),
    html`<span class=${over ? 'bad-text' : ''}>${end}</span>`, ago(used),
  ];
  const revoke = async () => void (await revokeToken(token), await tokens.refresh());
  return dataRow(TOKENS, cells, { end: actionButton({ operation: 'revoke_token', label: words.revoke, icon: 'trash-2', kind: 'small quiet', run: revoke }) });
}

/** @param {Schemas['Session']} one */
function sessionRow(one) {
  const end = async () => {
    if (one.current) return signOut();
    await call('end_session', { path: { id: one.id } });
    toast(words.ended);
    return sessions.refresh();
  };
  const cells = [
    html`<strong>${one.name}</strong> ${one.current ? html`<span class="tag">${words.current}</span>` : nothing}`,
      may(one.scope), one.from, html`<small title=${one.agent}>${agentName(one.agent)}</small>`,
    ago(one.started_at), ago(one.last_used_at), format.dateShort(one.expires_at),
  ];
  return dataRow(SESSIONS, cells, { end: actionButton({ operation: 'end_session', label: words.end, icon: 'log-out', kind: 'small quiet', run: end }) });
}
