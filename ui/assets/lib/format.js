/** Numbers, sizes and times for people, in their browser's language and time zone. */

const number = new Intl.NumberFormat();
const compactNumber = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 });
const percentNumber = new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 1 });
const relative = new Intl.RelativeTimeFormat(undefined, { style: 'short', numeric: 'auto' });
const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const shortDate = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const timeOnly = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium', hour12: false });

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'];
/** @type {Map<string, Intl.NumberFormat>} */
const unitFormats = new Map();

/**
 * @param {string} unit
 * @param {number} digits
 * @param {'short' | 'narrow' | 'long'} [display]
 */
function unitFormat(unit, digits, display = 'short') {
  const key = `${unit} ${digits} ${display}`;
  let found = unitFormats.get(key);
  if (!found) {
    found = new Intl.NumberFormat(undefined, { style: 'unit', unit, unitDisplay: display, maximumFractionDigits: digits });
    unitFormats.set(key, found);
  }
  return found;
}

/** @param {number} value */
export const count = (value) => number.format(value);

/** 98,412 → 98K. @param {number} value */
export const compact = (value) => compactNumber.format(value).toLowerCase();

/** 0.986 → 98.6%; never 100 % unless it is all. @param {number} share */
export const percent = (share) => percentNumber.format(share < 1 ? Math.min(share, 0.999) : share);

/**
 * 4500000 → 4.5 MB (decimal units, as disks are sold).
 *
 * @param {number | null | undefined} value
 */
export function bytes(value) {
  if (value === null || value === undefined) return '–';
  let scaled = value;
  let unit = 0;
  while (scaled >= 999.5 && unit < UNITS.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  return unitFormat(UNITS[unit] ?? 'byte', scaled < 10 && unit > 0 ? 1 : 0, unit === 0 ? 'long' : 'short').format(scaled);
}

/** @param {number | null | undefined} value bytes a second */
export const rate = (value) => (value === null || value === undefined ? '–' : `${bytes(value)}/s`);

/** The rates that a text of the node has in it, for people. @param {string} text */
export const rates = (text) => text.replace(/(\d+) B\/s/g, (_, value) => rate(Number(value)));

/**
 * 75 → 1 min, 7300 → 2 hr.
 *
 * @param {number} seconds
 */
export function duration(seconds) {
  if (seconds < 60) return unitFormat('second', 0).format(Math.max(0, Math.round(seconds)));
  if (seconds < 3600) return unitFormat('minute', 0).format(Math.round(seconds / 60));
  if (seconds < 172800) return unitFormat('hour', seconds < 36000 ? 1 : 0).format(seconds / 3600);
  return unitFormat('day', 0).format(seconds / 86400);
}

/**
 * "5 hr. ago", "in 3 min.".
 *
 * @param {string | number | Date} when
 * @param {number} [now]
 */
export function ago(when, now = Date.now()) {
  const seconds = (new Date(when).getTime() - now) / 1000;
  const size = Math.abs(seconds);
  if (size < 45) return relative.format(Math.round(seconds), 'second');
  if (size < 2700) return relative.format(Math.round(seconds / 60), 'minute');
  if (size < 79200) return relative.format(Math.round(seconds / 3600), 'hour');
  if (size < 30 * 86400) return relative.format(Math.round(seconds / 86400), 'day');
  return shortDate.format(new Date(when));
}

/** @param {string | number | Date} when */
export const date = (when) => dateTime.format(new Date(when));

/** @param {string | number | Date} when */
export const dateShort = (when) => shortDate.format(new Date(when));

/** @param {string | number | Date} when */
export const time = (when) => timeOnly.format(new Date(when));

/** The first twelve digits of an id or digest. @param {string} id */
export const shortId = (id) => id.slice(0, 12);

/** The last segment of a path. @param {string} path */
export const fileName = (path) => path.slice(path.lastIndexOf('/') + 1);

/** Characters that turn the direction of what follows, or can't be seen: with them `gkp.exe` is read as `exe.pkg`. */
const DECEIVING = /[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/** A name as it is, with what would deceive the reader spelled out. @param {string} name */
export const plain = (name) => name.replace(DECEIVING, (char) => `⟨U+${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`);
