/** What this node runs with, and where each value comes from; its name, limits, listeners. */

import { html, nothing } from '../vendor/lit.js';
import * as format from '../lib/format.js';
import { call } from '../lib/api.js';
import { ENDS_SOON_DAYS, daysLeft } from '../lib/health.js';
import { node } from '../lib/node.js';
import { resource } from '../lib/resource.js';
import { router } from '../lib/router.js';
import { session } from '../lib/session.js';
import { text as common } from '../lib/strings.js';
import { settings as words } from '../lib/strings/settings.js';
import { shared, titles } from '../lib/strings/shared.js';
import { toast } from '../lib/toast.js';
import { fromWindows } from '../lib/week.js';
import { actionButton } from '../elements/action.js';
import { OdsElement } from '../elements/base.js';
import { digest } from '../elements/copy.js';
import { dataRow, dataTable } from '../elements/data-table.js';
import { facts } from '../elements/facts.js';
import { icon } from '../elements/icon.js';
import { editNode, limitNode } from '../elements/node-dialogs.js';
import '../elements/ods-policy.js';
import '../elements/ods-week-grid.js';
import { badge, card, pageHead, prose, shown } from '../elements/parts.js';
import { asked, hasAsked, searchField } from '../elements/search-field.js';
import { changeSetting, shownValue, storeSetting } from '../elements/setting-dialog.js';

/** @typedef {import('../lib/types.js').Schemas['Setting']} Setting */
/** @typedef {import('../lib/types.js').NodeFacts} NodeFacts */

const settings = resource('show_settings', {}, { everyMs: 30_000, on: ['settings.*', 'node.changed'] });
/** These have a place of their own on the page. */
const ELSEWHERE = new Set(['listeners']);

class PageSettings extends OdsElement {
  settings = session.refusal('show_settings') ? null : this.use(settings);
  node = this.use(node);

  constructor() {
    super();
    this.listen(router, 'change', () => this.#placed());
    this.whileShown(() => this.#placed());
  }

  /** A link from elsewhere may lead to the form of the node's name and addresses. */
  #placed() {
    const { path, query } = router.place;
    if (path === 'settings' && query.get('edit') === 'node') {
      router.setQuery({ edit: null });
      if (!session.refusal('edit_node')) void call('show_node', { background: true }).then(edit);
    }
    this.requestUpdate();
  }

  /** @override */
  render() {
    return html`${pageHead({ title: titles.settings, actions: searchField(words.find) })}
      <div class="stack">
        ${asked() ? nothing : shown(this.node, (facts_) => html`<div class="grid halves">${this.#node(facts_)} ${limits(facts_)}</div><ods-policy></ods-policy>`)}
        ${this.settings ? shown(this.settings, (all) => html`
          ${all.restart_needed ? html`<div class="notice warn">${icon('rotate-cw')}<span>${words.restartAll}</span></div>` : nothing}
          ${asked() || !this.node.value ? nothing : listeners(this.node.value, all.items.find(({ key }) => key === 'listeners'))}
          <div class="stack" data-operation="show_settings">${groups(all.items.filter((item) => !ELSEWHERE.has(item.key) && fits(item)), all.version)}</div>`)
          : html`<p class="quiet">${session.refusal('show_settings')}</p>`}
      </div>`;
  }

  /** @param {NodeFacts} facts_ */
  #node(facts_) {
    const link = actionButton({ operation: 'edit_node', label: words.edit, icon: 'pencil', kind: 'small', run: () => edit(facts_) });
    return card({ title: words.node, link }, facts([
      [words.name, facts_.name], [words.id, digest(facts_.id, { what: words.id, short: true })],
        [words.role, facts_.role ? shared.roles[/** @type {'owner'} */ (facts_.role)] ?? facts_.role : shared.unknown],
      [words.root, digest(facts_.root, { what: words.root, short: true })], [words.version, facts_.version],
      [words.urls, facts_.urls.length ? facts_.urls.map((url) => html`<div><code>${url}</code></div>`) : words.found],
    ]));
  }
}

customElements.define('page-settings', PageSettings);

/** @param {NodeFacts} facts_ */
async function edit(facts_) {
  if (await editNode(facts_)) toast(words.saved);
  await node.refresh();
}

/** @param {NodeFacts} facts_ */
function limits(facts_) {
  const { down_bytes_per_s: down, up_bytes_per_s: up, windows } = facts_.limits;
  const rate = (/** @type {number | null | undefined} */ value) => (value === null || value === undefined ? words.noLimit : format.rate(value));
  const edit = actionButton({ operation: 'edit_node', label: words.editLimits, icon: 'pencil', kind: 'small', run: async () => void (await limitNode(facts_), await node.refresh()) });
  return card({ title: words.limits, link: edit }, html`<div class="stack">${facts([[words.down, rate(down)], [words.up, rate(up)]])}
    ${windows?.length ? html`<ods-week-grid readonly .week=${fromWindows(windows)}></ods-week-grid>` : html`<p class="quiet">${words.always}</p>`}</div>`);
}

const LISTENERS = { label: words.tls, columns: words.tlsColumns };

/** Where the node listens, whether that is encrypted, and until when. @param {NodeFacts} facts_ @param {Setting | undefined} setting */
function listeners({ listeners: rows }, setting) {
  const given = /** @type {{ tls?: { certificate?: string } }[]} */ (Array.isArray(setting?.value) ? setting.value : []);
  return card({ title: words.tls, link: html`<small>${setting?.place ?? nothing}</small>` },
    html`${dataTable(LISTENERS, rows.map((one, index) => dataRow(LISTENERS,
      [html`<code>${one.address}</code>`, tlsState(one, given[index]?.tls?.certificate), certificateEnd(one), one.surfaces.join(', ')])))}
    <p class="hint">${words.tlsHint}</p>`);
}

/** @typedef {NodeFacts['listeners'][number]} Listener */

/** @param {Listener} listener @param {string | undefined} file */
function tlsState({ tls }, file) {
  if (tls === 'none') return badge('warn', words.plain);
  return badge('good', tls === 'self-signed' ? words.selfSigned : words.certificate(file ?? ''));
}

/** @param {Listener} listener */
function certificateEnd({ certificate }) {
  if (!certificate) return common.none;
  const days = daysLeft(certificate.expires_at);
  const end = html`${certificate.expires_at ? format.date(certificate.expires_at) : shared.unknown}<br>${digest(certificate.sha256, { what: 'SHA-256', short: true })}`;
  if (days === null || days > ENDS_SOON_DAYS) return end;
  return html`${badge(days < 0 ? 'bad' : 'warn', days < 0 ? words.ended : words.endsIn(days))} ${end}`;
}

/** @param {Setting} setting */
const fits = ({ key, meaning }) => hasAsked(`${key} ${meaning}`);

/** Settings by the table they are in. @param {readonly Setting[]} items @param {number} version */
function groups(items, version) {
  if (items.length === 0) return html`<p class="quiet">${words.none}</p>`;
  const names = [...new Set(items.map(({ key }) => group(key)))];
  return names.map((name) => card({ title: name }, html`<div class="settings">${items.filter(({ key }) => group(key) === name).map((item) => row(item, version))}</div>`));
}

/** @param {string} key */
const group = (key) => (key.includes('.') ? key.slice(0, key.indexOf('.')) : 'node');

/** @param {Setting} setting @param {number} version */
function row(setting, version) {
  const { key, meaning, value, source, place, change, stored, restart_needed: restart } = setting;
  const refusal = change === 'never' ? words.never : source !== 'default' && source !== 'stored' ? words.elsewhere(place) : null;
  return html`<div class="setting">
    <div class="setting-text"><code>${key}</code><p class="quiet">${prose(meaning)}</p></div>
    <div class="setting-value"><span>${shownValue(value)}</span> <span class="tag" title=${place}>${words.sources[/** @type {'file'} */ (source)] ?? source}${source === 'file'
      ? ` ${place}` : ''}</span>
      ${restart ? badge('warn', words.needsRestart(shownValue(stored))) : nothing}</div>
    <div class="row-actions">
      ${stored === null ? nothing : actionButton({ operation: 'edit_settings', label: words.reset, icon: 'undo-2', kind: 'small quiet icon-only', run: () => reset({ setting, version }) })}
      ${actionButton({ operation: 'edit_settings', label: `${words.change} ${key}`, icon: 'pencil', kind: 'small quiet icon-only',
        refusal, run: async () => void ((await changeSetting({ setting, version })) && toast(words.saved), await settings.refresh()) })}
    </div></div>`;
}

/** @param {import('../elements/setting-dialog.js').SeenSetting} seen */
async function reset(seen) {
  const now = await storeSetting(seen, null);
  if (now === null) toast(words.resetDone);
  else toast(common.problem.stale, { kind: 'bad' });
  await settings.refresh();
}
