/** The mesh, drawn: nodes with the share of packages they hold as a ring, links, and what moves along them. */

import { html, svg, nothing } from '../vendor/lit.js';
import * as format from '../lib/format.js';
import { HEIGHT, WIDTH, lines, path, spots } from '../lib/mesh-layout.js';
import { mesh, node, transfers } from '../lib/node.js';
import { mesh as words } from '../lib/strings/mesh.js';
import { asset } from '../lib/trusted.js';
import { OdsElement } from './base.js';
import { shown } from './parts.js';

/** @typedef {import('../lib/mesh-layout.js').Spot} Spot */
/** @typedef {import('../lib/mesh-layout.js').Line} Line */

const server = `${asset('icons.svg')}#server`;
/** With more nodes, only names are written, and states in colour. */
const NOTES_MAX = 14;

class OdsMeshPicture extends OdsElement {
  mesh = this.use(mesh);
  node = this.use(node);
  transfers = this.use(transfers);

  /** @override */
  render() {
    return shown(this.mesh, ({ items }) => {
      const places = spots(items, this.node.value?.packages ?? 0);
      const drawn = lines(places, this.transfers.value?.items ?? []);
      return html`<div class="mesh-picture" data-operation="list_mesh">
        <svg role="img" aria-label=${words.described(items.length)} viewBox=${`0 0 ${WIDTH} ${HEIGHT}`}>
          ${drawn.map(line)} ${places.map((place) => one(place, places.length <= NOTES_MAX))}
        </svg>
        <p class="legend" aria-hidden="true">
          <span><i class="connected"></i>${words.legend.connected}</span><span><i class="moving"></i>${words.legend.moving}</span>
          <span><i class="broken"></i>${words.legend.broken}</span><span>${words.legend.ring}</span>
        </p>
      </div>`;
    });
  }
}

customElements.define('ods-mesh-picture', OdsMeshPicture);

/** @param {Line} drawn */
function line(drawn) {
  const [x, y] = [(drawn.from.x + drawn.to.x) / 2, (drawn.from.y + drawn.to.y) / 2];
  return svg`<path class=${`link ${drawn.kind}`} d=${path(drawn)}></path>
    ${drawn.rate ? svg`<text class="rate" x=${x} y=${y + 4}>${format.rate(drawn.rate)}</text>` : nothing}`;
}

/**
 * @param {Spot} place
 * @param {boolean} noted
 */
function one({ node: of, x, y, r, tone, share }, noted) {
  const around = 2 * Math.PI * r;
  const size = r * 0.8;
  return svg`<g class=${`node ${tone} ${of.this ? 'this' : ''}`} transform=${`translate(${x.toFixed(1)} ${y.toFixed(1)})`}>
    <title>${of.name ?? of.id}</title>
    <circle class="rest" r=${r}></circle>
    <circle class="held" r=${r} transform="rotate(-90)" stroke-dasharray=${`${(around * share).toFixed(1)} ${around.toFixed(1)}`}></circle>
    <use href=${server} x=${-size / 2} y=${-size / 2} width=${size} height=${size}></use>
    <text class="name" y=${r + (noted ? 16 : 11)}>${short(of.name ?? format.shortId(of.id), noted ? 22 : 10)}</text>
    ${noted ? svg`<text class="note" y=${r + 30}>${note(of)}</text>` : nothing}
  </g>`;
}

/** @param {string} name @param {number} max */
const short = (name, max) => (name.length > max ? `${name.slice(0, max - 1)}…` : name);

/** How a node stands, in a few words. @param {import('../lib/types.js').MeshNode} of */
function note(of) {
  if (of.this) return words.thisServer;
  if (of.state === 'down') return words.offline(of.as_of ? format.ago(of.as_of) : '');
  if (of.state !== 'up' || of.wants === null) return words.noNews;
  if (of.wants || of.behind.events) return of.behind.bytes ? words.left(of.behind.bytes) : words.events(of.behind.events ?? 0);
  return words.sync;
}
