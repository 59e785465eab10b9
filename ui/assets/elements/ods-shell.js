/**
 * The frame that stays while pages change: navigation, search, live pill, theme, who is signed in; uploads, dialogs and messages.
 * What it shows in the middle: the first run if the address has a set-up link, the sign-in if nobody is signed in, else the page.
 */

import { html, nothing, keyed } from '../vendor/lit.js';
import { live } from '../lib/live.js';
import { asProblem } from '../lib/problem.js';
import { node } from '../lib/node.js';
import { router } from '../lib/router.js';
import { session } from '../lib/session.js';
import { text } from '../lib/strings.js';
import { OdsElement } from './base.js';
import { openCurl } from './curl.js';
import { icon } from './icon.js';
import { problemBox } from './parts.js';
import { pageElement } from './page-element.js';
import './ods-account.js';
import './ods-banner.js';
import './ods-dialogs.js';
import './ods-live-pill.js';
import './ods-nav.js';
import './ods-search.js';
import './ods-session-gate.js';
import './ods-sign-in.js';
import './ods-theme.js';
import './ods-toasts.js';

const SET_UP = '#setup=';

class OdsShell extends OdsElement {
  /** @type {'starting' | 'ready' | 'failed'} */
  #state = 'starting';
  /** @type {import('../lib/problem.js').Problem | null} */
  #problem = null;
  #setUp = '';

  constructor() {
    super();
    this.listen(router, 'change', () => this.#placed());
    this.listen(window, 'hashchange', () => this.#takeSetUp());
    this.listen(session, 'change', () => this.#signed());
    this.listen(window, 'ods-page-loaded');
    this.listen(node, 'change');
    this.#takeSetUp();
    void this.#start();
  }

  async #start() {
    this.#state = 'starting';
    try {
      await session.load();
      this.#state = 'ready';
    } catch (error) {
      this.#problem = asProblem(error);
      this.#state = 'failed';
    }
    this.requestUpdate();
  }

  /** The secret leaves the address at once, so that it is in no history and no screenshot. */
  #takeSetUp() {
    if (!location.hash.startsWith(SET_UP)) return;
    this.#setUp = decodeURIComponent(location.hash.slice(SET_UP.length));
    void import('./ods-first-admin.js');
    history.replaceState(null, '', location.pathname + location.search);
    this.requestUpdate();
  }

  #signed() {
    if (session.identity) live.start();
    if (session.identity) this.#setUp = '';
    this.requestUpdate();
  }

  #placed() {
    this.requestUpdate();
    this.querySelector('main')?.scrollTo(0, 0);
  }

  /** @override */
  render() {
    return html`${this.#middle()}<ods-session-gate></ods-session-gate><ods-dialogs></ods-dialogs><ods-toasts></ods-toasts>`;
  }

  #middle() {
    if (this.#state === 'starting') return nothing;
    if (this.#state === 'failed' && this.#problem) {
      return html`<main class="alone">${problemBox(this.#problem, () => void this.#start())}</main>`;
    }
    if (this.#setUp) return html`<main class="alone"><ods-first-admin .secret=${this.#setUp}></ods-first-admin></main>`;
    if (!session.identity) return html`<main class="alone"><ods-sign-in></ods-sign-in></main>`;
    return this.#frame();
  }

  #frame() {
    const { route, path } = router.place;
    document.title = [route?.title ?? text.nav.nowhere, node.value?.name, 'ODS'].filter(Boolean).join(' · ');
    if (route?.bare) return html`<main class="alone">${pageElement(route)}</main>`;
    return html`<a class="skip" href="#content">${text.nav.skip}</a>
      <ods-nav></ods-nav>
      <header class="top"><ods-search></ods-search><ods-live-pill></ods-live-pill><button class="icon-only quiet curl" title=${text.curl.title} aria-label=${text.curl.title} @click=${openCurl}>${icon('terminal')}</button><ods-theme></ods-theme><ods-account></ods-account></header>
      <main id="content"><ods-banner></ods-banner>${keyed(route?.tag ?? path, pageElement(route))}</main>
      <ods-tray></ods-tray>`;
  }
}

customElements.define('ods-shell', OdsShell);
