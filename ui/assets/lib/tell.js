/** A record of the journal in a few words and an icon, for lists of events. Unknown types are told by their facts. */

import { packageUrl, ROOT } from './router.js';
import { nodeName } from './node.js';
import { happenings } from './strings/happenings.js';

/** @typedef {import('./types.js').Happening} Happening */
/** @typedef {import('./icons.js').IconName} IconName */

/** @type {Record<string, [IconName, string]>} */
const LOOKS = {
  'package.published': ['circle-check', 'good'], 'package.replaced': ['refresh-cw', 'good'], 'package.removed': ['trash-2', ''], 'package.conflict': ['triangle-alert', 'warn'],
  'package.stored': ['hard-drive', 'good'], 'package.replicated': ['network', 'good'], 'peer.up': ['plug', 'good'], 'peer.down': ['unplug', 'bad'], 'node.alarm': ['triangle-alert', 'bad'],
  'watch.refused': ['circle-x', 'warn'], 'sign_in.refused': ['lock', 'warn'], 'sign_in.done': ['log-in', ''], 'node.expelled': ['ban', 'bad'],
};

/** @param {Happening} record @returns {{ icon: IconName, tone: string }} */
export function look(record) {
  const [icon, tone] = LOOKS[record.type] ?? ['info', ''];
  return { icon, tone };
}

/** Facts that say nothing to people. */
const DULL = new Set(['event_id', 'revision', 'blob', 'id', 'replaces', 'sha256']);

/**
 * @param {Happening} record
 * @returns {string}
 */
export function sentence(record) {
  const words = happenings[record.type];
  if (words) return words(record.data, nodeName);
  const data = /** @type {Record<string, unknown>} */ (record.data);
  const facts = Object.entries(data).filter(([key, value]) => value !== null && !DULL.has(key) && ['string', 'number', 'boolean'].includes(typeof value));
  return facts.map(([key, value]) => (['detail', 'reason', 'path', 'name', 'file'].includes(key) ? String(value) : `${key.replaceAll('_', ' ')}: ${value}`)).join(' · ');
}

/** The path of the package that a record is about, if it is about one. @param {Happening} record */
export function pathOf(record) {
  const path = /** @type {Record<string, unknown>} */ (record.data).path;
  return record.type.startsWith('package.') && typeof path === 'string' ? path : null;
}

/** Where the page shows what a record is about, if anywhere: a package or a node. @param {Happening} record */
export function placeOf(record) {
  const path = pathOf(record);
  if (path) return packageUrl(path);
  const { node } = /** @type {Record<string, unknown>} */ (record.data);
  return typeof node === 'string' ? `${ROOT}mesh?node=${node}` : null;
}

/** What happens all the time and says little by itself: it is in the list of events and in the audit. */
const ROUTINE = new Set(['sign_in.done']);

/** Whether a record is worth a line where there are few. @param {Happening} record */
export const isNews = (record) => !ROUTINE.has(record.type);
