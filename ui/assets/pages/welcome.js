/** After the first admin was made: naming the node, then joining a mesh or starting one. Its step is in the address. */

import { html, nothing } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import { asSeen } from '../lib/edits.js';
import { inviteIn } from '../lib/invite.js';
import { node } from '../lib/node.js';
import { asProblem } from '../lib/problem.js';
import { ROOT, router } from '../lib/router.js';
import { firstRun as words } from '../lib/strings/first-run.js';
import { toast } from '../lib/toast.js';
import { actionButton } from '../elements/action.js';
import { OdsElement } from '../elements/base.js';
import { icon, logo } from '../elements/icon.js';
import { problemBox, shown } from '../elements/parts.js';

class PageWelcome extends OdsElement {
  node = this.use(node);
  /** @type {import('../lib/problem.js').Problem | null} */
  #problem = null;
  #joining = false;
  /** Where each step begins; the last that got the focus. @type {HTMLElement | null} */
  #begin = null;

  constructor() {
    super();
    this.listen(router, 'change');
  }

  /** Whoever does a step by keyboard begins the next one there. @override */
  updated() {
    const begin = /** @type {HTMLElement | null} */ (this.querySelector('input, a.choice'));
    if (begin !== this.#begin) begin?.focus();
    this.#begin = begin;
  }

  /** @override */
  render() {
    const mesh = router.place.query.get('step') === 'mesh';
    return html`<div class="sign-in welcome">${logo()}${mesh ? this.#mesh() : this.#name()}</div>`;
  }

  #name() {
    return html`<p class="hint">${words.step(2)}</p><h1>${words.nodeTitle}</h1><p>${words.nodeBody}</p>
      ${shown(this.node, (facts) => html`<form class="stack" @submit=${this.#rename}>
        <label class="field"><span>${words.nodeName}</span><input name="name" required maxlength="64" autocomplete="off" spellcheck="false" value=${facts.name}></label>
        ${this.#problem ? problemBox(this.#problem) : nothing}
        ${actionButton({ operation: 'edit_node', label: words.next, kind: 'primary wide' })}
      </form>`)}`;
  }

  #mesh() {
    return html`<p class="hint">${words.step(3)}</p><h1>${words.meshTitle}</h1><p>${words.meshBody}</p>
      <a class="choice" href=${ROOT}>${icon('zap')}<span><strong>${words.start}</strong><small>${words.startBody}</small></span></a>
      <form class="choice stack" @submit=${this.#join}>
        <div class="choice-head">${icon('network')}<span><strong>${words.join}</strong><small>${words.joinBody}</small></span></div>
        <label class="field"><span>${words.invite}</span><textarea name="invite" rows="3" required spellcheck="false" autocomplete="off"></textarea></label>
        ${this.#problem ? problemBox(this.#problem) : nothing}
        ${actionButton({ operation: 'join_peer', label: this.#joining ? words.joining : words.joinButton, icon: 'plug' })}
      </form>`;
  }

  /** @param {SubmitEvent} event */
  #rename(event) {
    return this.#try(event, async (form) => {
      await call('edit_node', { headers: asSeen(node.value ?? {}), body: { name: String(form.get('name')).trim() } });
      await node.refresh();
      router.setQuery({ step: 'mesh' }, { replace: false });
    });
  }

  /** @param {SubmitEvent} event */
  #join(event) {
    return this.#try(event, async (form) => {
      const peer = await call('join_peer', { body: { invite: inviteIn(String(form.get('invite'))) } });
      toast(words.joined(peer.name));
      router.go(ROOT);
    });
  }

  /**
   * @param {SubmitEvent} event
   * @param {(form: FormData) => Promise<void>} act
   */
  async #try(event, act) {
    event.preventDefault();
    if (this.#joining) return;
    this.#joining = true;
    this.#problem = null;
    this.requestUpdate();
    await act(new FormData(/** @type {HTMLFormElement} */ (event.currentTarget))).catch((error) => (this.#problem = asProblem(error)));
    this.#joining = false;
    this.requestUpdate();
  }
}

customElements.define('page-welcome', PageWelcome);
