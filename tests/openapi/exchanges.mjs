// One exchange of an integration run against the specification. An exchange is {method, url, request, status, headers,
// body}: url is path and query, request the body that was sent or null, headers those of the answer, in lower case.

const WEB_SERVER = new Set([400, 403, 404, 405, 411, 412, 413, 414, 416, 431, 500, 501, 502, 503, 504, 505]);
const PAGES = /^\/$|^(?!\/v1\/).*\.(html|css|js|mjs)$/; // the web server's own files

// Headers that are HTTP's business, not the interface's.
const TRANSPORT = new Set(['connection', 'content-length', 'content-type', 'date', 'keep-alive', 'server',
  'transfer-encoding', 'accept-ranges', 'last-modified', 'upgrade']);

function parseJson(text) {
  try {
    return { value: JSON.parse(text) };
  } catch (fault) {
    return { fault: `is no JSON: ${fault.message}` };
  }
}

// A header's text as its schema means it.
const headerValue = (schema, text) => (schema.type === 'integer' && /^-?[0-9]+$/.test(text) ? Number(text) : text);

function headerFaults(specification, pointer, headers) {
  const faults = [];
  const documented = new Set();
  for (const { name, node, pointer: at } of specification.children(`${pointer}/headers`)) {
    const text = headers[name.toLowerCase()];
    documented.add(name.toLowerCase());
    if (text === undefined && node.required) {
      faults.push(`the header ${name} is missing`);
    } else if (text !== undefined) {
      const misfit = specification.misfit(`${at}/schema`, headerValue(specification.at(`${at}/schema`).node, text));
      faults.push(...(misfit ? [`the header ${name} (${text}): ${misfit}`] : []));
    }
  }
  const others = Object.keys(headers).filter((name) => !documented.has(name) && !TRANSPORT.has(name));
  return [...faults, ...others.map((name) => `the header ${name} is not documented`)];
}

function bodyFaults(specification, { node, pointer }, exchange) {
  const medias = Object.keys(node.content ?? {});
  if (medias.length === 0 || exchange.method === 'HEAD') {
    return exchange.body === '' ? [] : ['it has a body, and none is documented'];
  }
  const media = (exchange.headers['content-type'] ?? '').split(';')[0];
  if (!medias.includes(media)) {
    return [`its type is ${media}, documented is ${medias.join(', ')}`];
  }
  const { value, fault } = media === 'application/json' ? parseJson(exchange.body) : { value: exchange.body };
  const misfit = fault ?? specification.misfit(`${pointer}/content/${media.replaceAll('/', '~1')}/schema`, value);
  return misfit ? [misfit] : [];
}

const responseFaults = (specification, response, exchange) => [
  ...(response.node.headers ? headerFaults(specification, response.pointer, exchange.headers) : []),
  ...bodyFaults(specification, response, exchange)];

// What was accepted must be what the specification allows to send.
function requestFaults(specification, operation, exchange) {
  if (!operation.node.requestBody || !exchange.request || exchange.status >= 300) {
    return [];
  }
  const { value, fault } = parseJson(exchange.request);
  const misfit = fault ?? specification.misfit(
    `${operation.pointer}/requestBody/content/application~1json/schema`, value);
  return misfit ? [`what was sent was accepted, though ${misfit}`] : [];
}

function judgeWebServer(specification, exchange) {
  if (!WEB_SERVER.has(exchange.status)) {
    return ['the header X-Request-Id is missing, and no web server answers so by itself'];
  }
  const isJson = (exchange.headers['content-type'] ?? '').startsWith('application/json');
  return isJson ? bodyFaults(specification, specification.at('/components/responses/WebServer'), exchange) : [];
}

function judgeShared(specification, name, status, exchange) {
  const faults = exchange.status === status ? [] : [`an undocumented status; documented is ${status}`];
  return faults.length ? faults : responseFaults(specification, specification.at(`/components/responses/${name}`),
    exchange);
}

function judgeOperation(specification, operation, exchange) {
  if (!(exchange.status in operation.node.responses)) {
    return ['an undocumented status'];
  }
  const response = specification.at(`${operation.pointer}/responses/${exchange.status}`);
  return [...responseFaults(specification, response, exchange), ...requestFaults(specification, operation, exchange)];
}

// {what: the name that the exchange is counted under, faults: a list of texts}
export function judge(specification, exchange) {
  const path = exchange.url.split('?')[0];
  const method = exchange.method === 'HEAD' ? 'GET' : exchange.method;
  const { known, operation } = specification.find(method, path);
  if (!known && PAGES.test(path)) {
    return { what: 'a page of the web server', faults: [] };
  }
  if (!('x-request-id' in exchange.headers)) {
    return { what: 'the web server itself', faults: judgeWebServer(specification, exchange) };
  }
  if (operation) {
    return { what: `${operation.method} ${operation.path}`, faults: judgeOperation(specification, operation, exchange) };
  }
  if (!known) {
    return { what: 'an unknown path', faults: judgeShared(specification, 'NotFound', 404, exchange) };
  }
  return method === 'OPTIONS'
    ? { what: 'OPTIONS', faults: judgeShared(specification, 'Options', 204, exchange) }
    : { what: 'another method', faults: judgeShared(specification, 'MethodNotAllowed', 405, exchange) };
}
