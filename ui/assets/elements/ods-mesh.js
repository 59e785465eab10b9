/**
 * The mesh as a picture: this node in the middle, the others around it, links between them. A node's ring is the share of its bytes
 * that it has; what moves is dashed, what can't be reached is dotted red. With many nodes the circles become two, and names shorten.
 */

import { html, nothing, svg } from '../vendor/lit.js';
import * as format from '../lib/format.js';
import { heardOf, isDown } from '../lib/health.js';
import { nodeName, peers } from '../lib/node.js';
import { meshPicture as words } from '../lib/strings.js';
import { OdsElement } from './base.js';
import { place } from './mesh-places.js';

/** @typedef {import('../lib/types.js').MeshNode} MeshNode */
/** @typedef {import('../lib/types.js').Transfer} Transfer */
/** @typedef {import('./mesh-places.js').Spot} Spot */

const RING = 24;
const CIRCUMFERENCE = 2 * Math.PI * RING;

class OdsMesh extends OdsElement {
  peers = this.use(peers);
  #narrow = matchMedia('(max-width: 760px)');

  /** @override */
  static properties = { nodes: { attribute: false }, transfers: { attribute: false }, chosen: {} };

  constructor() {
    super();
    /** @type {MeshNode[]} */
    this.nodes = [];
    /** @type {Transfer[]} */
    this.transfers = [];
    /** A node's id, to be marked. */
    this.chosen = '';
    this.listen(this.#narrow, 'change');
  }

  /** @override */
  render() {
    const { spots, width, height, small } = place(this.nodes, this.#narrow.matches);
    return html`<svg class=${`mesh ${small ? 'small' : ''}`} viewBox=${`0 0 ${width} ${height}`} role="group" aria-label=${words.label(this.nodes.length)}>
      ${this.#links(spots).map((link) => this.#link(link))} ${[...spots.values()].map((spot) => this.#node(spot, small))}
    </svg>
    <ul class="legend">
      <li><i class="connected"></i>${words.connected}</li><li><i class="moving"></i>${words.moving}</li>
      <li><i class="unreachable"></i>${words.unreachable}</li><li><i class="paused"></i>${words.pausedLink}</li><li>${words.ring}</li></ul>`;
  }

  /**
   * Each pair of nodes once, with the worse of what the two say and what moves between them.
   *
   * @param {Map<string, Spot>} spots
   */
  #links(spots) {
    /** @type {Map<string, { a: Spot, b: Spot, states: string[], rate: number }>} */
    const links = new Map();
    for (const { node } of spots.values()) {
      for (const link of node.links) {
        const [a, b] = [spots.get(node.id), spots.get(link.node)];
        if (!a || !b) continue;
        const key = [node.id, link.node].sort().join();
        const found = links.get(key) ?? { a, b, states: [], rate: 0 };
        // What a node that is down said last is no news.
        if (node.state !== 'down') found.states.push(link.state);
        links.set(key, found);
      }
    }
    this.#addRates(links);
    return [...links.values()];
  }

  /** @param {Map<string, { rate: number }>} links */
  #addRates(links) {
    const own = this.nodes.find((node) => node.this)?.id ?? '';
    for (const transfer of this.transfers) {
      if (transfer.state !== 'moving') continue;
      const others = transfer.peer ? [transfer.peer] : transfer.sources;
      for (const other of others) {
        const link = links.get([own, other].sort().join());
        if (link) link.rate += (transfer.rate_bytes_per_s ?? 0) / others.length || 1;
      }
    }
  }

  /** @param {{ a: Spot, b: Spot, states: string[], rate: number }} link */
  #link({ a, b, states, rate }) {
    const kind = rate > 0 ? 'moving' : ['connected', 'paused', 'connecting'].find((state) => states.includes(state)) ?? 'unreachable';
    const [x, y] = [(a.x + b.x) / 2 + (b.y - a.y) * 0.08, (a.y + b.y) / 2 - (b.x - a.x) * 0.08];
    return svg`<path class=${`link ${kind}`} d=${`M${a.x} ${a.y}Q${x} ${y} ${b.x} ${b.y}`}></path>
      ${rate > 1 ? svg`<text class="rate" x=${(a.x + b.x + 2 * x) / 4} y=${(a.y + b.y + 2 * y) / 4}>${format.rate(rate)}</text>` : nothing}`;
  }

  /**
   * @param {Spot} spot
   * @param {boolean} small
   */
  #node({ node, x, y }, small) {
    const { tone, says, share } = standing(node, this.nodes, this.peers.value?.items.find(({ id }) => id === node.id)?.last_seen);
    const name = nodeName(node.id);
    return svg`<a class=${`node ${tone} ${node.this ? 'this' : ''} ${node.id === this.chosen ? 'chosen' : ''}`} href=${`/ui/mesh?node=${node.id}`} aria-label=${`${name}: ${says}`}>
      <title>${name}: ${says}</title>
      <circle class="disc" cx=${x} cy=${y} r=${RING}></circle>
      <circle class="ring" cx=${x} cy=${y} r=${RING} stroke-dasharray=${`${CIRCUMFERENCE * share} ${CIRCUMFERENCE}`} transform=${`rotate(-90 ${x} ${y})`}></circle>
      <path class="glyph" d=${`M${x - 8} ${y - 7}h16v6h-16zM${x - 8} ${y + 1}h16v6h-16z`}></path>
      <text class="name" x=${x} y=${y + RING + 16}>${clip(name, small ? 10 : 18)}</text>
      ${small ? nothing : svg`<text class="says" x=${x} y=${y + RING + 31}>${says}</text>`}
    </a>`;
  }
}

/** Whether somebody here paused the link with a node. @param {MeshNode} node @param {readonly MeshNode[]} nodes */
export const isPaused = (node, nodes) => nodes.find((one) => one.this)?.links.some((link) => link.node === node.id && link.state === 'paused') ?? false;

/**
 * How a node stands, in a colour, a few words, and the share of its bytes that it has.
 *
 * @param {MeshNode} node
 * @param {readonly MeshNode[]} nodes
 * @param {string | null} [heard] when this node heard of it last, if it has a link with it; its state may be older
 * @returns {{ tone: string, says: string, share: number }}
 */
export function standing(node, nodes, heard = null) {
  const lacks = node.behind.bytes ?? 0;
  const has = node.storage?.bytes ?? 0;
  const share = lacks > 0 ? has / (has + lacks) : 1;
  if (isPaused(node, nodes)) return { tone: 'warn', says: words.paused, share };
  if (node.state === 'down' && !isDown(node, nodes)) return { tone: 'busy', says: words.connecting, share };
  if (node.state === 'down') return { tone: 'bad', says: lastHeard(heardOf(node, nodes, heard)), share };
  if (node.state !== 'up') return { tone: 'warn', says: words.unknown, share };
  if (lacks > 0) return { tone: node.rate_bytes_per_s || node.this ? 'busy' : 'warn', says: `${format.percent(share)} · ${words.left(format.bytes(lacks))}`, share };
  if (node.behind.events) return { tone: 'busy', says: words.news, share };
  return { tone: 'good', says: node.this ? words.this : words.synced, share: 1 };
}

/** @param {string | null} when */
const lastHeard = (when) => (when === null ? words.unreachable : words.offline(format.ago(when)));

/**
 * @param {string} name
 * @param {number} most
 */
function clip(name, most) {
  return name.length > most ? `${name.slice(0, most - 1)}…` : name;
}

customElements.define('ods-mesh', OdsMesh);
