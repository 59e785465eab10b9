/** Light, dark, or as the system has it. Kept in this browser. */

/** @typedef {'auto' | 'light' | 'dark'} Theme */

const KEY = 'ods.theme';
/** @type {Theme[]} */
const ALL = ['auto', 'light', 'dark'];

/** @returns {Theme} */
export function theme() {
  const kept = /** @type {Theme} */ (readKept());
  return ALL.includes(kept) ? kept : 'auto';
}

/** @param {Theme} chosen */
export function setTheme(chosen) {
  try {
    localStorage.setItem(KEY, chosen);
  } catch {
    // A browser that keeps nothing still shows it until the page is left.
  }
  apply(chosen);
}

/** The one after the present: auto → light → dark. */
export function nextTheme() {
  return ALL[(ALL.indexOf(theme()) + 1) % ALL.length] ?? 'auto';
}

/** @param {Theme} [chosen] */
export function apply(chosen = theme()) {
  document.documentElement.dataset.theme = chosen;
}

function readKept() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}
