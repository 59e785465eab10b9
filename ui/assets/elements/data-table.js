/**
 * Tables of things. In a narrow window each row is a card with its cells below each other, each with its column's name: so nothing of
 * it has to be looked for sideways.
 *
 *     const SHAPE = { label: words.nodes, columns: words.columns, kinds: { 3: 'number' }, actions: true };
 *     dataTable(SHAPE, nodes.map((node) => dataRow(SHAPE, [node.name, …], { end: html`<button>…` })))
 *
 * The roles are those that tables have by themselves: a browser takes them away from what isn't laid out as a table.
 */

import { html, nothing } from '../vendor/lit.js';
import { shared } from '../lib/strings/shared.js';

/**
 * @typedef {object} Shape
 * @property {string} label for screen readers
 * @property {readonly string[]} columns
 * @property {Readonly<Record<number, string>>} [kinds] classes of columns: `number`, `wide-cell`, `progress-cell`, `unbroken`
 * @property {number} [head] the column that names the row; the first unless given
 * @property {boolean} [actions] the rows have an `end`
 * @property {string} [kind] more classes of the table
 */

/** @param {Shape} shape @param {unknown} rows */
export const dataTable = ({ label, columns, kinds = {}, actions = false, kind = '' }, rows) => html`<div class="scroll-x" tabindex="0" role="region" aria-label=${label}>
  <table class=${`table data ${kind}`} role="table">
    <thead role="rowgroup"><tr role="row">${columns.map((name, index) => html`<th scope="col" role="columnheader" class=${kinds[index] === 'number' ? 'number' : ''}>${name}</th>`)}${
      actions ? html`<th role="columnheader"><span class="off-screen">${shared.actions}</span></th>` : nothing}</tr></thead>
    <tbody role="rowgroup">${rows}</tbody>
  </table></div>`;

/**
 * @param {Shape} shape
 * @param {readonly unknown[]} cells
 * @param {{ end?: unknown, kind?: string }} [options] end: what can be done with it
 */
export const dataRow = ({ columns, kinds = {}, head = 0 }, cells, { end, kind = '' } = {}) => html`<tr role="row" class=${kind}>${
  cells.map((cell, index) => html`<td role="cell" class=${`${kinds[index] ?? ''} ${index === head ? 'head-cell' : ''}`} data-label=${columns[index] ?? ''}>${cell}</td>`)}${
  end === undefined ? nothing : html`<td role="cell" class="row-end">${end}</td>`}</tr>`;
