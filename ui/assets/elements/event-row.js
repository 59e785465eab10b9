/** One record of the journal in a list: when, what, about what. */

import { html } from '../vendor/lit.js';
import * as format from '../lib/format.js';
import { look, placeOf, sentence } from '../lib/tell.js';
import { icon } from './icon.js';

/** @param {import('../lib/types.js').Happening} record */
export function eventRow(record) {
  const { icon: name, tone } = look(record);
  const place = placeOf(record);
  const says = sentence(record);
  return html`<li class="event"><time datetime=${record.at} title=${format.date(record.at)}>${format.time(record.at)}</time>${icon(name, tone)}<code>${record.type}</code>
    ${place ? html`<a class="clip" href=${place} title=${says}>${says}</a>` : html`<span class="clip" title=${says}>${says}</span>`}</li>`;
}
