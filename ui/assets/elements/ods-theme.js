/** Light, dark, automatic: one button, pressed in turn. */

import { html } from '../vendor/lit.js';
import { nextTheme, setTheme, theme } from '../lib/theme.js';
import { text } from '../lib/strings.js';
import { OdsElement } from './base.js';
import { icon } from './icon.js';

/** @type {Record<import('../lib/theme.js').Theme, import('../lib/icons.js').IconName>} */
const ICONS = { auto: 'sun-moon', light: 'sun', dark: 'moon' };

class OdsTheme extends OdsElement {
  /** @override */
  render() {
    const present = theme();
    const label = text.theme.now(text.theme[present]);
    return html`<button class="icon-only quiet" aria-label=${label} title=${label} @click=${this.#turn}>${icon(ICONS[present])}</button>`;
  }

  #turn() {
    setTheme(nextTheme());
    this.requestUpdate();
  }
}

customElements.define('ods-theme', OdsTheme);
