/** The uploads that go on, in a corner, on every page but their own. */

import { html, nothing } from '../vendor/lit.js';
import { repeat } from '../vendor/directives.js';
import { router } from '../lib/router.js';
import { text } from '../lib/strings.js';
import { uploads as words } from '../lib/strings/uploads.js';
import { queue } from '../lib/uploads.js';
import { OdsElement } from './base.js';
import { icon } from './icon.js';
import { uploadRow } from './upload-row.js';

class OdsTray extends OdsElement {
  #closed = queue.going === 0;
  #seen = 0;

  constructor() {
    super();
    this.listen(queue, 'change', () => this.#changed());
    this.listen(router, 'change');
    this.tick(1000);
  }

  /** What is new opens it again; what ended before a reload doesn't. */
  #changed() {
    if (queue.items.length > this.#seen) this.#closed &&= queue.going === 0;
    this.#seen = queue.items.length;
    this.requestUpdate();
  }

  /** @override */
  render() {
    if (this.#closed || queue.items.length === 0 || router.place.path === 'uploads') return nothing;
    const close = () => {
      if (queue.going === 0) queue.clear();
      this.#closed = true;
      this.requestUpdate();
    };
    return html`<aside class="tray" aria-label=${text.nav.uploads}>
      <header><a href="/ui/uploads">${words.tray(queue.tally)}</a>
        <button class="icon-only small quiet" aria-label=${text.close} @click=${close}>${icon('x')}</button></header>
      <ul>${repeat(queue.items.slice(-20).reverse(), (item) => item.key, uploadRow)}</ul>
    </aside>`;
  }
}

customElements.define('ods-tray', OdsTray);
