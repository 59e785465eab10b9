/** Where the bytes are, what could be freed, and whether they are still right. */

import { html, nothing, svg } from '../vendor/lit.js';
import { address } from '../lib/api.js';
import * as format from '../lib/format.js';
import { resource } from '../lib/resource.js';
import { session } from '../lib/session.js';
import { titles } from '../lib/strings/shared.js';
import { storage as words } from '../lib/strings/storage.js';
import { line, points } from '../lib/trend.js';
import { OdsElement } from '../elements/base.js';
import { icon } from '../elements/icon.js';
import '../elements/ods-gc.js';
import '../elements/ods-scrub.js';
import { bar, card, pageHead, shown, tile } from '../elements/parts.js';

/** @typedef {import('../lib/types.js').StorageUsage} StorageUsage */

const usage = resource('show_storage', {}, { everyMs: 30_000, on: ['storage.*', 'package.*'] });
const trend = resource('list_storage_trend', {}, { everyMs: 600_000 });

class PageStorage extends OdsElement {
  usage = this.use(usage);
  trend = this.use(trend);

  /** @override */
  render() {
    return html`${pageHead({ title: titles.storage, beside: usage.value ? words.counted(format.ago(usage.value.counted_at)) : nothing })}
      <div class="stack" data-operation="show_storage">${shown(this.usage, (facts) => html`
        ${tiles(facts)}
        <div class="grid halves">${card({ title: words.what }, kinds(facts))} ${card({ title: words.trend, link: html`<small>${words.trendNote}</small>` },
          html`<div data-operation="list_storage_trend">${shown(this.trend, ({ items }) => history(points(items, facts)))}</div>`)}</div>
        <ods-gc .last=${facts.last_gc} .done=${() => void usage.refresh()}></ods-gc>
        <ods-scrub></ods-scrub>
        ${snapshot()}`)}</div>`;
  }
}

customElements.define('page-storage', PageStorage);

/** @param {StorageUsage} facts */
const used = ({ blobs, orphans, incoming, database_bytes: database }) => blobs.bytes + orphans.bytes + incoming.bytes + database;

/** @param {import('../lib/trend.js').Point[]} drawn */
function history(drawn) {
  const [first, last] = [drawn[0], drawn.at(-1)];
  if (!first || !last || first === last) return html`<p class="quiet">${words.trendNone}</p>`;
  return html`<svg class="trend" role="img" viewBox="0 0 100 30" preserveAspectRatio="none" aria-label=${words.trendLabel(format.bytes(first.bytes), format.bytes(last.bytes))}>
      ${svg`<polyline points=${line(drawn)}></polyline>`}</svg>
    <p class="ends"><span>${format.dateShort(first.at)}, ${format.bytes(first.bytes)}</span><span>${words.now}, ${format.bytes(last.bytes)}</span></p>`;
}

/** @param {StorageUsage} facts */
function tiles(facts) {
  const whole = used(facts) + facts.free_bytes;
  return html`<div class="grid tiles">
    ${tile({ icon: 'hard-drive', label: words.used, value: format.bytes(used(facts)), unit: words.of(format.bytes(whole)), note: bar(used(facts), whole, { label: words.usedBar }) })}
    ${tile({ icon: 'gauge', label: words.free, value: format.bytes(facts.free_bytes) })}
    ${tile({ icon: 'trash-2', label: words.collectable, value: format.bytes(facts.collectable.bytes), note: words.blobs(facts.collectable.count) })}
    ${tile({ icon: 'layers', label: words.database, value: format.bytes(facts.database_bytes) })}
  </div>`;
}

/** The columns of `kinds` that are numbers. */
const NUMBERS = [1, 2];

/** @param {StorageUsage} facts */
function kinds(facts) {
  const names = /** @type {(keyof typeof words.kinds)[]} */ (Object.keys(words.kinds));
  return html`<div class="scroll-x" tabindex="0" role="region" aria-label=${words.what}><table class="table"><thead><tr>${words.kindColumns.map((name, index) =>
    html`<th scope="col" class=${NUMBERS.includes(index) ? 'number' : ''}>${name}</th>`)}</tr></thead>
    <tbody>${names.map((name) => {
      const kind = facts[name];
      const number = 'count' in kind ? kind.count : kind.files;
      return html`<tr><td>${words.kinds[name]}</td><td class="number">${format.count(number)}</td><td class="number">${format.bytes(kind.bytes)}</td>
        <td class="progress-cell">${bar(kind.bytes, used(facts), { label: words.kinds[name] })}</td></tr>`;
    })}</tbody></table></div>`;
}

function snapshot() {
  const why = session.refusal('get_snapshot');
  const link = why ? html`<button aria-disabled="true" title=${why} data-operation="get_snapshot">${icon('download')}${words.takeSnapshot}</button>`
    : html`<a class="button" data-operation="get_snapshot" href=${address('get_snapshot', {})} download="ods.redb">${icon('download')}${words.takeSnapshot}</a>`;
  return card({ title: words.snapshot }, html`<p class="quiet">${words.snapshotBody}</p><div class="line">${link}</div>`);
}
