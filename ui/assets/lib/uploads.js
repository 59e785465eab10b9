/**
 * The queue of this page's uploads. It outlives the pages, and (by `upload-memory.js`) a reload.
 *
 * An upload is, in turn: `queued`, `sending` (sent bytes are on their way, verified ones are on the node's disk with the right
 * checksum), `publishing` (all are verified), `published`; besides `paused`, `needs-file` (after a reload) and `failed`.
 *
 * It replaces only what whoever began it saw at its path. If something else is there by then it has failed, `there` says what that
 * is, and only `replace` goes on.
 */

import { call } from './api.js';
import { live } from './live.js';
import { packageAt } from './package-at.js';
import { asProblem, Problem } from './problem.js';
import { Speed } from './speed.js';
import * as tus from './tus.js';
import * as memory from './upload-memory.js';
import { uploading } from './uploading.js';

/** @typedef {'queued' | 'sending' | 'publishing' | 'published' | 'paused' | 'needs-file' | 'failed'} UploadState */

const SENT_AT_ONCE = 3;
const STILL_HERE_MS = 3000;

/** One upload of the queue. */
export class Item {
  /** @type {UploadState} */
  state = 'queued';
  /** Bytes that are on their way or there. */
  sent = 0;
  /** Bytes that the node has, with the right checksum. */
  verified = 0;
  speed = new Speed();
  /** @type {Problem | null} why it failed, or why it waits */
  problem = null;
  /** @type {import('./types.js').Package | null} */
  package = null;
  /** @type {{ have: number, of: number } | null} nodes that have it, of those that want it */
  nodes = null;
  /** @type {AbortController | null} */
  sender = null;
  /** The id, while it is begun. @type {Promise<string> | null} */
  begun = null;
  /** When the file was changed last; with name and size it is known again by. */
  modified = 0;
  /** Whether it was begun anew since the node had forgotten it. */
  anew = false;
  /** Whether the node takes no more of what has its id: it was published, or refused. */
  over = false;
  /** The revision that it replaces; null: nothing. @type {string | null} */
  replaces = null;
  /** What is there instead, so that it was refused; null: nothing any more. @type {import('./types.js').Package | null | undefined} */
  there = undefined;

  /**
   * @param {string} name the file's
   * @param {number} size
   * @param {import('./tus.js').UploadFacts} facts
   * @param {File | null} file null after a reload
   * @param {string | null} id null until it is begun
   */
  constructor(name, size, facts, file, id) {
    this.key = Math.random();
    this.name = name;
    this.size = size;
    this.facts = facts;
    this.file = file;
    this.id = id;
  }

  /** Whether there is something left to do for it. */
  get open() {
    return this.state !== 'published';
  }
}

class Queue extends EventTarget {
  /** @type {Item[]} */
  items = [];

  constructor() {
    super();
    const orphans = memory.orphans();
    for (const kept of orphans.filter(({ ended }) => !ended)) this.#restore(kept);
    void this.#recall(orphans.filter(({ ended }) => ended));
    setInterval(() => memory.stillHere(this.items.flatMap((item) => (item.id && item.open ? [item.id] : []))), STILL_HERE_MS);
    live.on(['package.*'], () => this.#countNodes());
    addEventListener('beforeunload', (event) => this.items.some((item) => item.state === 'sending') && event.preventDefault());
  }

  /** How many go on or wait. */
  get going() {
    return this.items.filter((item) => item.open).length;
  }

  /** How many are in each state. */
  get tally() {
    const count = (/** @type {UploadState[]} */ ...states) => this.items.filter((item) => states.includes(item.state)).length;
    return { all: this.items.length, going: count('queued', 'sending', 'publishing'), waiting: count('needs-file'), paused: count('paused'), failed: count('failed') };
  }

  /**
   * Takes files; one that is the rest of an upload from before a reload goes on with that.
   *
   * @param {{ file: File, facts: import('./tus.js').UploadFacts, replaces: string | null }[]} files
   */
  add(files) {
    const items = files.map(({ file, facts, replaces }) => Object.assign(new Item(file.name, file.size, facts, file, null), { replaces }));
    this.items = [...this.items, ...items];
    this.#work();
  }

  /**
   * Those of some files that an upload waits for go on; the others are returned.
   *
   * @template {{ file: File }} F
   * @param {F[]} files
   */
  resumeWith(files) {
    const rest = files.filter(({ file }) => {
      const item = this.items.find((one) => one.state === 'needs-file' && one.name === file.name && one.size === file.size && one.modified === file.lastModified);
      if (!item) return true;
      item.file = file;
      item.state = 'queued';
      return false;
    });
    this.#work();
    return rest;
  }

  /** @param {Item} item */
  pause(item) {
    item.state = 'paused';
    item.sender?.abort();
    this.changed();
  }

  /** Goes on with a paused or failed one. @param {Item} item */
  resume(item) {
    item.problem = null;
    item.there = undefined;
    item.state = item.file ? 'queued' : 'needs-file';
    this.#work();
  }

  /** Goes on with one that found something else at its path than expected, and replaces that. @param {Item} item */
  replace(item) {
    if (item.there !== undefined) item.replaces = item.there?.revision ?? null;
    this.resume(item);
  }

  /** Takes one off the queue; what the node has of it is forgotten there too. @param {Item} item */
  async remove(item) {
    this.items = this.items.filter((other) => other !== item);
    item.sender?.abort();
    this.changed();
    if (!item.id) return;
    memory.forget(item.id);
    if (!item.over) await call('remove_upload', { path: { id: item.id } }).catch(() => undefined);
  }

  /** Takes off what is done. */
  clear() {
    for (const { id, open } of this.items) if (id && !open) memory.forget(id);
    this.items = this.items.filter((item) => item.open);
    this.changed();
  }

  changed() {
    this.dispatchEvent(new Event('change'));
  }

  /** @param {memory.Remembered} kept */
  #restore(kept) {
    const { id, size } = kept;
    const item = remembered(kept);
    this.items.push(item);
    tus.offset(id).then((at) => {
      item.verified = item.sent = at;
      if (at === size) void this.#published(item);
      this.changed();
    }).catch(() => {
      // The node knows it no more (it was abandoned, or is published since a day), or can't be reached: the file tells.
      this.changed();
    });
  }

  /** Those that ended before the page was loaded, as the node tells of them. @param {memory.Remembered[]} ended */
  async #recall(ended) {
    const found = await Promise.all(ended.map(async (kept) => {
      const told = await call('show_upload', { path: { id: kept.id }, background: true }).catch(asProblem);
      if (!(told instanceof Problem)) return { item: remembered(kept), told };
      if (told.status === 404) memory.forget(kept.id);
      return null;
    }));
    const known = found.filter((one) => one !== null);
    this.items = [...known.map(({ item }) => item), ...this.items];
    for (const { item, told } of known) {
      if (told.error) this.#fail(item, new Problem(told.error.code === 'precondition_failed' ? 412 : 409, 'upload_refused', told.error.detail));
      else this.#ended(item, told.package);
    }
    this.changed();
  }

  /** Begins as many as may be sent at once. */
  #work() {
    let free = SENT_AT_ONCE - this.items.filter((item) => item.state === 'sending' || item.state === 'publishing').length;
    for (const item of this.items) if (item.state === 'queued' && free-- > 0) void this.#send(item);
    this.changed();
  }

  /** @param {Item} item */
  async #send(item) {
    const file = /** @type {File} */ (item.file);
    item.state = 'sending';
    const sender = new AbortController();
    item.sender = sender;
    try {
      if (item.over) {
        if (item.id) memory.forget(item.id);
        Object.assign(item, { id: null, over: false });
      }
      // Whoever pauses and resumes while it is begun doesn't begin a second one.
      item.id ??= await (item.begun ??= this.#begin(item, file).finally(() => (item.begun = null)));
      if (this.items.includes(item)) {
        await tus.sendAll(item.id, file, this.#watch(item, sender.signal));
        await this.#published(item);
      } else {
        // It was taken off the list meanwhile: the node forgets it, too.
        await this.remove(item);
      }
    } catch (error) {
      if (!sender.signal.aborted) this.#fail(item, error);
    }
    this.#work();
  }

  /**
   * @param {Item} item
   * @param {File} file
   */
  async #begin(item, file) {
    const { name, size, facts, replaces } = item;
    const id = await tus.begin(size, facts, replaces);
    item.modified = file.lastModified;
    memory.remember({ id, name, size, modified: file.lastModified, facts, replaces });
    return id;
  }

  /**
   * @param {Item} item
   * @param {AbortSignal} signal
   */
  #watch(item, signal) {
    return {
      signal,
      sending: (/** @type {number} */ bytes) => {
        item.sent = bytes;
        if (bytes === item.size) item.state = 'publishing';
        this.changed();
      },
      verified: (/** @type {number} */ bytes) => {
        item.verified = bytes;
        item.sent = Math.max(item.sent, bytes);
        item.speed.at(bytes);
        this.changed();
      },
      waiting: (/** @type {import('./problem.js').Problem | null} */ problem) => {
        item.problem = problem;
        if (problem) item.state = 'sending';
        this.changed();
      },
    };
  }

  /**
   * @param {Item} item
   * @param {unknown} error
   */
  #fail(item, error) {
    item.problem = asProblem(error);
    item.state = 'failed';
    const forgotten = [404, 410].includes(item.problem.status);
    // An answer to HEAD has no code.
    const stale = item.problem.status === 412;
    if (!forgotten && !stale && item.problem.code !== 'upload_refused') return;
    if (stale) void this.#look(item);
    item.over = true;
    item.sent = item.verified = 0;
    if (item.id) (forgotten ? memory.forget : memory.ended)(item.id);
    // One that the node knows no more (it was abandoned meanwhile) is begun anew, once; one that it refused, by "retry".
    if (forgotten && !item.anew) {
      item.anew = true;
      item.problem = null;
      item.state = 'queued';
    }
  }

  /** Tells what is at an item's path. @param {Item} item */
  async #look(item) {
    item.there = await packageAt(item.facts.path).catch(() => undefined);
    this.changed();
  }

  /** @param {Item} item */
  async #published(item) {
    const id = /** @type {string} */ (item.id);
    memory.ended(id);
    const told = await call('show_upload', { path: { id }, background: true });
    this.#ended(item, told.package);
  }

  /** @param {Item} item @param {Item['package']} made null: it is gone since */
  #ended(item, made) {
    item.package = made;
    item.state = 'published';
    item.over = true;
    item.sent = item.verified = item.size;
    item.file = null;
    void this.#countNodes();
  }

  /** Asks which nodes have what was published here, until all have. */
  async #countNodes() {
    const waiting = this.items.filter((item) => item.package && !(item.nodes && item.nodes.have >= item.nodes.of)).slice(-10);
    await Promise.all(waiting.map(async (item) => {
      const path = item.package?.path ?? '';
      const told = await call('show_replication', { path: { path }, background: true }).catch(() => null);
      if (!told) return;
      const wanting = told.items.filter((holder) => holder.state !== 'remote');
      item.nodes = { have: wanting.filter((holder) => holder.state === 'stored').length, of: wanting.length };
    }));
    if (waiting.length > 0) this.changed();
  }
}

/** One from before a reload. @param {memory.Remembered} kept */
function remembered({ id, name, size, modified, facts, replaces = null }) {
  return Object.assign(new Item(name, size, facts, null, id), { replaces, modified, state: /** @type {UploadState} */ ('needs-file') });
}

/** The queue of this page. */
export const queue = new Queue();
uploading.through(queue);
