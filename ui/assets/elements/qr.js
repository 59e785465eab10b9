/** A QR code, drawn here: nothing that is in it goes anywhere. */

import { html, svg } from '../vendor/lit.js';
import { encode } from '../vendor/qr.js';

/**
 * @param {string} value what it says
 * @param {string} label what it is, for screen readers
 */
export function qrCode(value, label) {
  const { data, size } = encode(value, { ecc: 'L', border: 2 });
  const path = data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ''))).join('');
  return html`<svg class="qr" role="img" aria-label=${label} viewBox=${`0 0 ${size} ${size}`} shape-rendering="crispEdges">
    ${svg`<rect width=${size} height=${size}></rect><path d=${path}></path>`}
  </svg>`;
}
