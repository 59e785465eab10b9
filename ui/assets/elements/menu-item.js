/** An item of a menu that calls an operation; greyed, and saying why, if who is signed in may not. */

import { html, nothing } from '../vendor/lit.js';
import { session } from '../lib/session.js';
import { toast, toastProblem } from '../lib/toast.js';
import { icon } from './icon.js';

/**
 * @param {Omit<import('./action.js').Action, 'run' | 'icon'> & { icon: import('../lib/icons.js').IconName, run: () => Promise<any> }} action
 */
export function menuItem({ operation, label, icon: name, kind = '', refusal = null, run }) {
  const why = session.refusal(operation) ?? refusal;
  const press = async () => {
    if (why) return toast(why, { kind: 'plain' });
    return run().catch(toastProblem);
  };
  return html`<button type="button" role="menuitem" class=${kind} data-operation=${operation} aria-disabled=${why ? 'true' : nothing} title=${why ?? nothing}
    @click=${press}>${icon(name)}${label}</button>`;
}
