/** The button of "copy as curl". What it shows is loaded when somebody asks for it. */

import { html } from '../vendor/lit.js';
import { text } from '../lib/strings.js';
import { toastProblem } from '../lib/toast.js';
import { lazy } from '../lib/update.js';
import { icon } from './icon.js';

const curl = lazy(() => import('./curl.js'));

/** Opens the list of what the page did last. */
export async function openCurl() {
  try {
    const { showCurl } = await curl();
    await showCurl();
  } catch (error) {
    toastProblem(error);
  }
}

export const curlButton = () =>
  html`<button class="icon-only quiet curl" title=${text.curl} aria-label=${text.curl} @click=${openCurl}>${icon('terminal')}</button>`;
