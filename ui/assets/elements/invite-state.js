/** An invite while it is shown: its line, or once that is good for nothing any more, who used it. And what it can't do: lead anybody to a loopback address. */

import { html, nothing } from '../vendor/lit.js';
import { mesh, nodeName } from '../lib/node.js';
import { resource } from '../lib/resource.js';
import { mesh as words } from '../lib/strings/mesh.js';
import { OdsElement } from './base.js';
import { icon } from './icon.js';

const invites = resource('list_invites', { query: { limit: 1000 } }, { everyMs: 3000, on: ['peer.*', 'node.*', 'invite.*'] });
/** Addresses that no other machine reaches. */
const LOOPBACK = /^https?:\/\/(127\.|localhost|\[::1\])/;

class OdsInviteState extends OdsElement {
  /** @override */
  static properties = { invite: {}, line: { attribute: false }, more: { attribute: false } };

  mesh = this.use(mesh);
  invites = this.use(invites);

  constructor() {
    super();
    /** The invite's id. */
    this.invite = '';
    /** Its line, and what comes behind the addresses. @type {unknown} */
    this.line = nothing;
    /** @type {unknown} */
    this.more = nothing;
  }

  /** @override */
  render() {
    const found = this.invites.value?.items.find((one) => one.id === this.invite);
    if (found?.redeemed_by) return html`<div class="notice good" role="status">${icon('circle-check')}<span>${words.inviteUsed(nodeName(found.redeemed_by))}</span></div>`;
    const urls = this.mesh.value?.items.find((node) => node.this)?.urls ?? [];
    const lost = urls.length > 0 && urls.every((url) => LOOPBACK.test(url));
    return html`${this.line}${urls.length ? html`<p class="hint">${words.inviteUrls} ${urls.map((url) => html`<code>${url}</code> `)}</p>` : nothing}
      ${lost ? html`<div class="notice warn">${icon('triangle-alert')}<span>${words.inviteLoopback} <a href="/ui/settings?edit=node">${words.inviteUrlsEdit}</a></span></div>` : nothing}${this.more}`;
  }
}

customElements.define('ods-invite-state', OdsInviteState);
