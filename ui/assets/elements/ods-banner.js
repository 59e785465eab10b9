/** What concerns every page: that the node can't be reached, and of when what is seen is; that it was expelled from its mesh. */

import { html, nothing } from '../vendor/lit.js';
import * as format from '../lib/format.js';
import { live } from '../lib/live.js';
import { mesh, node } from '../lib/node.js';
import { text } from '../lib/strings.js';
import { OdsElement } from './base.js';
import { icon } from './icon.js';

class OdsBanner extends OdsElement {
  node = this.use(node);
  mesh = this.use(mesh);

  constructor() {
    super();
    this.listen(live, 'state');
  }

  /** @override */
  render() {
    return html`${this.#lost()}${this.#expelled()}`;
  }

  #lost() {
    if (live.state !== 'lost') return nothing;
    return html`<div class="notice bad banner" role="alert">${icon('unplug')}<span><strong>${text.problem.unreachable}</strong><br>${text.live.asOf(format.date(live.since))}</span><button class="small" @click=${() => live.retry()}>${text.again}</button></div>`;
  }

  #expelled() {
    const nodes = this.mesh.value?.items ?? [];
    // A node that is no member any more isn't among those of its mesh.
    if (nodes.length === 0 || !this.node.value || nodes.some((one) => one.this)) return nothing;
    return html`<div class="notice bad banner" role="alert">${icon('ban')}<span><strong>${text.expelled.title}</strong><br>${text.expelled.body}</span></div>`;
  }
}

customElements.define('ods-banner', OdsBanner);
