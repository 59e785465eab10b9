/** An icon of the sprites, and the product's mark. They say nothing to screen readers: the control beside an icon has the words. */

import { svg, html } from '../vendor/lit.js';
import { FIRST } from '../lib/icons.js';
import { asset } from '../lib/trusted.js';

/**
 * @param {import('../lib/icons.js').IconName} name
 * @param {string} [kind] more classes: `big`, `good`, `bad`, `spin`, …
 */
export function icon(name, kind = '') {
  const sprite = asset(FIRST.includes(/** @type {typeof FIRST[number]} */ (name)) ? 'icons.svg' : 'more-icons.svg');
  return html`<svg class=${`icon ${kind}`} aria-hidden="true">${svg`<use href=${`${sprite}#${name}`}></use>`}</svg>`;
}

/** Three nodes of a mesh. */
export const logo = () => html`<img class="logo" src=${asset('logo.svg')} alt="">`;
