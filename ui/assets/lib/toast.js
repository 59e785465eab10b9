/** Short messages at the edge of the page, read out by screen readers. `ods-toasts` shows them. */

import { asProblem } from './problem.js';
import { text } from './strings.js';

/**
 * @typedef {object} Toast
 * @property {number} id
 * @property {string} message
 * @property {'good' | 'bad' | 'plain'} kind
 * @property {{ label: string, run: () => void } | null} action
 */

const SHOWN_MS = { good: 4000, plain: 4000, bad: 10_000 };
const SHOWN_MAX = 4;

class Toasts extends EventTarget {
  /** @type {Toast[]} */
  shown = [];
  #next = 1;

  /** @param {Omit<Toast, 'id'>} toast */
  add(toast) {
    const id = this.#next++;
    this.shown = [...this.shown, { id, ...toast }].slice(-SHOWN_MAX);
    this.dispatchEvent(new Event('change'));
    setTimeout(() => this.remove(id), SHOWN_MS[toast.kind] * (toast.action ? 2 : 1));
  }

  /** @param {number} id */
  remove(id) {
    this.shown = this.shown.filter((toast) => toast.id !== id);
    this.dispatchEvent(new Event('change'));
  }
}

/** What is shown now. */
export const toasts = new Toasts();

/**
 * @param {string} message
 * @param {{ kind?: Toast['kind'], action?: Toast['action'] }} [options]
 */
export function toast(message, { kind = 'good', action = null } = {}) {
  toasts.add({ message, kind, action });
}

/**
 * Says what went wrong.
 *
 * @param {unknown} error
 */
export function toastProblem(error) {
  if (error instanceof DOMException && error.name === 'AbortError') return;
  const { code, message } = asProblem(error);
  const action = code === 'updated' ? { label: text.update.reload, run: () => location.reload() } : null;
  toast(code === 'precondition_failed' ? text.problem.stale : message, { kind: 'bad', action });
}
