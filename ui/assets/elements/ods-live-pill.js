/** Whether what is seen is live, and since when not. Pressed, it tries again. */

import { html } from '../vendor/lit.js';
import * as format from '../lib/format.js';
import { live } from '../lib/live.js';
import { text } from '../lib/strings.js';
import { OdsElement } from './base.js';

/** @type {Record<import('../lib/live.js').LiveState, string>} */
const TONES = { live: 'good', connecting: 'plain', lost: 'bad', 'signed-out': 'warn' };

class OdsLivePill extends OdsElement {
  constructor() {
    super();
    this.listen(live, 'state');
    this.tick(5000);
  }

  /** @override */
  render() {
    const { state, since } = live;
    const title = state === 'live' ? text.live.explained : text.live.lostSince(format.ago(since));
    return html`<button class=${`badge live-pill ${TONES[state]}`} title=${title} data-state=${state} aria-live="polite" @click=${() => live.retry()}>
      ${text.live[state]}
    </button>`;
  }
}

customElements.define('ods-live-pill', OdsLivePill);
