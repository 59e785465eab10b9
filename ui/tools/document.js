// Makes what the page has of the OpenAPI document: `ods openapi | npm run document`; with `--check` it only compares.
// - `types/api.d.ts`: its types, with a hash of what they come from, so that a test can tell when they are stale;
// - `assets/lib/operations.js`: method, address and scope of each operation.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { json } from "node:stream/consumers";
import openapi, { astToString } from "openapi-typescript";

const document = await json(process.stdin);
const ui = new URL("../", import.meta.url);

/** What may change without changing a type: what only people read, and bounds. */
const NO_TYPE = new Set([
  "description", "summary", "example", "examples", "info", "tags", "links", "x-ods-scope", "security", "securitySchemes", "title", "default", "format",
  "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems",
]);

/**
 * What of the document makes its types, with keys in order. Refusals are left out: all are one shape, `Problem`. Below
 * `properties` any key is a name. `tests/page.rs` has the same rule.
 * @param {unknown} value
 * @param {string} [under] the key that it stands under
 * @returns {unknown}
 */
function shape(value, under = "") {
  if (Array.isArray(value)) return value.map((one) => shape(one));
  if (typeof value !== "object" || value === null) return value;
  const isKept = (/** @type {string} */ key) =>
    under === "properties" || under === "schemas" || (under === "responses" ? key < "4" : !NO_TYPE.has(key));
  const kept = Object.entries(value).filter(([key]) => isKept(key));
  kept.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(kept.map(([key, one]) => [key, shape(one, under === "properties" || under === "schemas" ? "" : key)]));
}

async function types() {
  const shaped = /** @type {any} */ (shape(document));
  const hash = createHash("sha256").update(JSON.stringify(shaped)).digest("hex");
  const made = astToString(await openapi({ ...shaped, info: document.info }, { defaultNonNullable: false }));
  return `// Made from the OpenAPI document by tools/document.js.\n// The document's shape: ${hash}\n\n${made}`;
}

/** By address, since what is alike stands close together then, and packs small. */
function operations() {
  const lines = [];
  for (const [path, item] of Object.entries(document.paths).sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const [method, { operationId, "x-ods-scope": scope }] of Object.entries(item)) {
      if (operationId) lines.push(`  ${operationId}: { method: '${method.toUpperCase()}', path: '${path}', scope: '${scope}' },\n`);
    }
  }
  return `/** Every operation of the API. Made from the OpenAPI document by tools/document.js. */
export const OPERATIONS = /** @type {const} */ ({
${lines.join("")}});
`;
}

const made = { "types/api.d.ts": await types(), "assets/lib/operations.js": operations() };
for (const [name, text] of Object.entries(made)) {
  if (!process.argv.includes("--check")) writeFileSync(new URL(name, ui), text);
  else if (readFileSync(new URL(name, ui), "utf8") !== text) throw new Error(`${name} is stale: ods openapi | npm run document`);
}
