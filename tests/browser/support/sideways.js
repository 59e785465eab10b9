// Whether anything of a page is wider than its place. The window itself never scrolls, so its own width says nothing: what is too wide
// makes the page scroll inside the frame, or a table inside its box.

/**
 * What is wider than its place, and by how much.
 * @param {import("playwright-core").Page} page
 * @returns {Promise<string[]>}
 */
export const sideways = (page) => page.evaluate(() =>
  [document.documentElement, ...document.querySelectorAll("main, main .scroll-x:has(> .table), dialog[open], dialog .scroll-x, nav, .top, .tray")]
    .filter((box) => box.scrollWidth > box.clientWidth + 1)
    .map((box) => `${box.localName}.${box.className} ${box.getAttribute("aria-label") ?? ""} is ${box.scrollWidth - box.clientWidth} px wider than its place`));
