// Makes `assets/vendor` from packages: Lit as one readable module and its directives as another, a maker of QR codes, and two sprites
// of Lucide's icons.
// `npm run vendor` after changing a version in package.json or a name in `assets/lib/icons.js` or `more-icons.js`; the outcome is committed.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import ts from "typescript";
import { FIRST } from "../assets/lib/icons.js";
import { MORE } from "../assets/lib/more-icons.js";

const assets = new URL("../assets/", import.meta.url);
const packages = new URL("../node_modules/", import.meta.url);

/** What the page uses, and what the directives, which a first visit doesn't need, use of it. */
const entry = [
  'export { LitElement, html, nothing, svg } from "lit";',
  'export { noChange, _$LH } from "lit-html";',
].join("\n");

const directives = [
  'export { keyed } from "lit/directives/keyed.js";',
  'export { repeat } from "lit/directives/repeat.js";',
].join("\n");

/** What Lit's own release build switches off, and what is for browsers that the page doesn't run in: what is behind these goes. */
const OFF = new Set(["DEV_MODE", "NODE_MODE", "ENABLE_EXTRA_SECURITY_HOOKS", "ENABLE_SHADYDOM_NOPATCH", "debugLogEvent", "polyfillSupport"]);

/** Calls that give their first argument back, where those of `OFF` are off. */
const SAME = new Set(["wrap", "JSCompiler_renameProperty"]);

/** What a condition is known to be; undefined if only running tells. @type {(condition: ts.Expression) => boolean | undefined} */
function known(condition) {
  if (ts.isIdentifier(condition)) return OFF.has(condition.text) ? false : undefined;
  if (ts.isPrefixUnaryExpression(condition) && condition.operator === ts.SyntaxKind.ExclamationToken) {
    const inner = known(condition.operand);
    return inner === undefined ? undefined : !inner;
  }
  const isAnd = ts.isBinaryExpression(condition) && condition.operatorToken.kind === ts.SyntaxKind.AmpersandAmpersandToken;
  return isAnd && known(condition.left) === false ? false : undefined;
}

/**
 * The readable sources are those for development; without what they do only then, as Lit's own release build has them.
 * @param {string} source
 */
function withoutDevelopment(source) {
  const { factory } = ts;
  /** @type {ts.TransformerFactory<ts.SourceFile>} */
  const strip = (context) => (file) => {
    /** @type {ts.Visitor} */
    const visit = (node) => {
      if (ts.isIfStatement(node) && known(node.expression) === false) {
        return node.elseStatement ? ts.visitNode(node.elseStatement, visit) : undefined;
      }
      if (ts.isIfStatement(node) && known(node.expression)) return ts.visitNode(node.thenStatement, visit);
      if (ts.isConditionalExpression(node) && known(node.condition) === false) return ts.visitNode(node.whenFalse, visit);
      if (ts.isExpressionStatement(node) && known(ts.isCallExpression(node.expression) ? node.expression.expression : node.expression) === false) return undefined;
      if (ts.isVariableStatement(node) && node.declarationList.declarations.every(({ name, initializer }) => ts.isIdentifier(name) && OFF.has(name.text) && initializer?.kind !== ts.SyntaxKind.FalseKeyword)) return undefined;
      if (ts.isBinaryExpression(node) && known(node) === false) return factory.createFalse();
      if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && SAME.has(node.expression.text)) return ts.visitNode(node.arguments[0], visit);
      return ts.visitEachChild(node, visit, context);
    };
    return /** @type {ts.SourceFile} */ (ts.visitNode(file, visit));
  };
  const constants = new RegExp(`^const (${[...OFF].join("|")}) = (true|false);$`, "gm");
  const parsed = ts.createSourceFile("lit.js", source.replace(constants, "const $1 = false;"), ts.ScriptTarget.ES2022, true);
  const { transformed } = ts.transform(parsed, [strip]);
  // Names stay as they are, so that it can be read; what is said beside it is in Lit's own sources.
  return ts.createPrinter({ removeComments: true }).printFile(/** @type {ts.SourceFile} */ (transformed[0]));
}

/** In place of what gives a shadow root its styles: elements of this page have none, and the style sheet is the document's. */
const NO_STYLES = "export const getCompatibleStyle = (styles) => styles; export const adoptStyles = () => {};";

/** @type {import("esbuild").Plugin} */
const released = {
  name: "released",
  setup(bundler) {
    bundler.onLoad({ filter: /reactive-element\/.*\/css-tag\.js$/ }, () => ({ contents: NO_STYLES }));
    bundler.onLoad({ filter: /node_modules\/(@lit|lit).*\.js$/ }, ({ path }) => ({
      contents: withoutDevelopment(readFileSync(path, "utf8")),
    }));
  },
};

/** What is in `lit.js` already stays there: two copies of Lit on a page don't go together. @type {import("esbuild").Plugin} */
const besides = {
  name: "besides",
  setup(bundler) {
    bundler.onResolve({ filter: /\/lit-html\.js$/ }, () => ({ path: "./lit.js", external: true }));
  },
};

/** One readable module of what `contents` exports. @param {string} contents @param {import("esbuild").Plugin[]} plugins */
async function bundle(contents, plugins = [released]) {
  const bundled = await build({
    stdin: { contents, resolveDir: new URL("..", import.meta.url).pathname, sourcefile: "entry.js" },
    bundle: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    conditions: ["development"],
    plugins,
    write: false,
  });
  // Where on this machine the sources were is nobody's business.
  return bundled.outputFiles[0].text.replace(/^\/\/ .*node_modules\//gm, "// ");
}

/** @param {string} name */
function symbol(name) {
  const icon = readFileSync(new URL(`lucide-static/icons/${name}.svg`, packages), "utf8");
  const inside = icon.slice(icon.indexOf(">", icon.indexOf("<svg")) + 1, icon.lastIndexOf("</svg>"));
  return `<symbol id="${name}" viewBox="0 0 24 24">${inside.replace(/\s*\n\s*/g, "").trim()}</symbol>`;
}

/** @param {readonly string[]} icons */
function sprite(icons) {
  const names = [...icons].sort();
  return `<svg xmlns="http://www.w3.org/2000/svg">\n${names.map(symbol).join("\n")}\n</svg>\n`;
}

/** @param {string} name */
const version = (name) => JSON.parse(readFileSync(new URL(`${name}/package.json`, packages), "utf8")).version;
/** @param {string} name */
const licence = (name) => readFileSync(new URL(`${name}/LICENSE`, packages), "utf8");

const files = {
  "vendor/lit.js": await bundle(entry),
  "vendor/directives.js": await bundle(directives, [besides, released]),
  "vendor/lit.LICENSE.txt": licence("lit"),
  "icons.svg": sprite(FIRST),
  "more-icons.svg": sprite(MORE),
  "vendor/icons.LICENSE.txt": licence("lucide-static"),
  "vendor/qr.js": await bundle('export { encode } from "uqr";'),
  "vendor/qr.LICENSE.txt": licence("uqr"),
};
const sha256 = (/** @type {string} */ text) => createHash("sha256").update(text).digest("hex");
const origin = {
  lit: { versions: Object.fromEntries(["lit", "lit-html", "lit-element", "@lit/reactive-element"].map((name) => [name, version(name)])), licence: "BSD-3-Clause" },
  icons: { versions: { "lucide-static": version("lucide-static") }, licence: "ISC" },
  qr: { versions: { uqr: version("uqr") }, licence: "MIT" },
};
const hashes = Object.fromEntries(Object.entries(files).map(([name, text]) => [name, sha256(text)]));
for (const [name, text] of Object.entries(files)) writeFileSync(new URL(name, assets), text);
writeFileSync(new URL("vendor/VENDOR.json", assets), `${JSON.stringify({ origin, made_with: { esbuild: version("esbuild") }, sha256: hashes }, null, 2)}\n`);
