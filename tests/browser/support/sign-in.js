// Getting in, as people do.

/**
 * Signs in with a token.
 * @param {import("playwright-core").Page} page
 * @param {import("./node.js").Node} node
 * @param {string} [at] below /ui/
 */
export async function signIn(page, node, at = "") {
  await page.goto(`${node.url}/ui/${at}`);
  await page.getByLabel("Password or token").fill(/** @type {string} */ (node.token));
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("navigation").first().waitFor();
}
