// validate.mjs YAML JSON [EXCHANGES]: the contract against itself and against an integration run.
//
//   YAML       docs/openapi.yaml
//   JSON       docs/openapi.json, which must say the same
//   EXCHANGES  JSON lines of what an integration run sent and received (tests/integration/record.c)
//
// Prints what was seen, every fault, and last `N passed, N failed`; exits with 1 if anything failed.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { isDeepStrictEqual } from 'node:util';
import { checkExamples } from './examples.mjs';
import { judge } from './exchanges.mjs';
import { Specification, readSpecification } from './specification.mjs';

const FAULTS_SHOWN = 40;
let passed = 0;
let failed = 0;
const shown = new Set();

// A fault of one kind is shown once; more says where.
function report(what, fault, more = '') {
  passed += fault ? 0 : 1;
  failed += fault ? 1 : 0;
  const kind = `${what}: ${fault}`;
  if (fault && !shown.has(kind) && shown.size < FAULTS_SHOWN) {
    shown.add(kind);
    console.log(`FAILED ${kind}${more}`);
  }
}

// Answers that must be found wrong: a validator that finds nothing proves nothing.
function checkValidator(specification) {
  const headers = {
    'x-request-id': 'self-test', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff',
    'content-type': 'application/json; charset=utf-8', etag: '"3"',
  };
  const good = {
    method: 'GET', url: '/v1/sessions/game-42', request: null, status: 200, headers,
    body: JSON.stringify(specification.document.components.examples.Running.value),
  };
  const changed = (change) => {
    const body = JSON.parse(good.body);
    change(body);
    return { ...good, body: JSON.stringify(body) };
  };
  const without = (name) => Object.fromEntries(Object.entries(headers).filter(([key]) => key !== name));
  report('self-test: a right answer passes', judge(specification, good).faults.join('; '));
  const wrong = {
    'an undocumented status': { ...good, status: 418 },
    'an undocumented route': { ...good, url: '/v1/nothing' },
    'an undocumented method': { ...good, method: 'PUT' },
    'an undocumented field': changed((body) => { body.data.colour = 'red'; }),
    'an undocumented field of a participant': changed((body) => { body.data.participants[0].colour = 'red'; }),
    'a missing field': changed((body) => { delete body.data.clock.overtime; }),
    'a text for a number': changed((body) => { body.data.version = '3'; }),
    'groups where there are none': changed((body) => { body.data.groups = []; }),
    'an unknown status': changed((body) => { body.data.status = 'asleep'; }),
    'a body that is no JSON': { ...good, body: '{' },
    'another type': { ...good, headers: { ...headers, 'content-type': 'text/html' } },
    'a missing ETag': { ...good, headers: without('etag') },
    'a missing request id': { ...good, headers: without('x-request-id') },
    'an undocumented header': { ...good, headers: { ...headers, 'x-powered-by': 'magic' } },
    'an error code of another status': {
      ...good, status: 404, body: '{"error":{"code":"SESSION_EXISTS","message":"no"}}',
    },
    'problems without details': { ...good, status: 400, body: '{"error":{"code":"VALIDATION_ERROR","message":"no"}}' },
    'an accepted body that is not documented': {
      ...good, method: 'POST', url: '/v1/sessions/game-42/pause', request: '{"colour":1}',
    },
  };
  for (const [what, exchange] of Object.entries(wrong)) {
    report(`self-test: ${what} is found`, judge(specification, exchange).faults.length > 0 ? '' : 'it was not');
  }
}

async function checkExchanges(specification, file) {
  const seen = new Map();
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const exchange = JSON.parse(line);
    const { what, faults } = judge(specification, exchange);
    const counts = seen.get(what) ?? new Map();
    seen.set(what, counts.set(exchange.status, (counts.get(exchange.status) ?? 0) + 1));
    const cut = (text) => (text ?? '').slice(0, 300);
    report(`${what}, ${exchange.status}`, faults.join('; '),
      `\n       ${exchange.method} ${exchange.url} ${cut(exchange.request)}\n       ${cut(exchange.body)}`);
  }
  show(specification, seen);
}

function show(specification, seen) {
  for (const [what, counts] of [...seen].sort()) {
    const list = [...counts].sort(([a], [b]) => a - b).map(([status, count]) => `${status} ${count}x`);
    console.log(`  ${what}: ${list.join(', ')}`);
  }
  console.log('documented and never seen in this run:');
  for (const operation of specification.operations) {
    const what = `${operation.method} ${operation.path}`;
    const unseen = Object.keys(operation.node.responses).filter((status) => !seen.get(what)?.has(Number(status)));
    if (unseen.length) {
      console.log(`  ${what}: ${unseen.join(', ')}`);
    }
  }
}

const [yaml, json, exchanges] = process.argv.slice(2);
if (!json) {
  console.error('usage: validate.mjs YAML JSON [EXCHANGES]');
  process.exit(2);
}
const specification = new Specification(readSpecification(yaml));
report(`${json} says the same as ${yaml} (make openapi-json makes it)`,
  isDeepStrictEqual(specification.document, JSON.parse(JSON.stringify(readSpecification(json)))) ? '' : 'it does not');
checkExamples(specification, report);
checkValidator(specification);
if (exchanges) {
  await checkExchanges(specification, exchanges);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
