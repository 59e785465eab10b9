/**
 * The frame that stays while pages change: navigation, search, live pill, theme, who is signed in; uploads, dialogs and messages.
 * What it shows in the middle: the first run if the address has a set-up link, the sign-in if nobody is signed in, else the page.
 */

import { html, nothing } from '../vendor/lit.js';
import { live } from '../lib/live.js';
import { asProblem } from '../lib/problem.js';
import { node } from '../lib/node.js';
import { router } from '../lib/router.js';
import { session } from '../lib/session.js';
import { gate, renewSession } from '../lib/session-gate.js';
import { text } from '../lib/strings.js';
import { eventually, later } from '../lib/update.js';
import { OdsElement } from './base.js';
import { curlButton } from './curl-button.js';
import { problemBox } from './parts.js';
import { pageElement } from './page-element.js';
import './ods-account.js';
import './ods-banner.js';
import './ods-live-pill.js';
import './ods-nav.js';
import './ods-search.js';
import './ods-sign-in.js';
import './ods-theme.js';
import './ods-toasts.js';

class OdsShell extends OdsElement {
  /** The newest start, while it is on its way. @type {Promise<unknown> | null} */
  #starting = null;
  /** Why the last one failed. @type {import('../lib/problem.js').Problem | null} */
  #problem = null;
  #setUp = '';
  #path = router.place.path;
  /** Whether the focus still has to go to a page that was gone to. */
  #arriving = false;

  constructor() {
    super();
    this.listen(router, 'change', () => this.#placed());
    this.listen(window, 'hashchange', () => this.#takeSetUp());
    this.listen(session, 'change', () => this.#signed());
    this.listen(window, 'ods-page-loads');
    this.listen(node, 'change');
    this.listen(live, 'state', () => this.#followed());
    this.listen(gate, 'over', () => this.#askAgain());
    this.#takeSetUp();
    if (!this.#starting) void this.#start();
  }

  /** A set-up link may come while another start waits: what becomes of that is nothing any more. */
  async #start() {
    const run = (this.#starting = Promise.all([session.load(), this.#setUp ? later(() => import('./ods-first-admin.js'), { plain: true }) : null]));
    this.requestUpdate();
    const problem = await run.then(() => null, asProblem);
    if (run !== this.#starting) return;
    this.#starting = null;
    this.#problem = problem;
    this.requestUpdate();
  }

  /** The secret leaves the address, so that it is in no history and no screenshot; a reload of the tab finds it. */
  #takeSetUp() {
    const secret = setUp() ?? history.state?.setUp;
    if (secret == null) return;
    // Who is signed in needs none.
    if (session.identity) return keep(null);
    keep({ setUp: secret });
    this.#setUp = secret;
    void this.#start();
  }

  #signed() {
    if (session.identity) live.start();
    if (session.identity && this.#setUp) keep(null);
    if (session.identity) this.#setUp = '';
    this.requestUpdate();
  }

  /** The stream learns it first that a session is over when nobody presses anything. */
  #followed() {
    this.requestUpdate();
    if (live.state === 'signed-out' && session.identity) void renewSession();
  }

  /** The sign-in above the page is here since something could be lost (`lib/update.js`); before that it comes now. */
  #askAgain() {
    if (customElements.get('ods-session-gate')) return;
    // As long as it isn't here nothing could be typed, so a reload loses nothing.
    eventually(() => import('./ods-session-gate.js')).catch(() => location.reload());
  }

  #placed() {
    const { path } = router.place;
    if (path !== this.#path) this.#arriving = true;
    this.#path = path;
    this.requestUpdate();
    this.querySelector('main')?.scrollTo(0, 0);
  }

  /** @override */
  updated() {
    if (this.#arriving) void this.#arrive();
  }

  /** Whoever follows a link by keyboard, or hears the page, goes on at the head of what it led to. */
  async #arrive() {
    const page = this.querySelector('main')?.lastElementChild;
    if (page instanceof OdsElement) await page.updateComplete;
    const head = page?.querySelector('h1');
    if (!head || !this.#arriving) return;
    this.#arriving = false;
    if (!document.querySelector('dialog[open]') && !page?.contains(document.activeElement)) head.focus({ preventScroll: true });
  }

  /** @override */
  render() {
    return html`${this.#middle()}<ods-session-gate></ods-session-gate><ods-dialogs></ods-dialogs><ods-toasts></ods-toasts>`;
  }

  #middle() {
    const busy = !!this.#starting;
    if (this.#problem && !session.identity) return html`<main class="alone">${problemBox(this.#problem, () => this.#starting || void this.#start(), busy)}</main>`;
    if (busy) return nothing;
    if (this.#setUp) return html`<main class="alone"><ods-first-admin .secret=${this.#setUp}></ods-first-admin></main>`;
    if (!session.identity) return html`<main class="alone"><ods-sign-in></ods-sign-in></main>`;
    return this.#frame();
  }

  /** Goes past the navigation; the address stays that of the page. @param {MouseEvent} event */
  #skip(event) {
    event.preventDefault();
    this.querySelector('main')?.focus();
  }

  #frame() {
    const { route } = router.place;
    document.title = [route?.title ?? text.nav.nowhere, node.value?.name, 'ODS'].filter(Boolean).join(' · ');
    if (route?.bare) return html`<main class="alone">${pageElement(route)}</main>`;
    return html`<a class="skip" href="#content" @click=${this.#skip}>${text.nav.skip}</a>
      <ods-nav></ods-nav>
      <header class="top"><ods-search></ods-search><ods-live-pill></ods-live-pill>${curlButton()}<ods-theme></ods-theme><ods-account></ods-account></header>
      <main id="content" tabindex="-1"><ods-banner></ods-banner>${pageElement(route)}</main>
      <ods-tray></ods-tray>`;
  }
}

/** The secret of a set-up link; of one that was cut what is there, and the form says that it isn't valid. */
const setUp = () => new URLSearchParams(location.hash.slice(1)).get('setup');

/** Keeps that with the entry of the tab's history, the address of which has no fragment. @param {{ setUp: string } | null} state */
const keep = (state) => history.replaceState(state, '', location.pathname + location.search);

customElements.define('ods-shell', OdsShell);
