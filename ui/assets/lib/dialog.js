/**
 * Dialogs, asked for from anywhere. `ods-dialogs` shows them, one above the other; each gives a promise.
 *
 *     if (await confirm({ title: 'Delete it?', body: html`…`, action: 'Delete', danger: true })) …
 *     const name = await ask((close) => html`<form @submit=${…close(value)}>…`);      // null if dismissed
 */

import { later } from './update.js';

/**
 * @typedef {object} Shown
 * @property {number} id
 * @property {(close: (value?: any) => void) => unknown} content a template; `close` ends it with a value
 * @property {string} label for screen readers
 * @property {(value: any) => void} done
 * @property {boolean} wide
 * @property {boolean} keep whether only its own buttons end it: what it shows can't be had again
 */

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {unknown} [body] text or template
 * @property {string} action the word on the button
 * @property {boolean} [danger]
 * @property {string} [typed] what has to be typed before the button works
 * @property {import('./types.js').OperationId} [operation] what the button calls
 */

class Dialogs extends EventTarget {
  /** @type {Shown[]} */
  open = [];
  #next = 1;
  /** What shows them, loaded with the first one. @type {Promise<unknown> | null} */
  #view = null;

  async #shown() {
    if (customElements.get('ods-dialogs')) return;
    this.#view ??= later(() => import('../elements/ods-dialogs.js'));
    try {
      await this.#view;
    } catch (error) {
      this.#view = null;
      throw error;
    }
  }

  /**
   * @param {Shown['content']} content
   * @param {{ label: string, wide?: boolean, keep?: boolean }} options
   * @returns {Promise<any>} what it was closed with; null if it was dismissed
   */
  async show(content, { label, wide = false, keep = false }) {
    await this.#shown();
    return new Promise((resolve) => {
      this.open = [...this.open, { id: this.#next++, content, label, done: resolve, wide, keep }];
      this.dispatchEvent(new Event('change'));
    });
  }

  /**
   * @param {Shown} shown
   * @param {any} value
   */
  close(shown, value = null) {
    if (!this.open.includes(shown)) return;
    this.open = this.open.filter((other) => other !== shown);
    this.dispatchEvent(new Event('change'));
    shown.done(value);
  }
}

/** What is open now. */
export const dialogs = new Dialogs();

/**
 * A dialog with content of one's own.
 *
 * @param {Shown['content']} content
 * @param {{ label: string, wide?: boolean, keep?: boolean }} options
 */
export const ask = (content, options) => dialogs.show(content, options);

/** @typedef {(question: Question, close: (value?: any) => void) => unknown} ConfirmView */

/** @type {ConfirmView | null} */
let confirmView = null;

/**
 * How questions look; `ods-dialogs` says so, since templates don't belong here.
 *
 * @param {ConfirmView} view
 */
export function setConfirmView(view) {
  confirmView = view;
}

/**
 * A yes or no. Escape and a click outside are no.
 *
 * @param {Question} question
 * @returns {Promise<boolean>}
 */
export async function confirm(question) {
  const answer = await dialogs.show((close) => confirmView?.(question, close), { label: question.title });
  return answer === true;
}
