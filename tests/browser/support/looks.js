// What nobody complains of by an error, but sees: cards that touch, marks of markup or of a program in the text.

/** So near to each other cards are nowhere. */
const GAP_PX = 10;

/**
 * What is to be seen of that on the page.
 * @param {import("playwright-core").Page} page
 * @returns {Promise<string[]>}
 */
export const flaws = (page) => page.evaluate((least) => {
  const cards = [...document.querySelectorAll("main .card, main .vt")].filter((card) => !card.parentElement?.closest(".card"));
  const boxes = cards.map((card) => ({ ...card.getBoundingClientRect().toJSON(), name: card.querySelector("h2")?.textContent ?? card.className }));
  const apart = (/** @type {any} */ a, /** @type {any} */ b) => Math.max(b.top - a.bottom, a.top - b.bottom, b.left - a.right, a.left - b.right);
  const touching = boxes.flatMap((a, index) => boxes.slice(index + 1).filter((b) => a.width > 0 && b.width > 0 && apart(a, b) < least)
    .map((b) => `“${a.name}” is ${apart(a, b).toFixed(0)} px from “${b.name}”`));
  const text = /** @type {HTMLElement} */ (document.querySelector("main")).innerText;
  const odd = [...text.matchAll(/.*(?:`|undefined|NaN|\[object|Invalid Date).*/g)].map(([line]) => `it says “${line}”`);
  return [...touching, ...odd];
}, GAP_PX);
