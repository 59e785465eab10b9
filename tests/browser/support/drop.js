// Dropping a file on the page, as a browser tells of it.

/**
 * @param {import("playwright-core").Page} page
 * @param {{ name: string, size: number, seed?: number }} file its bytes are made on the page, the same ones each time
 */
export async function drop(page, { name, size, seed = 1 }) {
  await page.evaluate(([name, size, seed]) => {
    const bytes = new Uint8Array(size);
    let state = seed;
    for (let at = 0; at < size; at += 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      bytes[at] = state >>> 24;
    }
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, { lastModified: 1_700_000_000_000 }));
    for (const type of ["dragenter", "dragover", "drop"]) document.body.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: transfer }));
  }, /** @type {const} */ ([name, size, seed]));
}

/** Drops a file and starts its upload. @param {import("playwright-core").Page} page @param {{ name: string, size: number, seed?: number }} file */
export async function upload(page, file) {
  await drop(page, file);
  await page.locator("dialog ods-upload-form button.primary").click();
}
