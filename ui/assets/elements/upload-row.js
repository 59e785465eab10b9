/** One upload of the queue, as the tray and the Uploads page show it: progress, state by state, and what one can do. */

import { html, nothing } from '../vendor/lit.js';
import { confirm } from '../lib/dialog.js';
import * as format from '../lib/format.js';
import { packageUrl } from '../lib/router.js';
import { uploads as words } from '../lib/strings/uploads.js';
import { queue } from '../lib/uploads.js';
import { actionButton } from './action.js';
import { icon } from './icon.js';
import { bar } from './parts.js';
import { chooseFiles } from './upload-button.js';

/** @typedef {import('../lib/uploads.js').Item} Item */

/** @param {Item} item */
export function uploadRow(item) {
  const { path } = item.facts;
  const there = item.package ?? item.there;
  return html`<li class=${`upload ${item.state}`} data-state=${item.state}>
    <div class="upload-head">
      ${there ? html`<a class="clip" href=${packageUrl(there.path)}>${format.plain(path)}</a>` : html`<span class="clip" title=${path}>${format.plain(path)}</span>`}
      <span class="row-actions">${controls(item)}</span>
    </div>
    ${bar(item.verified, item.size, { label: path, tone: item.state === 'published' ? 'good' : item.state === 'failed' ? 'bad' : 'busy' })}
    <div class="upload-note">${note(item)}</div>
    ${steps(item)}
  </li>`;
}

/** @param {Item} item */
function controls(item) {
  const small = 'icon-only small quiet';
  const pause = () => queue.pause(item);
  const resume = () => queue.resume(item);
  return html`${item.state === 'sending' || item.state === 'queued' ? html`<button class=${small} title=${words.pause} aria-label=${words.pause} @click=${pause}>${icon('pause')}</button>` : nothing}
    ${item.state === 'paused' ? actionButton({ operation: 'send_bytes', label: words.resume, icon: 'play', kind: small, run: resume }) : nothing}
    ${stale(item) ? actionButton({ operation: 'begin_upload', label: item.there ? words.replace : words.publish, kind: 'small danger', run: () => queue.replace(item) }) : nothing}
    ${item.state === 'failed' && !stale(item) ? actionButton({ operation: 'begin_upload', label: words.retry, icon: 'rotate-cw', kind: small, run: resume }) : nothing}
    ${item.state === 'needs-file' ? actionButton({ operation: 'send_bytes', label: words.chooseFile, icon: 'file', kind: 'small', run: () => chooseFiles() }) : nothing}
    ${item.open
      ? actionButton({ operation: 'remove_upload', label: words.remove, icon: 'x', kind: small, run: () => forget(item) })
      : html`${icon('circle-check', 'good')}<button class=${small} title=${words.dismiss} aria-label=${words.dismiss} @click=${() => queue.remove(item)}>${icon('x')}</button>`}`;
}

/** What is there of it is asked about before it goes. @param {Item} item */
async function forget(item) {
  const body = words.removeBody(format.bytes(item.verified));
  if (item.verified > 0 && !(await confirm({ title: words.removeTitle, body, action: words.remove, danger: true, operation: 'remove_upload' }))) return;
  await queue.remove(item);
}

/** Whether it waits since something else is at its path than whoever began it saw. @param {Item} item */
const stale = (item) => item.state === 'failed' && item.there !== undefined;

/** What is said of that. @param {Item} item */
function staleNote({ there }) {
  if (!there) return words.goneMeanwhile;
  return words.thereMeanwhile(there.version ?? '', there.published_by.by, format.ago(there.published_at));
}

/** @param {Item} item */
function note(item) {
  if (stale(item)) return html`<span class="bad-text">${staleNote(item)}</span>`;
  if (item.state === 'failed') return html`<span class="bad-text">${item.problem?.message}</span>`;
  if (item.problem) return html`<span class="warn-text">${item.problem.code === 'unreachable' ? words.waiting : words.again(item.problem.message)}</span>`;
  const far = words.progress(format.bytes(item.verified), format.bytes(item.size));
  if (item.state !== 'sending') return `${item.state === 'published' ? format.bytes(item.size) : far} · ${words.states[item.state]}`;
  const seconds = item.speed.seconds(item.size - item.verified);
  const pace = item.speed.rate === null ? [] : [format.rate(item.speed.rate)];
  return [far, ...pace, ...(seconds === null ? [] : [words.left(format.duration(seconds))])].join(' · ');
}

/** Sent, verified, published, on N of M nodes: each by itself. @param {Item} item */
function steps(item) {
  const [published, sending] = [item.state === 'published', item.state === 'sending'];
  /** @type {[string, boolean, boolean][]} */
  const rows = [
    [words.steps.sent, item.size > 0 ? item.sent >= item.size : published, sending && item.sent > 0],
    [words.steps.verified, published || (item.size > 0 && item.verified >= item.size), sending && item.verified > 0],
    [words.steps.published, published, item.state === 'publishing'],
    [item.nodes ? words.onNodes(item.nodes.have, item.nodes.of) : words.steps.replicated, !!item.nodes && item.nodes.have >= item.nodes.of, published],
  ];
  return html`<ol class="steps">${rows.map(([label, done, begun]) => html`<li class=${done ? 'done' : begun ? 'begun' : ''}>${icon(done ? 'check' : 'circle')}${label}</li>`)}</ol>`;
}
