/** What concerns every page: that the node can't be reached, and of when what is seen is; that it was updated; that it was expelled. */

import { html, nothing } from '../vendor/lit.js';
import * as format from '../lib/format.js';
import { live } from '../lib/live.js';
import { isExpelled, mesh, node } from '../lib/node.js';
import { text } from '../lib/strings.js';
import { isUpdated } from '../lib/update.js';
import { OdsElement } from './base.js';
import { alert, smallButton, updatedNotice } from './parts.js';

class OdsBanner extends OdsElement {
  #away = false;
  #updated = false;

  constructor() {
    super();
    this.use(node);
    this.use(mesh);
    this.listen(live, 'state', () => this.#connected());
  }

  /** A node that was away may be another version when it is back. */
  async #connected() {
    this.requestUpdate();
    if (live.state !== 'live') this.#away = true;
    else if (this.#away && !this.#updated) this.#updated = await isUpdated();
    this.requestUpdate();
  }

  /** @override */
  render() {
    return html`${this.#updated ? updatedNotice() : nothing}${this.#lost()}${this.#expelled()}`;
  }

  #lost() {
    if (live.state !== 'lost') return nothing;
    const words = html`<strong>${text.problem.unreachable}</strong><br>${text.live.asOf(format.date(live.since))}`;
    return alert('bad banner', 'unplug', words, smallButton(text.again, () => live.retry()));
  }

  #expelled() {
    if (!isExpelled()) return nothing;
    return alert('bad banner', 'circle-alert', html`<strong>${text.expelled.title}</strong><br>${text.expelled.body}`);
  }
}

customElements.define('ods-banner', OdsBanner);
