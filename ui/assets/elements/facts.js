/** Facts, as template functions: times, and names with their values. The overview has none of them, so they aren't in `parts.js`. */

import { html } from '../vendor/lit.js';
import * as format from '../lib/format.js';
import { text } from '../lib/strings.js';

/**
 * A time, as "5 min. ago", with the exact one to point at.
 *
 * @param {string | null | undefined} when
 */
export function ago(when) {
  if (!when) return html`<span class="quiet">${text.never}</span>`;
  return html`<time datetime=${when} title=${format.date(when)}>${format.ago(when)}</time>`;
}

/**
 * Names and values, one below the other.
 *
 * @param {[unknown, unknown][]} rows
 */
export function facts(rows) {
  return html`<dl class="facts">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}
