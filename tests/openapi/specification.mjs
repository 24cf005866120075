// The specification as the tests use it: read from YAML or JSON, its references resolved where they stand, its schemas
// compiled. Judges nothing.
import { readFileSync } from 'node:fs';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];

export const readSpecification = (file) => parse(readFileSync(file, 'utf8'), { uniqueKeys: true });

const escapePointer = (text) => text.replaceAll('~', '~0').replaceAll('/', '~1');

// Objects of answers are open, so that a field more breaks no client; here they are closed, so that an undocumented
// field is found. Refinements inside allOf name no required fields and stay as they are.
function close(node) {
  if (Array.isArray(node)) {
    node.forEach(close);
  } else if (node !== null && typeof node === 'object') {
    if (node.type === 'object' && node.required && node.properties && node.additionalProperties === undefined) {
      node.additionalProperties = false;
    }
    Object.values(node).forEach(close);
  }
}

export class Specification {
  constructor(document) {
    this.document = document;
    const closed = structuredClone(document);
    delete closed.jsonSchemaDialect;
    close(closed.components?.schemas);
    this.ajv = new Ajv2020({ strict: false, allErrors: true, addUsedSchema: false });
    addFormats(this.ajv);
    this.ajv.addSchema({ $id: 'openapi:/', ...closed });
    this.compiled = new Map();
    this.operations = [...this.#listOperations()];
  }

  // A node and where it stands, as a JSON pointer; follows $ref.
  at(pointer) {
    let node = this.document;
    for (const part of pointer.split('/').slice(1)) {
      node = node?.[part.replaceAll('~1', '/').replaceAll('~0', '~')];
    }
    if (node === undefined) {
      throw new Error(`nothing stands at ${pointer}`);
    }
    return typeof node?.$ref === 'string' && Object.keys(node).length === 1
      ? this.at(node.$ref.slice(1)) : { node, pointer };
  }

  // The children of an object node, each with $ref followed.
  children(pointer) {
    const { node, pointer: base } = this.at(pointer);
    return Object.keys(node).map((name) => ({ name, ...this.at(`${base}/${escapePointer(name)}`) }));
  }

  // A text with every way in which the value does not fit the schema at the pointer; '' if it does.
  misfit(pointer, value) {
    if (!this.compiled.has(pointer)) {
      this.compiled.set(pointer, this.ajv.compile({ $ref: `openapi:/#${encodeURI(pointer)}` }));
    }
    const check = this.compiled.get(pointer);
    return check(value) ? '' : check.errors.map((e) => `${e.instancePath || 'the whole'} ${e.message} ${
      e.params?.additionalProperty ?? ''}`.trim()).join('; ');
  }

  find(method, path) {
    const parts = path.split('/');
    const fits = (template) => template.length === parts.length
      && template.every((part, i) => (part.startsWith('{') ? parts[i] !== '' : part === decode(parts[i])));
    const of = this.operations.filter((operation) => fits(operation.parts));
    return { known: of.length > 0, operation: of.find((operation) => operation.method === method) };
  }

  * #listOperations() {
    for (const path of Object.keys(this.document.paths)) {
      for (const method of METHODS.filter((name) => name in this.document.paths[path])) {
        const pointer = `/paths/${escapePointer(path)}/${method}`;
        yield {
          method: method.toUpperCase(), path, pointer, node: this.at(pointer).node, parts: path.split('/'),
        };
      }
    }
  }
}

function decode(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
