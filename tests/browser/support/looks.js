// What nobody complains of by an error, but sees: cards that touch, columns, heads and buttons that aren't in line, hints that are cut,
// marks of markup or of a program in the text.

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
  const numbers = [...document.querySelectorAll("main td.number")].filter((cell) => getComputedStyle(cell).display === "table-cell");
  const above = numbers.map((cell) => cell.closest("table")?.tHead?.rows[0]?.cells[/** @type {HTMLTableCellElement} */ (cell).cellIndex]);
  const askew = [...new Set(above)].filter((head) => head && getComputedStyle(head).textAlign !== "right").map((head) => `“${head?.textContent}” isn't above its numbers`);
  const wide = [...document.querySelectorAll("main thead th")].filter((head) => {
    const range = document.createRange();
    range.selectNodeContents(head);
    return getComputedStyle(/** @type {Element} */ (head.closest("thead"))).clipPath === "none" && range.getBoundingClientRect().right > head.getBoundingClientRect().right;
  }).map((head) => `“${head.textContent}” is wider than its column`);
  const middle = (/** @type {Element} */ one) => one.getBoundingClientRect().top + one.getBoundingClientRect().height / 2;
  const uneven = [...document.querySelectorAll("main .row-end")].filter((row) => {
    const [first, ...others] = [...row.querySelectorAll("button, .button")].filter((one) => one.getClientRects().length > 0);
    return first && others.some((one) => Math.abs(middle(one) - middle(first)) > 1 && Math.abs(middle(one) - middle(first)) < 10);
  }).map((row) => `“${row.textContent?.trim().replace(/\s+/g, " ")}” isn't on one line`);
  const cut = innerWidth > 760 ? [] : [...document.querySelectorAll("main .event .clip")].filter((one) => one.scrollWidth > one.clientWidth).map((one) => `“${one.textContent}” is cut, and there is no pointer to hold on it`);
  const heads = [...document.querySelectorAll("main .card > .card-head > h2")].map((head) => ({ text: head.textContent, top: head.getBoundingClientRect().top, card: /** @type {Element} */ (head.closest(".card")).getBoundingClientRect().top }));
  const crooked = heads.flatMap((a, index) => heads.slice(index + 1).filter((b) => a.card === b.card && Math.abs(a.top - b.top) > 0.5).map((b) => `“${a.text}” and “${b.text}” aren't on one line`));
  const hints = [...document.querySelectorAll("input[placeholder]")].filter((one) => {
    const { fontSize, fontFamily, paddingLeft, paddingRight } = getComputedStyle(one);
    const pen = Object.assign(/** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d")), { font: `${fontSize} ${fontFamily}` });
    return one.clientWidth > 0 && pen.measureText(/** @type {HTMLInputElement} */ (one).placeholder).width > one.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
  }).map((one) => `“${/** @type {HTMLInputElement} */ (one).placeholder}” is cut`);
  const text = /** @type {HTMLElement} */ (document.querySelector("main")).innerText;
  const odd = [...text.matchAll(/.*(?:`|undefined|NaN|\[object|Invalid Date).*/g)].map(([line]) => `it says “${line}”`);
  return [...touching, ...askew, ...wide, ...new Set(uneven), ...cut, ...crooked, ...hints, ...odd];
}, GAP_PX);
