/** Light, dark, or as the system has it: one button, pressed in turn. Kept in this browser. */

import { html } from '../vendor/lit.js';
import { text } from '../lib/strings.js';
import { OdsElement } from './base.js';
import { icon } from './icon.js';

/** @typedef {'auto' | 'light' | 'dark'} Theme */

const KEY = 'ods.theme';
/** In the order in which they come. @type {Record<Theme, import('../lib/icons.js').IconName>} */
const ICONS = { auto: 'sun-moon', light: 'sun', dark: 'moon' };
const ALL = /** @type {Theme[]} */ (Object.keys(ICONS));

/** The one that was chosen; where a browser keeps nothing, until the page is left. */
let present = kept();

/** @returns {Theme} */
function kept() {
  try {
    return ALL.find((one) => one === localStorage.getItem(KEY)) ?? 'auto';
  } catch {
    return 'auto';
  }
}

const apply = () => void (document.documentElement.dataset.theme = present);
apply();

class OdsTheme extends OdsElement {
  /** @override */
  render() {
    const label = text.theme.now(text.theme[present]);
    return html`<button class="icon-only quiet" aria-label=${label} title=${label} @click=${this.#turn}>${icon(ICONS[present])}</button>`;
  }

  #turn() {
    present = ALL[(ALL.indexOf(present) + 1) % ALL.length] ?? 'auto';
    apply();
    try {
      localStorage.setItem(KEY, present);
    } catch {
      // A browser that keeps nothing shows it all the same.
    }
    this.requestUpdate();
  }
}

customElements.define('ods-theme', OdsTheme);
