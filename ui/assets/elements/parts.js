/** What has no state of its own, as template functions: page heads, cards, badges, bars, empty states, problems, notices. */

import { html, nothing } from '../vendor/lit.js';
import { text } from '../lib/strings.js';
import { live } from '../lib/live.js';
import { icon } from './icon.js';

/** @typedef {import('../lib/icons.js').IconName} IconName */
/** @typedef {'good' | 'bad' | 'warn' | 'busy' | 'plain'} Tone */

/**
 * The head of a page: its name, what stands beside it, and what one can do.
 *
 * @param {{ title: unknown, beside?: unknown, actions?: unknown }} head
 */
export function pageHead({ title, beside = nothing, actions = nothing }) {
  return html`<header class="page-head">
    <h1 tabindex="-1">${title}</h1>
    <div class="beside">${beside}</div>
    <div class="actions">${actions}</div>
  </header>`;
}

/**
 * @param {{ title?: unknown, link?: unknown, kind?: string }} head
 * @param {unknown} content
 */
export function card({ title, link = nothing, kind = '' }, content) {
  return html`<section class=${`card ${kind}`}>
    ${title ? html`<header class="card-head"><h2>${title}</h2>${link}</header>` : nothing} ${content}
  </section>`;
}

/**
 * @param {Tone} tone
 * @param {unknown} words
 * @param {string} [title]
 */
export function badge(tone, words, title = '') {
  return html`<span class=${`badge ${tone}`} title=${title || nothing}>${words}</span>`;
}

/**
 * How far something is.
 *
 * @param {number} done
 * @param {number} total 0: it can't be told
 * @param {{ label: string, tone?: Tone }} options
 */
export function bar(done, total, { label, tone = 'busy' }) {
  return html`<progress class=${`bar ${tone}`} aria-label=${label} max="1" .value=${total > 0 ? Math.min(1, done / total) : 0}></progress>`;
}

/**
 * A number that matters.
 *
 * @param {{ icon: IconName, label: string, value: unknown, unit?: unknown, note?: unknown, href?: string }} tile
 */
export function tile({ icon: name, label, value, unit = nothing, note = nothing, href }) {
  const content = html`<span class="tile-label">${icon(name)}${label}</span>
    <span class="tile-value"><strong>${value}</strong> <span>${unit}</span></span>
    <span class="tile-note">${note}</span>`;
  return href ? html`<a class="card tile" href=${href}>${content}</a>` : html`<div class="card tile">${content}</div>`;
}

/**
 * Nothing here yet, and what to do about it.
 *
 * @param {{ icon: IconName, title: string, body?: unknown, action?: unknown }} empty
 */
export function emptyState({ icon: name, title, body = nothing, action = nothing }) {
  return html`<div class="empty">${icon(name, 'big')}<p class="empty-title">${title}</p><p>${body}</p>${action}</div>`;
}

/** Words of the node for people: what stands between backticks is to be typed, and looks so. @param {string} words */
export const prose = (words) => words.split('`').map((part, index) => (index % 2 ? html`<code>${part}</code>` : part));

/**
 * What is to be heeded.
 *
 * @param {string} kind classes: `bad` or `warn`, `banner`
 * @param {IconName} name
 * @param {unknown} words
 * @param {unknown} [action]
 */
export const alert = (kind, name, words, action = nothing) => html`<div class=${`notice ${kind}`} role="alert">${icon(name)}<span>${words}</span>${action}</div>`;

/** A small button that stands in an alert. @param {string} label @param {() => void} run @param {string} [kind] @param {boolean} [busy] */
export const smallButton = (label, run, kind = '', busy = false) => html`<button class=${`small ${kind}`} aria-busy=${busy} @click=${run}>${label}</button>`;

/**
 * What went wrong, and a way on; where only a reload helps, that.
 *
 * @param {import('../lib/problem.js').Problem} problem
 * @param {() => void} [retry]
 * @param {boolean} [busy] it is being tried again; the button stays, and with it the focus
 */
export function problemBox(problem, retry, busy) {
  if (problem.code === 'updated') return updatedNotice(problem.message);
  const words = html`${prose(problem.message)} <code class="quiet">${problem.code}</code>`;
  return alert('bad', 'circle-alert', words, retry ? smallButton(text.again, retry, '', busy) : nothing);
}

/** That the node was updated, and a reload that fetches its page. */
export const updatedNotice = (title = text.update.title) => alert('warn banner', 'refresh-cw', title, smallButton(text.update.reload, () => location.reload(), 'primary'));

/**
 * A resource as it is: waiting, not to be had, or its value (with a line above it if it is out of date).
 *
 * @template T
 * @param {import('../lib/resource.js').Resource<T>} resource
 * @param {(value: T) => unknown} view
 */
export function shown(resource, view) {
  const { value, problem } = resource;
  const retry = () => void resource.refresh();
  // That one may not see it is no failure, and no second try helps.
  if (problem?.status === 403) return html`<p class="quiet">${problem.message}</p>`;
  if (value === undefined) return problem && !isSaid(problem) ? problemBox(problem, retry) : waiting();
  return html`${problem && problem.status !== 0 ? problemBox(problem, retry) : nothing}${view(value)}`;
}

/** That the node can't be reached is said once, above the page (`ods-banner`). @param {import('../lib/problem.js').Problem} problem */
export const isSaid = ({ code }) => code === 'unreachable' && live.state === 'lost';

/** Something is on its way. */
export function waiting() {
  return html`<div class="waiting" role="status"><span class="off-screen">${text.loading}</span></div>`;
}
