/** The navigation: a column on wide windows, a bar at the bottom with the first few and "More" on phones. */

import { html, nothing } from '../vendor/lit.js';
import { compact } from '../lib/format.js';
import { mesh, node, transfers } from '../lib/node.js';
import { ROUTES } from '../lib/routes.js';
import { ROOT, router } from '../lib/router.js';
import { text } from '../lib/strings.js';
import { uploading } from '../lib/uploading.js';
import { OdsElement } from './base.js';
import { icon, logo } from './icon.js';

/** @type {NonNullable<import('../lib/routes.js').Route['group']>[]} */
const GROUPS = ['main', 'automation', 'server'];

/** So many fit on a phone's bar; the style sheet hides the others. */
const ON_THE_BAR = 4;

/** @param {import('../lib/routes.js').Route} route */
function isAt({ path: at }) {
  const { path } = router.place;
  return at === '' ? path === '' : path === at || path.startsWith(`${at}/`);
}

/**
 * The numbers beside the links. Each is '' until it is known.
 *
 * @param {number} uploads how many uploads of this page go on
 * @returns {import('../lib/routes.js').Counts}
 */
function counts(uploads) {
  const moving = transfers.value?.items.length ?? 0;
  return {
    packages: node.value ? compact(node.value.packages) : '',
    nodes: mesh.value ? compact(mesh.value.items.length) : '',
    transfers: moving ? compact(moving) : '',
    uploads: uploads ? compact(uploads) : '',
  };
}

class OdsNav extends OdsElement {
  node = this.use(node);
  #open = false;

  constructor() {
    super();
    this.use(mesh);
    this.use(transfers);
    this.listen(uploading, 'change');
    this.listen(router, 'change', () => this.#toggle(false));
    this.listen(document, 'keydown', (event) => event.key === 'Escape' && this.#toggle(false));
  }

  /** @param {boolean} open */
  #toggle(open) {
    this.#open = open;
    this.requestUpdate();
  }

  /** @override */
  render() {
    const facts = this.node.value;
    return html`<nav class=${this.#open ? 'open' : ''} aria-label=${text.nav.label}>
      <a class="brand" data-operation="show_node" href=${ROOT}>
        ${logo()}<span><strong>${text.product}</strong><small title=${facts?.name ?? ''}>${facts ? `${facts.name} · v${facts.version}` : ' '}</small></span>
      </a>
      ${GROUPS.map((group) => this.#group(group))}
      <button class=${`more ${this.#isBehindMore ? 'here' : ''}`} aria-expanded=${this.#open} @click=${() => this.#toggle(!this.#open)}>${icon('menu')}<span>${text.nav.more}</span></button>
    </nav>`;
  }

  /** Whether the page that is shown is among those that a phone's bar has behind "More". */
  get #isBehindMore() {
    return ROUTES.filter((route) => route.group).slice(ON_THE_BAR).some(isAt);
  }

  /** @param {'main' | 'automation' | 'server'} group */
  #group(group) {
    const routes = ROUTES.filter((route) => route.group === group);
    if (routes.length === 0) return nothing;
    return html`<div class=${`group ${group}`}>
      ${group === 'main' ? nothing : html`<h2>${text.nav[group]}</h2>`}
      ${routes.map((route) => this.#link(route))}
    </div>`;
  }

  /** @param {import('../lib/routes.js').Route} route */
  #link(route) {
    const here = isAt(route);
    const number = route.count ? counts(uploading.going)[route.count] : '';
    return html`<a href=${ROOT + route.path} aria-current=${here ? 'page' : nothing}>
      ${icon(route.icon)}<span>${route.title}</span>${number ? html`<small>${number}</small>` : nothing}
    </a>`;
  }
}

customElements.define('ods-nav', OdsNav);
