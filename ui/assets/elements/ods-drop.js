/** The sign above the page while files are dragged over it (`drop.js` takes them). */

import { html, nothing } from '../vendor/lit.js';
import { session } from '../lib/session.js';
import { text } from '../lib/strings.js';
import { dropHere } from '../lib/strings/dialogs.js';
import { OdsElement } from './base.js';
import { icon } from './icon.js';

class OdsDrop extends OdsElement {
  #over = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  constructor() {
    super();
    this.listen(document, 'dragover', (event) => this.#drag(event));
    this.listen(document, 'drop', () => this.#be(false));
  }

  /** @param {DragEvent} event */
  #drag(event) {
    if (!event.dataTransfer?.types.includes('Files') || !session.identity) return;
    this.#be(true);
    // No "dragleave" tells reliably that the files left the window; silence does.
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#be(false), 250);
  }

  /** @param {boolean} over */
  #be(over) {
    if (over === this.#over) return;
    this.#over = over;
    this.requestUpdate();
  }

  /** @override */
  render() {
    if (!this.#over) return nothing;
    const refusal = session.refusal('begin_upload');
    return html`<div class="drop-veil"><div class="drop-sign">${icon(refusal ? 'ban' : 'upload', 'big')}<strong>${refusal ? text.upload.cannot : dropHere}</strong></div></div>`;
  }
}

customElements.define('ods-drop', OdsDrop);
document.body.append(document.createElement('ods-drop'));
