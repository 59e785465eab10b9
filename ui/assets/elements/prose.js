/** Words of the node for people: what stands between backticks is to be typed, and looks so. */

import { html } from '../vendor/lit.js';

/** @param {string} words */
export const prose = (words) => words.split('`').map((part, index) => (index % 2 ? html`<code>${part}</code>` : part));
