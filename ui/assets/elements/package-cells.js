/** What a row of the list of packages shows. */

import { html, nothing } from '../vendor/lit.js';
import * as format from '../lib/format.js';
import { mesh } from '../lib/node.js';
import { packageUrl } from '../lib/router.js';
import { shared } from '../lib/strings/shared.js';
import { packages as words } from '../lib/strings/packages.js';
import { copyButton } from './copy.js';
import { ago } from './facts.js';
import { kindIcon } from './kind-icon.js';
import { badge } from './parts.js';

/** @typedef {import('../lib/types.js').Package} Package */

/** A package's name, and the path below it if that says more. @param {Package} one */
export function nameCell(one) {
  const title = format.plain(one.title ?? format.fileName(one.path));
  return html`<span class="kind-box">${kindIcon(one.kind)}</span>
    <span class="two-lines"><a href=${packageUrl(one.path)} title=${one.path}>${ended(title)}</a>
    <small>${title === one.path ? nothing : ended(format.plain(one.path))}${one.tags.length
      ? html`<span class="clip tags">${one.tags.map((tag) => html` ${tagLink(tag)}`)}</span>` : nothing}</small></span>`;
}

/** A name whose end can be read however narrow its place is: that tells versions and kinds of files apart. @param {string} name */
function ended(name) {
  const [, first, last] = /^(.*?)(.{0,8})$/su.exec(name) ?? [];
  return html`<span class="clip">${first}</span><span>${last}</span>`;
}

/** @param {Package} one */
export function stateCell(one) {
  if (one.conflict) return badge('warn', shared.kinds.conflict);
  const { replicas } = one;
  if (!replicas || one.state === 'fetching' || one.state === 'wanted') return hereBadge(one.state);
  const all = mesh.value?.items.length ?? replicas.of;
  if (replicas.have >= replicas.of && all === 1) return badge('good', words.hereOnly);
  // Where the policies of some nodes don't keep it, how many copies there are is what matters.
  if (replicas.have >= replicas.of && replicas.of < all) return badge(replicas.have > 1 ? 'good' : 'warn', words.copies(replicas.have, all), words.copiesWhy);
  if (replicas.have >= replicas.of) return badge('good', words.synced, words.nodes(replicas.have, replicas.of));
  return badge('busy', words.nodes(replicas.have, replicas.of));
}

/** @type {Record<string, import('./parts.js').Tone>} */
const TONES = { stored: 'good', fetching: 'busy', wanted: 'warn', remote: 'plain', behind: 'warn', unreachable: 'bad', unknown: 'plain', conflict: 'warn' };

/** A state of a package somewhere. @param {string} state */
export function hereBadge(state) {
  return badge(TONES[state] ?? 'plain', /** @type {Record<string, string>} */ (shared.kinds)[state] ?? state);
}

/** A tag, which leads to the packages that have it. @param {string} tag */
export const tagLink = (tag) => html`<a class="tag" href=${`/ui/packages?tag=${encodeURIComponent(tag)}`} title=${words.tagFilter(tag)}>${tag}</a>`;

/** The address that machines fetch it from. @param {Package} one */
export const downloadUrl = (one) => new URL(one.url, location.origin).href;

/** @param {Package} one */
export const linkCell = (one) => copyButton(() => downloadUrl(one), { what: words.link, kind: 'small quiet' });

/** @param {Package} one */
export const publishedCell = (one) => html`${ago(one.published_at)}<small class="clip">${one.published_by.name ?? nothing}</small>`;
