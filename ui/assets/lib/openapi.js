/** The OpenAPI document, read for people: its operations in order, and shapes as short text. */

/** @typedef {{ name: string, in: string, required?: boolean, description?: string, schema?: any, example?: any }} Parameter */
/**
 * @typedef {{ id: string, method: string, path: string, tag: string, summary: string, description: string, scope: string,
 *   parameters: Parameter[], body: any, bodyType: string, responses: [string, string, any][] }} Operation
 */

const DEPTH_MAX = 4;

/** @param {any} document @returns {Operation[]} */
export function operations(document) {
  return Object.entries(document.paths).flatMap(([path, item]) => Object.entries(/** @type {Record<string, any>} */ (item)).map(([method, operation]) => one(path, method, operation)));
}

/**
 * @param {string} path
 * @param {string} method
 * @param {any} operation
 * @returns {Operation}
 */
function one(path, method, operation) {
  const [bodyType, body] = Object.entries(operation.requestBody?.content ?? {})[0] ?? ['', null];
  return {
    id: operation.operationId, method: method.toUpperCase(), path, tag: operation.tags?.[0] ?? '',
      summary: operation.summary ?? '', description: operation.description ?? '', scope: operation['x-ods-scope'] ?? '',
    parameters: operation.parameters ?? [], body, bodyType,
      responses: Object.entries(operation.responses ?? {}).map(([status, response]) => [status, response.description ?? '', Object.values(response.content ?? {})[0] ?? null]),
  };
}

/**
 * A schema in the words of a programmer: `{ "name": string, … }`. What refers to itself ends.
 *
 * @param {any} document
 * @param {any} schema
 * @param {string} [indent]
 * @param {number} [depth]
 * @returns {string}
 */
export function shape(document, schema, indent = '', depth = 0) {
  if (!schema) return 'any';
  if (schema.$ref) return depth > DEPTH_MAX ? schema.$ref.split('/').pop() : shape(document, resolve(document, schema.$ref), indent, depth + 1);
  const several = schema.oneOf ?? schema.anyOf;
  if (several) return several.map((/** @type {any} */ part) => shape(document, part, indent, depth)).join(' | ');
  if (schema.allOf) return schema.allOf.map((/** @type {any} */ part) => shape(document, part, indent, depth)).join(' & ');
  if (schema.enum) return schema.enum.map((/** @type {unknown} */ value) => JSON.stringify(value)).join(' | ');
  if (schema.type === 'array') return `[${shape(document, schema.items, indent, depth)}]`;
  if (schema.properties) return object(document, schema, indent, depth);
  return [schema.type ?? 'any'].flat().join(' | ');
}

/** @param {any} document @param {any} schema @param {string} indent @param {number} depth */
function object(document, schema, indent, depth) {
  const inside = `${indent}  `;
  const required = new Set(schema.required ?? []);
  const lines = Object.entries(schema.properties).map(([name, value]) => `${inside}"${name}"${required.has(name) ? '' : '?'}: ${shape(document, value, inside, depth)}`);
  return `{\n${lines.join(',\n')}\n${indent}}`;
}

/** @param {any} document @param {string} reference `#/components/…` */
const resolve = (document, reference) => reference.slice(2).split('/').reduce((/** @type {any} */ at, key) => at?.[key], document);
