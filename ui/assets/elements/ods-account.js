/** Who is signed in, what they may do, and signing out. */

import { html } from '../vendor/lit.js';
import { session } from '../lib/session.js';
import { text } from '../lib/strings.js';
import { toastProblem } from '../lib/toast.js';
import { OdsElement } from './base.js';
import { openCurl } from './curl.js';
import { icon } from './icon.js';
import { menu } from './ods-menu.js';

class OdsAccount extends OdsElement {
  constructor() {
    super();
    this.listen(session, 'change');
  }

  /** @override */
  render() {
    const who = session.identity;
    if (!who) return '';
    const leave = () => session.signOut().catch(toastProblem);
    return menu({ label: text.account.label(who.name), icon: 'user' }, html`
      <p class="menu-head" data-operation="show_session"><strong>${who.name}</strong><br>${text.account.is(who.kind, who.scope)}</p>
      <button role="menuitem" @click=${openCurl}>${icon('terminal')}${text.curl.title}</button>
      <button role="menuitem" data-operation="sign_out" @click=${leave}>${icon('log-out')}${text.account.signOut}</button>`);
  }
}

customElements.define('ods-account', OdsAccount);
