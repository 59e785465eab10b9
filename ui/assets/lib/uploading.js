/**
 * The door to the queue of uploads: how many go on, without loading what sends them. That comes when somebody uploads, or at once
 * where this browser remembers an upload from before a reload.
 */

/** Where this browser keeps what it remembers of its uploads. */
export const KEY = 'ods.uploads';

/** @typedef {EventTarget & { going: number }} Going */

class Uploading extends EventTarget {
  /** @type {Going | null} */
  #queue = null;

  /** How many go on or wait. */
  get going() {
    return this.#queue?.going ?? 0;
  }

  /** Said by the queue itself, once it is there. @param {Going} queue */
  through(queue) {
    this.#queue = queue;
    queue.addEventListener('change', () => this.dispatchEvent(new Event('change')));
    this.dispatchEvent(new Event('here'));
  }
}

/** Whether there is something to go on with. */
export function remembersUploads() {
  try {
    return (localStorage.getItem(KEY) ?? '[]') !== '[]';
  } catch {
    return false;
  }
}

export const uploading = new Uploading();
