/**
 * Bandwidth windows as a week of hours, and back. A window is days, a beginning and an end; the grid is 7 × 24 cells, each with
 * the index of a rule (rates), or −1 where the plain limits hold. Windows that don't begin and end on the hour are kept as they are.
 */

/** @typedef {import('./types.js').Schemas['LimitWindow']} LimitWindow */
/** @typedef {{ down: number | null, up: number | null }} Rule */
/** @typedef {{ rules: Rule[], cells: number[], odd: LimitWindow[] }} Week */

export const DAYS = /** @type {const} */ (['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']);
const HOURS = 24;

/** @param {string} time `HH:00`; null if it is not on the hour */
const hour = (time) => (/^\d\d:00$/.test(time) ? Number(time.slice(0, 2)) : null);

/**
 * @param {readonly LimitWindow[]} windows
 * @returns {Week}
 */
export function fromWindows(windows) {
  const week = { rules: /** @type {Rule[]} */ ([]), cells: Array(7 * HOURS).fill(-1), odd: /** @type {LimitWindow[]} */ ([]) };
  for (const window of windows) {
    const [from, to] = [hour(window.from), hour(window.to)];
    if (from === null || to === null) week.odd.push(window);
    else fill(week, window, from, to);
  }
  return week;
}

/**
 * Where windows overlap the first one holds, as on the node.
 *
 * @param {Week} week
 * @param {LimitWindow} window
 * @param {number} from
 * @param {number} to not later than `from`: on the next day
 */
function fill(week, window, from, to) {
  const rule = ruleOf(week.rules, { down: window.down_bytes_per_s ?? null, up: window.up_bytes_per_s ?? null });
  const length = to > from ? to - from : to + HOURS - from;
  for (const day of window.days?.length ? window.days : DAYS) {
    for (let at = 0; at < length; at += 1) {
      const cell = (DAYS.indexOf(day) * HOURS + from + at) % (7 * HOURS);
      if (week.cells[cell] === -1) week.cells[cell] = rule;
    }
  }
}

/**
 * The index of a rule, added if it isn't there.
 *
 * @param {Rule[]} rules
 * @param {Rule} rule
 */
export function ruleOf(rules, rule) {
  const found = rules.findIndex(({ down, up }) => down === rule.down && up === rule.up);
  return found >= 0 ? found : rules.push(rule) - 1;
}

/**
 * @param {Week} week
 * @returns {LimitWindow[]}
 */
export function toWindows({ rules, cells, odd }) {
  /** @type {Map<string, LimitWindow>} spans that are alike on several days are one window */
  const windows = new Map();
  DAYS.forEach((day, index) => {
    for (const { from, to, rule } of spans(cells.slice(index * HOURS, (index + 1) * HOURS))) {
      const key = `${from} ${to} ${rule}`;
      const { down, up } = rules[rule] ?? { down: null, up: null };
      const window = windows.get(key) ?? { days: [], from: clock(from), to: clock(to), down_bytes_per_s: down, up_bytes_per_s: up };
      window.days?.push(day);
      windows.set(key, window);
    }
  });
  return [...windows.values(), ...odd];
}

/** @param {number} at */
const clock = (at) => `${String(at).padStart(2, '0')}:00`;

/**
 * Hours in a row with one rule.
 *
 * @param {readonly number[]} day
 */
function spans(day) {
  const found = [];
  let from = 0;
  for (let at = 1; at <= HOURS; at += 1) {
    if (day[at] === day[from] && at < HOURS) continue;
    const rule = day[from] ?? -1;
    if (rule >= 0) found.push({ from, to: at, rule });
    from = at;
  }
  return found;
}
