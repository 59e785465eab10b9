/** Saving events as a file: all that match, the newest if they are too many. */

import { journalPages } from '../lib/journal.js';
import { events as words } from '../lib/strings/events.js';
import { toast } from '../lib/toast.js';

/** @typedef {import('../lib/types.js').Happening} Happening */

const EXPORTED_MAX = 100_000;

/**
 * @param {'json' | 'csv'} kind
 * @param {{ type: string | null, path: string | null }} query
 */
export async function exportEvents(kind, query) {
  /** @type {Happening[]} */
  const records = [];
  let cut = false;
  for await (const page of journalPages(query)) {
    records.push(...page);
    cut ||= records.length > EXPORTED_MAX;
    if (records.length > EXPORTED_MAX) records.splice(0, records.length - EXPORTED_MAX);
  }
  save(`events.${kind === 'json' ? 'jsonl' : 'csv'}`, kind === 'json' ? 'application/jsonl' : 'text/csv', kind === 'json' ? asLines(records) : asCsv(records));
  toast(cut ? words.exportCut(records.length) : words.exported(records.length));
}

/** @param {readonly Happening[]} records */
const asLines = (records) => records.map((record) => `${JSON.stringify(record)}\n`).join('');

/** @param {readonly Happening[]} records */
function asCsv(records) {
  const rows = records.map(({ lsn, at, type, data }) => [lsn, at, type, JSON.stringify(data)].map(cell).join(','));
  return `lsn,at,type,data\r\n${rows.map((row) => `${row}\r\n`).join('')}`;
}

/** In quotes where needed; what a spreadsheet would take for a formula is told to be text. @param {string | number} value */
function cell(value) {
  const text = String(value);
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/**
 * @param {string} name
 * @param {string} type
 * @param {string} content
 */
function save(name, type, content) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
