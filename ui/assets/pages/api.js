/** The admin API, from its own document: every operation, explained and to be tried. */

import { html } from '../vendor/lit.js';
import { repeat } from '../vendor/directives.js';
import { address } from '../lib/api.js';
import { operations } from '../lib/openapi.js';
import { resource } from '../lib/resource.js';
import { router } from '../lib/router.js';
import { api as words } from '../lib/strings/api.js';
import { titles } from '../lib/strings/shared.js';
import { OdsElement } from '../elements/base.js';
import { icon } from '../elements/icon.js';
import '../elements/ods-operation.js';
import { card, pageHead, shown } from '../elements/parts.js';
import { hasAsked, searchField } from '../elements/search-field.js';

/** @typedef {import('../lib/openapi.js').Operation} Operation */

const HOUR_MS = 3_600_000;
const openapi = resource('show_document', {}, { everyMs: HOUR_MS });

class PageApi extends OdsElement {
  openapi = this.use(openapi);

  constructor() {
    super();
    this.listen(router, 'change');
  }

  /** @override */
  render() {
    const find = html`${searchField(words.find)}
      <a class="button" data-operation="show_document" href=${address('show_document', {})} target="_blank" rel="noopener">${icon('external-link')}${words.document}</a>
      <a class="button" data-operation="show_docs" href=${address('show_docs', {})} target="_blank" rel="noopener">${icon('external-link')}${words.plain}</a>`;
    return html`${pageHead({ title: titles.api, actions: find })}
      <div class="stack">${shown(this.openapi, (document) => this.#groups(document, operations(document).filter(fits)))}</div>`;
  }

  /** @param {any} document @param {readonly Operation[]} found */
  #groups(document, found) {
    if (found.length === 0) return html`<p class="quiet">${words.none}</p>`;
    const tags = /** @type {{ name: string, description?: string }[]} */ (document.tags ?? []);
    const names = [...new Set(found.map(({ tag }) => tag))];
    return names.map((name) => card({ title: tags.find((tag) => tag.name === name)?.description ?? name }, html`<div class="operations">
      ${repeat(found.filter(({ tag }) => tag === name), ({ id }) => id, (operation) => html`<ods-operation .operation=${operation} .document=${document}></ods-operation>`)}</div>`));
  }
}

customElements.define('page-api', PageApi);

/** @param {Operation} operation */
const fits = ({ id, path, summary, method }) => hasAsked(`${id} ${method} ${path} ${summary}`);

