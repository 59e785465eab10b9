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
// What stands in back-ticks is code.
const prose = (text) => (text || "").split("`").map((part, place) => place % 2 ? make("code", {}, part) : part);
const typeOf = (api, schema) => {
  if (!schema) return "";
  if (schema.$ref) return (resolve(api, schema) || {}).enum ? typeOf(api, resolve(api, schema)) : schema.$ref.split("/").pop();
  const parts = schema.oneOf || schema.anyOf || schema.allOf;
  if (parts) return parts.map((part) => typeOf(api, part)).join(" | ");
  const type = [].concat(schema.type || "any").join(" | ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.items) return typeOf(api, schema.items).includes(" | ") ? `(${typeOf(api, schema.items)})[]` : `${typeOf(api, schema.items)}[]`;
  return schema.format ? `${type} (${schema.format})` : type;
};
// What a list, or what may be null, is of; through references.
const core = (api, schema) => {
  const found = resolve(api, schema);
  if (!found) return found;
  const choice = (found.oneOf || found.anyOf || []).find((part) => part.type !== "null");
  const inner = found.items || choice || (typeof found.additionalProperties === "object" ? found.additionalProperties : null);
  return inner ? core(api, inner) : found;
};
// Made when it is opened: most are never looked at.
const closed = (head, attributes, fill) => {
  const node = make("details", attributes, make("summary", {}, ...head));
  node.addEventListener("toggle", () => node.append(fill()), { once: true });
  return node;
};
const rule = (schema) => [["minimum", "at least"], ["maximum", "at most"], ["minItems", "items: at least"], ["maxItems", "items: at most"]]
  .filter(([key]) => schema && schema[key] && schema[key] < 2 ** 53).map(([key, text]) => `${text} ${schema[key]}`).join(", ");
const describe = (schema) => schema.description || ((schema.oneOf || []).find((part) => part.description) || {}).description;
const fields = (api, schema) => {
  const found = core(api, schema);
  const all = [found, ...((found && found.allOf) || []).map((part) => resolve(api, part))].filter(Boolean);
  const rows = all.flatMap((part) => Object.entries(part.properties || {}).map(([name, value]) => {
    const nested = fields.has(api, value) ? closed(["Its fields"], { class: "nested" }, () => fields(api, value)) : null;
    const bounds = rule(value);
    return make("tr", {}, make("td", {}, make("code", {}, name), (part.required || []).includes(name) ? " *" : ""),
      make("td", {}, make("code", {}, typeOf(api, value))),
      make("td", {}, ...prose(describe(value)), bounds ? make("small", {}, ` (${bounds})`) : null, nested));
  }));
  return rows.length ? make("table", {}, ...rows) : null;
};
fields.has = (api, schema) => {
  const found = core(api, schema);
  return Boolean(found && (found.properties || found.allOf));
};
const text = (value) => typeof value === "string" ? value : JSON.stringify(value, null, 2);
const content = (api, bodies) => Object.entries(bodies || {}).flatMap(([type, body]) => {
  const named = Object.entries(body.examples || {});
  // Errors all have one shape: what differs is the code.
  if (named.length) {
    return [closed(["Examples"], { class: "nested" }, () => make("div", {}, ...named.map(([, one]) => make("pre", {}, text(one.value)))))];
  }
  return [make("p", {}, make("code", {}, type), " ", make("code", {}, typeOf(api, body.schema))), fields(api, body.schema),
    body.example === undefined ? null : make("pre", {}, text(body.example))];
});
const parameters = (api, list) => {
  const rows = (list || []).map((entry) => resolve(api, entry)).map((entry) => make("tr", {},
    make("td", {}, make("code", {}, entry.name), entry.required ? " *" : ""), make("td", {}, entry.in),
    make("td", {}, make("code", {}, typeOf(api, entry.schema))),
    make("td", {}, ...prose(entry.description), rule(entry.schema) ? make("small", {}, ` (${rule(entry.schema)})`) : null,
      entry.example === undefined ? null : make("div", {}, make("small", {}, "Example: ", make("code", {}, text(entry.example)))))));
  return rows.length ? make("table", {}, ...rows) : null;
};
const about = (api, entry) => {
  const body = make("div", {}, make("p", {}, ...prose(entry.description)), make("p", {}, "Operation ", make("code", {}, entry.operationId || "")));
  const list = parameters(api, entry.parameters);
  if (list) body.append(make("h4", {}, "Parameters"), list);
  const request = resolve(api, entry.requestBody);
  if (request) body.append(make("h4", {}, "Body"), ...content(api, request.content).filter(Boolean));
  body.append(make("h4", {}, "Answers"));
  for (const [status, answer] of Object.entries(entry.responses || {})) {
    const found = resolve(api, answer);
    body.append(make("p", {}, make("code", {}, status), " ", ...prose(found.description)), ...content(api, found.content).filter(Boolean));
  }
  return body;
};
const operation = (api, method, path, entry) => {
  const scope = entry["x-ods-scope"] || "none";
  const head = [make("span", { class: "method" }, method.toUpperCase()), make("span", { class: "path" }, path),
    make("span", {}, entry.summary || ""), make("span", { class: "scope" }, `scope: ${scope}`)];
  const node = closed(head, { id: entry.operationId || "", class: "operation" }, () => about(api, entry));
  node.dataset.words = `${method} ${path} ${entry.operationId} ${entry.summary} ${entry.description || ""}`.toLowerCase();
  return node;
};
const show = (api) => {
  document.getElementById("about").replaceChildren(...prose(`Version ${api.info.version}. ${api.info.description || ""}`));
  const main = document.getElementById("operations");
  for (const tag of api.tags || []) {
    const section = make("section", {}, make("h2", {}, tag.name), make("p", {}, ...prose(tag.description)));
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
  for (const node of document.querySelectorAll("details.operation")) node.hidden = !words.every((word) => node.dataset.words.includes(word));
  for (const node of document.querySelectorAll("section")) node.hidden = !node.querySelector("details.operation:not([hidden])");
});
fetch("openapi.json").then((answer) => answer.json()).then(show).catch((error) => {
  document.getElementById("about").textContent = `The document could not be read: ${error}`;
});
