/** What became of an invite while it is shown: still open, or used and by whom. And what it can't do: lead anybody to a loopback address. */

import { html, nothing } from '../vendor/lit.js';
import { mesh } from '../lib/node.js';
import { nodeName } from '../lib/names.js';
import { resource } from '../lib/resource.js';
import { mesh as words } from '../lib/strings/mesh.js';
import { OdsElement } from './base.js';
import { icon } from './icon.js';

const invites = resource('list_invites', { query: { limit: 1000 } }, { everyMs: 3000, on: ['peer.*', 'node.*', 'invite.*'] });
/** Addresses that no other machine reaches. */
const LOOPBACK = /^https?:\/\/(127\.|localhost|\[::1\])/;

class OdsInviteState extends OdsElement {
  /** @override */
  static properties = { invite: {} };

  mesh = this.use(mesh);
  invites = this.use(invites);

  constructor() {
    super();
    /** The invite's id. */
    this.invite = '';
  }

  /** @override */
  render() {
    const found = this.invites.value?.items.find((one) => one.id === this.invite);
    if (found?.redeemed_by) return html`<div class="notice good" role="status">${icon('circle-check')}<span>${words.inviteUsed(nodeName(found.redeemed_by))}</span></div>`;
    const urls = this.mesh.value?.items.find((node) => node.this)?.urls ?? [];
    const lost = urls.length > 0 && urls.every((url) => LOOPBACK.test(url));
    return html`${urls.length ? html`<p class="hint">${words.inviteUrls} ${urls.map((url) => html`<code>${url}</code> `)}</p>` : nothing}
      ${lost ? html`<div class="notice warn">${icon('triangle-alert')}<span>${words.inviteLoopback} <a href="/ui/settings">${words.inviteUrlsEdit}</a></span></div>` : nothing}`;
  }
}

customElements.define('ods-invite-state', OdsInviteState);
