import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Http } from '../../src/http.js';
import { Tokens } from '../../src/tokens.js';
import { FakePlatform, answer, settle } from './fake-platform.js';

function service(script, token) {
  const platform = new FakePlatform();
  platform.answer = async (url, init, number) => script[Math.min(number, script.length) - 1](init);
  return { platform, http: new Http('http://api', new Tokens(token), platform) };
}

const lost = () => { throw new TypeError('fetch failed'); };
const fine = () => answer(200, { data: { version: 2 } });
const refused = (status, code, headers) =>
  () => answer(status, { error: { code, message: 'no', details: [1] } }, headers);

// Lets time pass until the promise is kept or broken; says how long that took.
async function outcome(platform, promise) {
  const began = platform.mono;
  let done = null;
  promise.then((value) => { done = { value }; }, (error) => { done = { error }; });
  for (await settle(); !done; await settle()) {
    await platform.advance(10);
  }
  return { ...done, took: platform.mono - began };
}

const header = (request, name) => new Headers(request.init.headers).get(name);

test('a change whose answer is lost is sent again with the same key and body', async () => {
  const { platform, http } = service([lost, lost, fine]);
  const { value, took } = await outcome(platform, http.call('POST', '/x', { a: 1 }));
  assert.deepEqual(value, { data: { version: 2 } });
  assert.equal(platform.requests.length, 3);
  assert.equal(new Set(platform.requests.map((request) => header(request, 'Idempotency-Key'))).size, 1);
  assert.ok(header(platform.requests[0], 'Idempotency-Key').length > 8);
  platform.requests.forEach(({ init }) => assert.equal(init.body, '{"a":1}'));
  assert.ok(took >= 450 && took < 500, `${took} ms: 150 and 300, which is the wait and its jitter`);
});

test('each change has a key of its own, and a read has none', async () => {
  const platform = new FakePlatform();
  platform.random = Math.random;
  platform.answer = fine;
  const http = new Http('http://api', new Tokens(undefined), platform);
  await http.call('POST', '/x', {});
  await http.call('POST', '/x', {});
  await http.call('GET', '/x');
  const [first, second, read] = platform.requests.map((request) => header(request, 'Idempotency-Key'));
  assert.notEqual(first, second);
  assert.equal(read, null);
});

test('after five attempts the loss is an error', async () => {
  const { platform, http } = service([lost]);
  const { error } = await outcome(platform, http.call('POST', '/x', {}));
  assert.equal(error.code, 'NETWORK_ERROR');
  assert.equal(platform.requests.length, 5);
});

test('an answer that does not come is given up after ten seconds, and asked for again', async () => {
  const hanging = (init) => new Promise((resolve, reject) => {
    init.signal.addEventListener('abort', () => reject(new Error('aborted')));
  });
  const { platform, http } = service([hanging, fine]);
  const { value, took } = await outcome(platform, http.call('GET', '/x'));
  assert.ok(value);
  assert.ok(took >= 10_000 && took < 10_300, `${took} ms`);
  const forever = service([hanging]);
  assert.equal((await outcome(forever.platform, forever.http.call('GET', '/x'))).error.code, 'TIMEOUT');
});

test('a refusal is typed with what the server says, and not tried again', async () => {
  for (const status of [400, 403, 404, 409, 412, 422, 500]) {
    const { platform, http } = service([refused(status, 'SOME_CODE', { 'X-Request-Id': 'r1' })]);
    const { error } = await outcome(platform, http.call('POST', '/x', {}));
    const { name, code, message, details, requestId } = error;
    assert.deepEqual({ name, code, message, details, requestId, status: error.status },
      { name: 'SyncKairosError', code: 'SOME_CODE', message: 'no', details: [1], requestId: 'r1', status });
    assert.equal(platform.requests.length, 1);
  }
});

test('what the server asks to try later is tried later: as it says, where that is soon', async () => {
  const { platform, http } = service([refused(503, 'STATE_STORE_UNAVAILABLE', { 'Retry-After': '2' }), fine]);
  const { took } = await outcome(platform, http.call('POST', '/x', {}));
  assert.ok(took >= 2000 && took < 2100, `${took} ms`);
  const limited = service([refused(429, 'RATE_LIMIT_EXCEEDED', { 'Retry-After': '60' })]);
  const { error } = await outcome(limited.platform, limited.http.call('POST', '/x', {}));
  assert.equal(error.retryAfterMs, 60_000);
  assert.equal(limited.platform.requests.length, 1);
});

test('a web server\'s own page in place of an answer is an error by its status', async () => {
  const { platform, http } = service([() => new Response('<h1>Bad Gateway', { status: 502 })]);
  const { error } = await outcome(platform, http.call('GET', '/x'));
  assert.equal(error.code, 'HTTP_502');
  assert.equal(platform.requests.length, 5);
  const odd = service([() => new Response('<h1>Welcome', { status: 200 })]);
  assert.equal((await outcome(odd.platform, odd.http.call('GET', '/x'))).error.code, 'INVALID_ANSWER');
});

test('no body is null', async () => {
  const { platform, http } = service([() => answer(204, null)]);
  assert.equal((await outcome(platform, http.call('DELETE', '/x'))).value, null);
});

test('a token that is refused is asked for anew, once', async () => {
  let asked = 0;
  const token = async () => `t${++asked}`;
  const { platform, http } = service([fine, refused(401, 'UNAUTHORIZED'), fine, refused(401, 'UNAUTHORIZED')], token);
  await http.call('GET', '/x');
  await http.call('GET', '/x');
  assert.deepEqual(platform.requests.map((request) => header(request, 'Authorization')),
    ['Bearer t1', 'Bearer t1', 'Bearer t2']);
  const { error } = await outcome(platform, http.call('GET', '/x'));
  assert.equal(error.code, 'UNAUTHORIZED');
  assert.equal(asked, 3);
});

test('a token() that fails is an error of that call, and asked again by the next', async () => {
  let asked = 0;
  const token = () => { asked += 1; if (asked === 1) { throw new Error('no session'); } return 't'; };
  const { platform, http } = service([fine], token);
  const { error } = await outcome(platform, http.call('GET', '/x'));
  assert.equal(error.code, 'TOKEN_UNAVAILABLE');
  assert.match(error.message, /no session/);
  assert.ok((await http.call('GET', '/x')).data);
});

test('a refused token is no reason to try for ever', async () => {
  const busy = refused(503, 'STATE_STORE_UNAVAILABLE', { 'Retry-After': '1' });
  const { platform, http } = service([busy, busy, busy, busy, refused(401, 'UNAUTHORIZED'), busy], async () => 't');
  http.call('POST', '/x', {}).catch(() => {});
  await platform.advance(60_000);
  assert.equal(platform.requests.length, 6);
});

test('many requests with the same refused token ask once for another', async () => {
  let asked = 0;
  const { http } = service([({ headers }) => (headers.Authorization === 'Bearer t1'
    ? answer(401, { error: { code: 'UNAUTHORIZED' } }) : fine())], async () => `t${++asked}`);
  await Promise.all(Array.from({ length: 20 }, () => http.call('GET', '/x')));
  assert.equal(asked, 2);
});
