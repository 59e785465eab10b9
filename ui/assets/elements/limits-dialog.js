/** Bandwidth limits of a node or a link: each way, and by the hour of the week. */

import { html } from '../vendor/lit.js';
import { limits as words } from '../lib/strings/limits.js';
import { toast } from '../lib/toast.js';
import { fromWindows, toWindows } from '../lib/week.js';
import { editDialog } from './edit-dialog.js';
import { field, text } from './form-dialog.js';
import './ods-week-grid.js';

/** @typedef {import('../lib/types.js').Schemas['Limits']} Limits */

const MEGA = 1_000_000;

/** @param {number | null | undefined} rate bytes a second */
export const megabytes = (rate) => (rate === null || rate === undefined ? '' : String(rate / MEGA));

/** What was typed, in bytes a second; null: no limit. @param {string} typed */
export const bytesPerSecond = (typed) => (typed === '' ? null : Math.round(Number(typed.replace(',', '.')) * MEGA));

/**
 * @template {{ limits: Limits }} T what they are of: this node, or a link
 * @param {Pick<import('./edit-dialog.js').EditSpec<T>, 'title' | 'operation' | 'thing' | 'read' | 'save'>} spec
 */
export async function limitsDialog({ title, operation, thing, read, save }) {
  const week = fromWindows(thing.limits.windows ?? []);
  const rate = (/** @type {string} */ name, /** @type {number | null | undefined} */ value) =>
    html`<input name=${name} type="number" min="0.001" step="any" inputmode="decimal" value=${megabytes(value)}>`;
  const saved = await editDialog({
    title, operation, thing, read, save,
    labels: { limits: words.all },
    wide: true,
    fields: ({ limits }) => html`<p class="hint">${words.now}</p>
      <div class="fields">
        ${field(words.down, rate('down', limits.down_bytes_per_s), words.unit)} ${field(words.up, rate('up', limits.up_bytes_per_s), words.unit)}
        ${field(words.zone, html`<input name="zone" autocomplete="off" spellcheck="false" value=${limits.time_zone ?? ''}>`, words.zoneHint)}
      </div>
      <ods-week-grid .week=${week}></ods-week-grid>`,
    typed: (form) => ({ limits: {
      down_bytes_per_s: bytesPerSecond(text(form, 'down')),
      up_bytes_per_s: bytesPerSecond(text(form, 'up')),
      time_zone: text(form, 'zone') || null,
      windows: toWindows(week),
    } }),
  });
  if (saved !== null) toast(words.saved);
  return saved;
}
