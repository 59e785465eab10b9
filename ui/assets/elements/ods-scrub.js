/** Verifying what is held: progress, findings, schedule, and what was damaged and mended. */

import { html, nothing } from '../vendor/lit.js';
import { call } from '../lib/api.js';
import { journalPages } from '../lib/journal.js';
import * as format from '../lib/format.js';
import { scrub } from '../lib/node.js';
import { Resource, resource } from '../lib/resource.js';
import { session } from '../lib/session.js';
import { storage as words } from '../lib/strings/storage.js';
import { text as common } from '../lib/strings.js';
import { toast } from '../lib/toast.js';
import { actionButton } from './action.js';
import { OdsElement } from './base.js';
import { eventRow } from './event-row.js';
import { ago, facts } from './facts.js';
import { badge, bar, card, shown } from './parts.js';

/** @typedef {import('../lib/types.js').Scrub} Scrub */

const CODES = new Set(['rot', 'unreadable', 'outline', 'sha256']);
const SHOWN = 50;
const settings = resource('show_settings', {}, { everyMs: 60_000, on: ['settings.*'] });
/** Alarms of the whole journal that are about damage, newest first. */
const damage = new Resource(readDamage, { everyMs: 60_000, on: ['node.alarm'] });

async function readDamage() {
  /** @type {import('../lib/types.js').Happening[]} */
  let found = [];
  for await (const records of journalPages({ type: 'node.alarm' }, { background: true })) {
    const about = records.filter(({ data }) => CODES.has(String(/** @type {Record<string, unknown>} */ (data)['code'])));
    found = [...found, ...about].slice(-SHOWN);
  }
  return found.reverse();
}

class OdsScrub extends OdsElement {
  scrub = this.use(scrub);
  damage = this.use(damage);
  settings = session.refusal('show_settings') ? null : this.use(settings);

  /** @override */
  render() {
    return html`${card({ title: words.scrub }, html`<p class="quiet">${words.scrubBody}</p>
      <div class="stack" data-operation="show_scrub">${shown(this.scrub, (facts_) => this.#state(facts_))}</div>`)}
      ${card({ title: words.damage }, shown(this.damage, (records) => (records.length ? html`<ol class="events">${records.map(eventRow)}</ol>` : html`<p class="quiet">${words.noDamage}</p>`)))}`;
  }

  /** @param {Scrub} facts_ */
  #state(facts_) {
    const { state, bytes, rate_bytes_per_s: rate, finished_at: finished, by, reason } = facts_;
    const running = state !== 'idle';
    const found = /** @type {(keyof typeof words.found)[]} */ (Object.keys(words.found));
    return html`<div class="line">
        ${badge(running ? 'busy' : 'plain', words.states[/** @type {'idle'} */ (state)] ?? state, reason ?? '')} ${reason ? html`<small>${reason}</small>` : nothing}
        ${running ? actionButton({ operation: 'stop_scrub', label: words.stop, icon: 'square', run: () => this.#do('stop_scrub', words.stopped) })
          : actionButton({ operation: 'start_scrub', label: words.start, icon: 'shield-check', run: () => this.#do('start_scrub', words.started) })}
      </div>
      ${running ? html`${bar(bytes.done, bytes.total, { label: words.progress })}` : nothing}
      ${facts([
        [words.progress, `${format.bytes(bytes.done)} / ${format.bytes(bytes.total)}`], [words.rate, running ? format.rate(rate) : common.none],
        [words.finished, ago(finished)], [words.by, by ?? common.none], [words.schedule, this.#schedule()],
        ...found.map((key) => /** @type {[unknown, unknown]} */ ([words.found[key],
          html`<span class=${facts_[key] && !key.includes('mended') ? 'bad-text' : ''}>${format.count(facts_[key])}</span>`])),
      ])}`;
  }

  #schedule() {
    const days = this.settings?.value?.items.find(({ key }) => key === 'scrub.every_days')?.value;
    return html`${days === undefined ? common.none : words.every(Number(days))} <a href="/ui/settings?q=scrub">${words.change}</a>`;
  }

  /** @param {'start_scrub' | 'stop_scrub'} operation @param {string} said */
  async #do(operation, said) {
    await call(operation);
    toast(said);
    await scrub.refresh();
  }
}

customElements.define('ods-scrub', OdsScrub);
