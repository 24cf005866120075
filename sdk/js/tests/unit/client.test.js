import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SyncKairosClient } from '../../src/index.js';
import { Events } from '../../src/events.js';
import { FakePlatform, answer, fakeSockets, sessionState, settle } from './fake-platform.js';

function client(answering) {
  const platform = new FakePlatform();
  platform.answer = answering ?? (async () => answer(200, { data: sessionState() }));
  return { platform, client: new SyncKairosClient('http://api/base/', 'ws://relay/ws',
    { platform, WebSocket: fakeSockets() }) };
}

test('every operation is the request that it should be', async () => {
  const rows = [
    [(c) => c.createSession({ sync_mode: 'global' }), 'POST', '', { sync_mode: 'global' }],
    [(c) => c.getSession('a:b'), 'GET', '/a%3Ab', undefined],
    ...['start', 'pause', 'resume', 'complete', 'cancel']
      .map((name) => [(c) => c[`${name}Session`]('s'), 'POST', `/s/${name}`, {}]),
    [(c) => c.deleteSession('s'), 'DELETE', '/s', undefined],
    [(c) => c.addParticipant('s', { participant_id: 'p' }), 'POST', '/s/participants', { participant_id: 'p' }],
    [(c) => c.adjustTime('s', 'p', { delta_ms: 5 }), 'PATCH', '/s/participants/p', { delta_ms: 5 }],
  ];
  for (const [act, method, path, body] of rows) {
    const world = client();
    await act(world.client);
    const { url, init } = world.platform.requests[0];
    assert.equal(`${init.method} ${url}`, `${method} http://api/base/v1/sessions${path}`);
    assert.deepEqual(init.body && JSON.parse(init.body), body);
  }
});

test('an id that is none is refused before anything is sent', async () => {
  for (const id of [undefined, null, '', 7]) {
    const { platform, client: one } = client();
    const acts = [() => one.getSession(id), () => one.startSession(id), () => one.deleteSession(id),
      () => one.switchCycle(id), () => one.addParticipant(id, { participant_id: 'p' }),
      () => one.adjustTime('s', id, { delta_ms: 5 })];
    for (const act of acts) {
      await assert.rejects(act(), TypeError);
    }
    assert.throws(() => one.connectWebSocket(id), TypeError);
    assert.equal(platform.requests.length, 0);
    assert.equal(one.status, 'disconnected');
  }
});

test('the time is asked for over REST without a connection, and without a token', async () => {
  const { platform, client: one } = client();
  platform.answer = async () => {
    platform.mono += 20;
    platform.wall += 20;
    return answer(200, { timestamp_ms: platform.wall + 30_000 - 10 });
  };
  const reading = await one.syncServerTime();
  assert.equal(platform.requests.length, 5);
  assert.equal(platform.requests[0].url, 'http://api/base/v1/time');
  assert.equal(platform.requests[0].init.headers, undefined);
  assert.equal(reading.rtt, 20);
  assert.equal(reading.error, 11); // 10 of the way, and 0.5 for each time that was rounded
  assert.ok(Math.abs(one.getServerTime() - platform.wall - 30_000) <= 1);
});

test('those who ask for the time at once share the answer', async () => {
  const { platform, client: one } = client(async () => answer(200, { timestamp_ms: 1_790_000_000_000 }));
  await Promise.all([one.syncServerTime(), one.syncServerTime()]);
  assert.equal(platform.requests.length, 5);
});

test('a time that nobody tells soon enough is an error', async () => {
  const { platform, client: one } = client();
  platform.answer = async () => { platform.mono += 501; return answer(200, { timestamp_ms: 1 }); };
  await assert.rejects(one.syncServerTime(), { code: 'TIME_SYNC_FAILED' });
  platform.answer = async () => { throw new TypeError('fetch failed'); };
  await assert.rejects(one.syncServerTime(), (error) => error.cause.code === 'NETWORK_ERROR');
});

test('addresses and WebSocket classes that will not do are refused at once', () => {
  const rows = [['nowhere', 'ws://x/ws', /apiUrl is not an address: nowhere/],
    ['ftp://x', 'ws://x', /apiUrl must begin/],
    ['http://x', 'http://x/ws', /wsUrl must begin with ws:\/\/ or wss:\/\//]];
  rows.forEach(([api, ws, complaint]) => assert.throws(() => new SyncKairosClient(api, ws), complaint));
  if (!globalThis.WebSocket) {
    const bare = new SyncKairosClient('http://x', 'ws://x/ws');
    assert.throws(() => bare.connectWebSocket('s'), /there is no WebSocket here/);
  }
});

test('an answer that tells no time, or no session, is an error and does no harm', async () => {
  const { platform, client: one } = client();
  for (const body of [null, {}, { timestamp_ms: null }, { timestamp_ms: '1790000000000' }, 'soon']) {
    platform.answer = async () => answer(200, body);
    await assert.rejects(one.syncServerTime(), (error) => error.code === 'TIME_SYNC_FAILED'
      && error.cause.code === 'INVALID_ANSWER', JSON.stringify(body));
    assert.equal(one.getServerTime(), platform.wall);
  }
  for (const body of [null, {}, { data: null }, { data: [] }]) {
    platform.answer = async () => answer(200, body);
    await assert.rejects(one.getSession('s'), { name: 'SyncKairosError', code: 'INVALID_ANSWER' }, JSON.stringify(body));
  }
});

test('the first sample is shown at once, and gives way at once to the median', async () => {
  const { platform, client: one } = client();
  const ahead = [30_000, 30_040, 30_010, 30_020, 30_030];
  const give = [];
  platform.answer = () => new Promise((resolve) => {
    give.push(() => resolve(answer(200, { timestamp_ms: platform.wall + ahead[give.length - 1] })));
  });
  const synced = one.syncServerTime();
  const shown = async () => { await settle(); return one.getServerTime() - platform.wall; };
  assert.equal(await shown(), 0);
  for (let i = 0; i < 5; i++) {
    assert.equal(give.length, i + 1);
    give[i]();
    assert.equal(await shown(), i < 4 ? 30_000 : 30_020);
  }
  await synced;
});

test('a first request that hangs costs two seconds, not ten', async () => {
  const { platform, client: one } = client();
  platform.answer = (url, init, number) => (number > 1 ? answer(200, { timestamp_ms: platform.wall })
    : new Promise((resolve, reject) => { init.signal.addEventListener('abort', () => reject(new Error('aborted'))); }));
  const synced = one.syncServerTime();
  await platform.advance(2000);
  assert.equal((await synced).rtt, 0);
});

test('options that will not do are refused at once', () => {
  const rows = [['maxAttempts', '5', TypeError], ['maxAttempts', null, TypeError], ['maxAttempts', -1, RangeError],
    ['maxAttempts', 1.5, RangeError], ['maxAttempts', NaN, RangeError], ['maxDelayMs', '2s', TypeError],
    ['maxDelayMs', 0, RangeError], ['maxDelayMs', NaN, RangeError], ['maxDelayMs', Infinity, RangeError],
    ['maxDelayMs', 2 ** 31, RangeError], ['token', 5, TypeError], ['token', {}, TypeError]];
  for (const [name, value, Kind] of rows) {
    assert.throws(() => new SyncKairosClient('http://x', 'ws://x/ws', { [name]: value }),
      (fault) => fault instanceof Kind && fault.message.startsWith(`${name} must be `), `${name}: ${value}`);
  }
  for (const fine of [{ maxAttempts: 0 }, { maxAttempts: Infinity }, { maxDelayMs: 1 }, { maxAttempts: undefined }]) {
    assert.ok(new SyncKairosClient('http://x', 'ws://x/ws', fine));
  }
});

test('handlers come and go, and those of no event are refused', () => {
  const events = new Events();
  const seen = [];
  const handler = (payload) => seen.push(payload);
  const leave = events.on('connected', handler);
  events.emit('connected', { sessionId: '1' });
  leave();
  events.emit('connected', { sessionId: '2' });
  events.on('connected', handler);
  events.off('connected', handler);
  events.emit('connected', { sessionId: '3' });
  assert.deepEqual(seen, [{ sessionId: '1' }]);
  assert.throws(() => events.on('conected', handler), /there is no event "conected"/);
  assert.throws(() => events.on('connected', null), TypeError);
});

test('a handler that throws keeps nobody else from hearing, and is reported as uncaught', async () => {
  const events = new Events();
  const heard = [];
  events.on('connected', () => { throw new Error('mine'); });
  events.on('connected', () => heard.push(1));
  const held = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  const uncaught = new Promise((resolve) => { process.once('uncaughtException', resolve); });
  events.emit('connected', { sessionId: 's' });
  assert.deepEqual(heard, [1]);
  assert.equal((await uncaught).message, 'mine');
  held.forEach((listener) => process.on('uncaughtException', listener));
});

test('an error that nobody listens for is written to the console', (context) => {
  const spoken = context.mock.method(console, 'error', () => {});
  const fault = new Error('loud');
  new Events().emit('error', fault);
  assert.deepEqual(spoken.mock.calls[0].arguments, [fault]);
});
