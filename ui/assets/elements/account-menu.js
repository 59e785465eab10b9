/** The menu of who is signed in (`ods-account`), loaded when somebody opens it. */

import { html } from '../vendor/lit.js';
import { signOut } from '../lib/sign-out.js';
import { text } from '../lib/strings.js';
import { account as words } from '../lib/strings/account.js';
import { toastProblem } from '../lib/toast.js';
import { openCurl } from './curl-button.js';
import { icon } from './icon.js';
import { menu } from './ods-menu.js';

/** @param {import('../lib/types.js').Identity} who */
export function accountMenu({ name, kind, scope }) {
  const leave = () => signOut().catch(toastProblem);
  return menu({ label: text.account.label(name), icon: 'user' }, html`
    <p class="menu-head" data-operation="show_session"><strong>${name}</strong><br>${words.is(kind, scope)}</p>
    <button role="menuitem" @click=${openCurl}>${icon('terminal')}${text.curl}</button>
    <button role="menuitem" data-operation="sign_out" @click=${leave}>${icon('log-out')}${words.signOut}</button>`);
}
