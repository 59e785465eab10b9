/**
 * What every element of the page is made of: light DOM (one stylesheet, plain selectors), things to use while it is on the page.
 *
 *     class PageTransfers extends OdsElement {
 *       transfers = this.use(transfers);                       // a Resource: read, kept fresh, rendered again on change
 *       render() { return shown(this.transfers, (page) => html`…${page.items.map(row)}…`); }
 *     }
 *     customElements.define('page-transfers', PageTransfers);
 */

import { LitElement } from '../vendor/lit.js';

export class OdsElement extends LitElement {
  /** @type {(() => (() => void) | void)[]} what to begin when it comes on the page; each returns what ends it */
  #whileShown = [];
  /** @type {((() => void) | void)[]} */
  #ends = [];

  /** @override */
  createRenderRoot() {
    return this;
  }

  /** @override */
  connectedCallback() {
    super.connectedCallback();
    this.#ends = this.#whileShown.map((begin) => begin());
  }

  /** @override */
  disconnectedCallback() {
    super.disconnectedCallback();
    for (const end of this.#ends.splice(0)) end?.();
  }

  /**
   * Does something while the element is on the page.
   *
   * @param {() => (() => void) | void} begin returns what ends it
   */
  whileShown(begin) {
    this.#whileShown.push(begin);
    if (this.isConnected) this.#ends.push(begin());
  }

  /**
   * Listens to anything while the element is on the page.
   *
   * @param {EventTarget} target
   * @param {string} type
   * @param {(event: any) => void} [listener] renders again unless given
   */
  listen(target, type, listener = () => this.requestUpdate()) {
    this.whileShown(() => {
      target.addEventListener(type, listener);
      return () => target.removeEventListener(type, listener);
    });
  }

  /**
   * Uses a resource: held while the element is on the page, rendered again when it was read.
   *
   * @template T
   * @param {import('../lib/resource.js').Resource<T>} used
   * @param {(value: T | undefined) => unknown} [part] what of it is shown: rendered again only when that is another
   */
  use(used, part) {
    let before = '';
    this.listen(used, 'change', () => {
      const now = part ? JSON.stringify(part(used.value)) : '';
      if (!part || now !== before) this.requestUpdate();
      before = now;
    });
    this.whileShown(() => used.hold());
    return used;
  }

  /**
   * Renders again every so often: for "5 s ago".
   *
   * @param {number} ms
   */
  tick(ms) {
    this.whileShown(() => {
      const timer = setInterval(() => this.requestUpdate(), ms);
      return () => clearInterval(timer);
    });
  }
}
