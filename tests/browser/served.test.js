// What is sent of the page's files is what was written, but for comments: read by a real parser, both are the same program.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, test } from "node:test";
import { transformSync } from "../../ui/node_modules/esbuild/lib/main.js";
import { endNodes, Node } from "./support/node.js";

const SOURCES = new URL("../../ui/assets/", import.meta.url);

after(endNodes);

test("what runs is what is written", async () => {
  const node = await Node.start("served");
  const index = await (await fetch(`${node.url}/ui/`)).text();
  const base = /** @type {RegExpExecArray} */ (/"(\/ui\/assets\/[0-9a-f]+)\/main\.js"/.exec(index))[1];
  const names = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((name) => /\.(js|css)$/.test(name));
  assert.ok(names.length > 100, `${names.length} files`);
  let left = 0;
  for (const name of names) {
    const source = readFileSync(new URL(name, SOURCES), "utf8");
    const sent = await (await fetch(`${node.url}${base}/${name}`)).text();
    const plain = (/** @type {string} */ code) => transformSync(code, { loader: name.endsWith(".css") ? "css" : "js", minifyWhitespace: true, legalComments: "none" }).code;
    assert.equal(plain(sent), plain(source), name);
    left += source.length - sent.length;
  }
  assert.ok(left > 50_000, `comments of ${left} characters were left out`);
});
