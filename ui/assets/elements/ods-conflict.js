/** Two nodes published different things under one path: both sides beside each other, and one is kept with one press. */

import { html, nothing } from '../vendor/lit.js';
import * as format from '../lib/format.js';
import { Resource } from '../lib/resource.js';
import { headsOf, mayTellOf } from '../lib/revisions.js';
import { packagePage as words } from '../lib/strings/packages.js';
import { actionButton } from './action.js';
import { OdsElement } from './base.js';
import { digest } from './copy.js';
import { facts } from './facts.js';
import { icon } from './icon.js';
import { restore } from './package-actions.js';
import { badge, card, shown } from './parts.js';

/** @typedef {import('../lib/types.js').Revision} Revision */

class OdsConflict extends OdsElement {
  /** @override */
  static properties = { path: {}, ended: { attribute: false } };

  sides = this.use(new Resource(() => headsOf(this.path), { on: ['package.*', 'node.*'], about: (record) => mayTellOf(record, this.path) }));

  constructor() {
    super();
    this.path = '';
    /** @type {() => void} */
    this.ended = () => undefined;
  }

  /** @override @param {Map<string, unknown>} changed */
  willUpdate(changed) {
    if (changed.get('path')) this.sides.anew();
  }

  /** @override */
  render() {
    return html`<section class="conflict" aria-label=${words.conflictTitle}>
      <div class="notice warn">${icon('triangle-alert')}<span><strong>${words.conflictTitle}</strong><br>${words.conflictBody}</span></div>
      ${shown(this.sides, (sides) => html`<div class="grid sides">${sides.map((side) => sideCard(this.path, side, sides, this.ended))}</div>`)}
    </section>`;
  }
}

customElements.define('ods-conflict', OdsConflict);

/**
 * @param {string} path
 * @param {Revision} side
 * @param {readonly Revision[]} sides
 * @param {() => void} ended
 */
function sideCard(path, side, sides, ended) {
  const differs = (/** @type {keyof Revision} */ name) => sides.some((other) => JSON.stringify(other[name]) !== JSON.stringify(side[name]));
  const row = (/** @type {string} */ label, /** @type {keyof Revision} */ name, /** @type {unknown} */ value) =>
    /** @type {[unknown, unknown]} */ ([label, html`<span class=${differs(name) ? 'differs' : ''} title=${differs(name) ? words.differs : nothing}>${value ?? words.none}</span>`]);
  const keep = async () => {
    await restore(path, side.revision);
    ended();
  };
  const name = side.published_by.name ?? format.shortId(side.published_by.node);
  return card({ title: words.by(side.published_by.by, name), link: side.current ? badge('warn', words.served) : nothing, kind: 'side' }, html`
    ${facts([
      [words.when, format.date(side.published_at)], row(words.version, 'version', side.version),
        row(words.size, 'size', format.bytes(side.size)), row(words.title, 'title', side.title), row(words.tags, 'tags', side.tags.join(', ') || null),
      row(words.notes, 'notes', side.notes), row(words.sha256, 'sha256', side.sha256 ? digest(side.sha256, { what: words.sha256, short: true }) : null),
    ])}
    <div class="panel-actions">${actionButton({ operation: 'restore_revision', label: words.keep, icon: 'check', kind: 'primary', refusal: side.bytes_held ? null : words.bytesGone, run: keep })}
      ${side.bytes_held ? html`<a class="button" href=${`/blobs/${side.blob}`} download=${format.fileName(path)}>${icon('download')}<span>${words.download}</span></a>` : nothing}</div>`);
}
