/** An icon of the sprite. It says nothing to screen readers: the control beside it has the words. */

import { svg, html } from '../vendor/lit.js';
import { asset } from '../lib/trusted.js';

const sprite = asset('icons.svg');

/**
 * @param {import('../lib/icons.js').IconName} name
 * @param {string} [kind] more classes: `big`, `good`, `bad`, `spin`, …
 */
export function icon(name, kind = '') {
  return html`<svg class=${`icon ${kind}`} aria-hidden="true">${svg`<use href=${`${sprite}#${name}`}></use>`}</svg>`;
}
