/**
 * Buttons that call an operation. One whose operation the signed-in person may not call is greyed and says why; one that waits for
 * its answer can't be pressed twice. Each carries `data-operation`, which the parity map is held against.
 */

import { html, nothing } from '../vendor/lit.js';
import { session } from '../lib/session.js';
import { toastProblem } from '../lib/toast.js';
import { icon } from './icon.js';

/**
 * @typedef {object} Action
 * @property {import('../lib/types.js').OperationId} operation
 * @property {string} label
 * @property {import('../lib/icons.js').IconName} [icon]
 * @property {string} [kind] classes: `primary`, `danger`, `small`, `icon-only`
 * @property {string | null} [refusal] why it can't be done now, besides the scope
 * @property {string} [title]
 * @property {boolean} [busy] of a form's button: its call is on the way, and it can't be pressed again
 * @property {(event: MouseEvent) => unknown} [run] awaited; what it throws is shown. Without it the button submits its form
 */

/**
 * @param {Action} action
 */
export function actionButton({ operation, label, icon: name, kind = '', refusal = null, title, busy, run }) {
  const why = session.refusal(operation) ?? refusal;
  const bare = kind.includes('icon-only');
  // Greyed with `aria-disabled`, not `disabled`: so it can be pointed at and reached by keyboard, and says why.
  return html`<button
    type=${run ? 'button' : 'submit'} class=${kind} data-operation=${operation}
    aria-disabled=${why ? 'true' : nothing} aria-busy=${busy ? 'true' : nothing} title=${why ?? title ?? (bare ? label : nothing)} aria-label=${bare ? label : nothing}
    @click=${(/** @type {MouseEvent} */ event) => press(event, why, run)}
  >${name ? icon(name) : nothing}${bare ? nothing : html`<span>${label}</span>`}</button>`;
}

/**
 * @param {MouseEvent} event
 * @param {string | null} why
 * @param {Action['run']} run
 */
async function press(event, why, run) {
  const button = /** @type {HTMLButtonElement} */ (event.currentTarget);
  if (why || button.ariaBusy === 'true') return event.preventDefault();
  if (!run) return undefined;
  button.ariaBusy = 'true';
  try {
    await run(event);
  } catch (error) {
    toastProblem(error);
  } finally {
    button.ariaBusy = null;
  }
  return undefined;
}
