/** What concerns every page: that this node was expelled from its mesh. */

import { html, nothing } from '../vendor/lit.js';
import { mesh, node } from '../lib/node.js';
import { text } from '../lib/strings.js';
import { OdsElement } from './base.js';
import { icon } from './icon.js';

class OdsBanner extends OdsElement {
  node = this.use(node);
  mesh = this.use(mesh);

  /** @override */
  render() {
    const nodes = this.mesh.value?.items ?? [];
    // A node that is no member any more isn't among those of its mesh.
    if (nodes.length === 0 || !this.node.value || nodes.some((one) => one.this)) return nothing;
    return html`<div class="notice bad banner" role="alert">${icon('ban')}<span><strong>${text.expelled.title}</strong><br>${text.expelled.body}</span></div>`;
  }
}

customElements.define('ods-banner', OdsBanner);
