/** Files dropped anywhere on the page. While they are dragged a sign says so; then a dialog asks what they become. */

import { html, nothing } from '../vendor/lit.js';
import { session } from '../lib/session.js';
import { text } from '../lib/strings.js';
import { toast } from '../lib/toast.js';
import { OdsElement } from './base.js';
import { icon } from './icon.js';
import { offerUpload } from './upload-button.js';

class OdsDrop extends OdsElement {
  #over = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  constructor() {
    super();
    this.listen(document, 'dragover', (event) => this.#drag(event));
    this.listen(document, 'drop', (event) => this.#drop(event));
  }

  /** @param {DragEvent} event */
  #drag(event) {
    if (!event.dataTransfer?.types.includes('Files') || !session.identity) return;
    event.preventDefault();
    const may = session.refusal('begin_upload') === null;
    event.dataTransfer.dropEffect = may ? 'copy' : 'none';
    this.#be(true);
    // No "dragleave" tells reliably that the files left the window; silence does.
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#be(false), 250);
  }

  /** @param {DragEvent} event */
  async #drop(event) {
    if (!event.dataTransfer?.types.includes('Files') || !session.identity) return;
    event.preventDefault();
    this.#be(false);
    const refusal = session.refusal('begin_upload');
    if (refusal) return toast(refusal, { kind: 'bad' });
    // They are gone after the first await, so they are taken at once.
    const { items, files } = event.dataTransfer;
    return offerUpload([...items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => !!entry), [...files]);
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
    return html`<div class="drop-veil"><div class="drop-sign">${icon(refusal ? 'ban' : 'upload', 'big')}<strong>${refusal ? text.upload.cannot : text.upload.drop}</strong></div></div>`;
  }
}

customElements.define('ods-drop', OdsDrop);
document.body.append(document.createElement('ods-drop'));
