/** What the search finds: packages by asking the node, nodes and pages at once; and the list of it. */

import { html, nothing } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import * as format from '../lib/format.js';
import { mesh } from '../lib/node.js';
import { ROUTES } from '../lib/routes.js';
import { ROOT, packageUrl } from '../lib/router.js';
import { text } from '../lib/strings.js';
import { search as words } from '../lib/strings/search.js';
import { icon } from './icon.js';
import { kindIcon } from './kind-icon.js';

/** @typedef {{ href: string, title: string, note: string, icon: unknown }} Hit */
/** @typedef {{ name: string, hits: Hit[] }} Group */

const SHOWN = 8;

/**
 * @param {{ groups: readonly Group[], at: number, searching: boolean, problem: import('../lib/problem.js').Problem | null,
 *   asked: string, left: () => void }} shown at: which is chosen; left: one was followed
 */
export function hitList({ groups, at, searching, problem, asked, left }) {
  let index = 0;
  // A list without anything in it is none; that nothing was found, or not yet, is said.
  return html`<div id="search-hits" class="hits" role=${groups.length ? 'listbox' : 'status'} aria-label=${text.search.label}>
    ${groups.map((group) => html`<div role="group" aria-label=${group.name}><p class="hits-head" aria-hidden="true">${group.name}</p>
      ${group.hits.map((hit) => row(hit, index++, at, left))}</div>`)}
    ${problem ? html`<p class="quiet" role="alert">${problem.message}</p>` : groups.length ? nothing : html`<p class="quiet">${searching ? text.loading : words.nothing(asked)}</p>`}
  </div>`;
}

/** @param {Hit} hit @param {number} index @param {number} at @param {() => void} left */
const row = (hit, index, at, left) => html`<a id=${`hit-${index}`} role="option" tabindex="-1" href=${hit.href} aria-selected=${index === at} @click=${left}>
  ${hit.icon}<span>${hit.title}</span><small>${hit.note}</small></a>`;

/** What is known without asking: pages and nodes. @param {string} asked @returns {Group[]} */
export function known(asked) {
  const fits = (/** @type {string} */ name) => name.toLowerCase().includes(asked.toLowerCase());
  const pages = ROUTES.filter((route) => route.group && fits(route.title))
    .map((route) => ({ href: ROOT + route.path, title: route.title, note: '', icon: icon(route.icon) }));
  const nodes = (mesh.value?.items ?? []).filter((node) => fits(node.name ?? '') || node.id.startsWith(asked))
    .map((node) => ({ href: `${ROOT}mesh?node=${node.id}`, title: format.plain(node.name ?? node.id), note: node.state, icon: icon('server') }));
  return [{ name: words.pages, hits: pages.slice(0, SHOWN) }, { name: words.nodes, hits: nodes.slice(0, SHOWN) }].filter((group) => group.hits.length);
}

/** The same with packages before. @param {string} asked @param {AbortSignal} signal @returns {Promise<Group[]>} */
export async function found(asked, signal) {
  const page = await call('list_packages', { query: { q: asked, limit: SHOWN }, signal, background: true });
  const hits = page.items.map((one) => ({ href: packageUrl(one.path), title: format.plain(one.title ?? one.path), note: one.version ?? '', icon: kindIcon(one.kind) }));
  if (page.next) hits.push({ href: `${ROOT}packages?q=${encodeURIComponent(asked)}`, title: words.allPackages(asked), note: '', icon: icon('search') });
  return hits.length ? [{ name: words.packages, hits }, ...known(asked)] : known(asked);
}
