/** The product's mark: three nodes of a mesh. The same as `logo.svg`, in the page's colour. */

import { html, svg } from '../vendor/lit.js';

export function logo() {
  return html`<svg class="logo" viewBox="0 0 28 28" aria-hidden="true">${svg`
    <rect width="28" height="28" rx="7"></rect>
    <path d="M14 9.5 9 18.5M14 9.5l5 9M9.5 19h9"></path>
    <circle cx="14" cy="8.5" r="2.6"></circle><circle cx="8.5" cy="19" r="2.6"></circle><circle cx="19.5" cy="19" r="2.6"></circle>`}</svg>`;
}
