"use strict";
// Renders openapi.json, which lies beside this page. Builds nodes, never HTML: nothing in the document can become markup.
const make = (name, attributes = {}, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
};
const resolve = (api, value) => {
  if (!value || !value.$ref) return value;
  return value.$ref.replace("#/", "").split("/").reduce((at, key) => at && at[key.replace(/~1/g, "/").replace(/~0/g, "~")], api);
};
const typeOf = (api, schema) => {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  const parts = schema.oneOf || schema.anyOf || schema.allOf;
  if (parts) return parts.map((part) => typeOf(api, part)).join(" | ");
  const type = [].concat(schema.type || "any").join(" | ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.items) return `${typeOf(api, schema.items)}[]`;
  return schema.format ? `${type} (${schema.format})` : type;
};
const fields = (api, schema) => {
  const found = resolve(api, schema);
  const all = [found, ...((found && found.allOf) || []).map((part) => resolve(api, part))].filter(Boolean);
  const rows = all.flatMap((part) => Object.entries(part.properties || {}).map(([name, value]) => make("tr", {},
    make("td", {}, make("code", {}, name)), make("td", {}, make("code", {}, typeOf(api, value))), make("td", {}, value.description || ""))));
  return rows.length ? make("table", {}, ...rows) : null;
};
const content = (api, bodies) => Object.entries(bodies || {}).flatMap(([type, body]) => [
  make("p", {}, make("code", {}, type), " ", make("code", {}, typeOf(api, body.schema))),
  fields(api, body.schema),
  body.example === undefined ? null : make("pre", {}, typeof body.example === "string" ? body.example : JSON.stringify(body.example, null, 2)),
]);
const parameters = (api, list) => {
  const rows = (list || []).map((entry) => resolve(api, entry)).map((entry) => make("tr", {},
    make("td", {}, make("code", {}, entry.name), entry.required ? " *" : ""), make("td", {}, entry.in),
    make("td", {}, make("code", {}, typeOf(api, entry.schema))), make("td", {}, entry.description || "")));
  return rows.length ? make("table", {}, ...rows) : null;
};
const operation = (api, method, path, entry) => {
  const body = make("div", {}, make("p", {}, entry.description || ""), make("p", {}, "Operation ", make("code", {}, entry.operationId || "")));
  const list = parameters(api, entry.parameters);
  if (list) body.append(make("h4", {}, "Parameters"), list);
  const request = resolve(api, entry.requestBody);
  if (request) body.append(make("h4", {}, "Body"), ...content(api, request.content).filter(Boolean));
  body.append(make("h4", {}, "Answers"));
  for (const [status, answer] of Object.entries(entry.responses || {})) {
    const found = resolve(api, answer);
    body.append(make("p", {}, make("code", {}, status), " ", found.description || ""), ...content(api, found.content).filter(Boolean));
  }
  const scope = entry["x-ods-scope"] || "none";
  const head = make("summary", {}, make("span", { class: "method" }, method.toUpperCase()), make("span", { class: "path" }, path),
    make("span", {}, entry.summary || ""), make("span", { class: "scope" }, `scope: ${scope}`));
  const node = make("details", { id: entry.operationId || "" }, head, body);
  node.dataset.words = `${method} ${path} ${entry.operationId} ${entry.summary} ${entry.description || ""}`.toLowerCase();
  return node;
};
const show = (api) => {
  document.getElementById("about").textContent = `Version ${api.info.version}. ${api.info.description || ""}`;
  const main = document.getElementById("operations");
  for (const tag of api.tags || []) {
    const section = make("section", {}, make("h2", {}, tag.name), make("p", {}, tag.description || ""));
    for (const [path, item] of Object.entries(api.paths))
      for (const method of ["get", "post", "put", "patch", "delete", "head", "options"])
        if (item[method] && (item[method].tags || []).includes(tag.name)) section.append(operation(api, method, path, item[method]));
    if (section.querySelector("details")) main.append(section);
  }
  const wanted = location.hash && document.getElementById(location.hash.slice(1));
  if (wanted) { wanted.open = true; wanted.scrollIntoView(); }
};
document.getElementById("filter").addEventListener("input", (event) => {
  const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const node of document.querySelectorAll("details")) node.hidden = !words.every((word) => node.dataset.words.includes(word));
  for (const node of document.querySelectorAll("section")) node.hidden = !node.querySelector("details:not([hidden])");
});
fetch("openapi.json").then((answer) => answer.json()).then(show).catch((error) => {
  document.getElementById("about").textContent = `The document could not be read: ${error}`;
});
