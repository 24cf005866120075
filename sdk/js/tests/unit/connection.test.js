import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SyncKairosClient } from '../../src/index.js';
import { FakePlatform, answer, fakeSockets, sessionState, settle } from './fake-platform.js';

const EVENTS = ['connected', 'disconnected', 'reconnecting', 'connectionFailed', 'error', 'stateUpdate', 'timeExpired',
  'timeWarning', 'sessionDeleted', 'clockSkewDetected'];

// A client that watches session `s`, what it told, and the server's side of its sockets.
async function watching(options = {}) {
  const platform = new FakePlatform();
  const WebSocket = fakeSockets();
  const client = new SyncKairosClient('http://api', 'ws://relay/ws', { WebSocket, platform, ...options });
  const told = [];
  const states = [];
  EVENTS.forEach((name) => client.on(name, (payload) => told.push([name, payload])));
  client.connectWebSocket('s', (state) => states.push(state));
  await settle();
  const names = () => told.map(([name]) => name).filter((name) => name !== 'stateUpdate');
  const of = (name) => told.filter(([other]) => other === name).map(([, payload]) => payload);
  return { platform, WebSocket, client, told, states, names, of };
}

// Answers a socket's PINGs within the same millisecond, by a server that is `ahead` of the device.
function answerPings(platform, socket, ahead = 0) {
  socket.onsend = ({ type, timestamp }) => type === 'PING' && queueMicrotask(() => socket.say({ type: 'PONG',
    client_timestamp: timestamp, server_timestamp: platform.wall + ahead }));
}

test('it connects, is told the state, and says so in this order', async () => {
  const { WebSocket, client, told, states } = await watching();
  assert.equal(WebSocket.last.url, 'ws://relay/ws?sessionId=s');
  assert.equal(client.status, 'connecting');
  WebSocket.last.accept();
  assert.deepEqual(told, [['connected', { sessionId: 's' }], ['stateUpdate', sessionState()]]);
  assert.deepEqual(states, [sessionState()]);
  assert.equal(client.status, 'connected');
});

test('an update that is not newer is dropped, a STATE_SYNC never', async () => {
  const { WebSocket, states } = await watching();
  const socket = WebSocket.last;
  socket.accept(sessionState({ version: 5, updated_at_ms: 1000 }));
  const rows = [[5, 1000, false], [4, 1000, false], [9, 999, false], [6, 1000, true], [2, 1001, true]];
  for (const [version, updated, taken] of rows) {
    const before = states.length;
    socket.say({ type: 'STATE_UPDATE', payload: sessionState({ version, updated_at_ms: updated }) });
    assert.equal(states.length - before, taken ? 1 : 0, `version ${version} at ${updated}`);
  }
  socket.say({ type: 'STATE_SYNC', payload: sessionState({ version: 1, updated_at_ms: 1 }) });
  assert.equal(states.at(-1).version, 1);
});

test('warnings, expiries, the end and errors are passed on; a frame of a newer server is not', async () => {
  const { WebSocket, told } = await watching();
  WebSocket.last.accept();
  told.length = 0;
  WebSocket.last.say({ type: 'TIME_WARNING', payload: { level: 'low' } });
  WebSocket.last.say({ type: 'TIME_EXPIRED', payload: { count: 1 } });
  WebSocket.last.say({ type: 'NEWS', payload: {} });
  WebSocket.last.say({ type: 'SESSION_DELETED', sessionId: 's' });
  WebSocket.last.say({ type: 'ERROR', code: 'SESSION_NOT_FOUND', message: 'gone' });
  WebSocket.last.say('{');
  assert.deepEqual(told.map(([name, payload]) => [name, payload.code ?? payload]), [['timeWarning', { level: 'low' }],
    ['timeExpired', { count: 1 }], ['sessionDeleted', { sessionId: 's' }], ['error', 'SESSION_NOT_FOUND'],
    ['error', 'INVALID_FRAME']]);
});

test('it waits 1, 2, 4, 8, 16, 30, 30 … seconds less a jitter, ten times, and gives up', async () => {
  const { platform, WebSocket, client, of, names } = await watching();
  WebSocket.last.end(1006);
  for (let i = 0; i < 10; i++) {
    await platform.advance(30_000);
    WebSocket.last.end(1006);
  }
  const waits = of('reconnecting').map(({ delayMs }) => delayMs);
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 30, 30, 30, 30, 30].map((seconds) => seconds * 750)); // random() is 0.5
  assert.equal(WebSocket.sockets.length, 11);
  assert.deepEqual(names().slice(-2), ['reconnecting', 'connectionFailed']);
  assert.equal(of('connectionFailed')[0].code, 'CONNECTION_FAILED');
  assert.equal(client.status, 'disconnected');
  await platform.advance(120_000);
  assert.equal(WebSocket.sockets.length, 11);
  assert.equal(platform.timers, 0);
});

test('the number of attempts is the caller\'s choice, and counts anew from each state', async () => {
  const { platform, WebSocket, of } = await watching({ maxAttempts: 2 });
  for (let i = 0; i < 3; i++) {
    WebSocket.last.accept();
    WebSocket.last.end(1001);
    await platform.advance(1000);
  }
  assert.deepEqual(of('reconnecting').map(({ attempt }) => attempt), [1, 1, 1]);
  WebSocket.last.end(1006);
  await platform.advance(2000);
  WebSocket.last.end(1006);
  assert.equal(of('connectionFailed').length, 1);
});

test('it resumes from the last version that it knows', async () => {
  const { platform, WebSocket } = await watching();
  WebSocket.last.accept(sessionState({ version: 7, updated_at_ms: 4500 }));
  assert.deepEqual(WebSocket.last.of('RECONNECT'), []);
  WebSocket.last.end(1006);
  await platform.advance(1000);
  WebSocket.last.open();
  assert.deepEqual(WebSocket.last.of('RECONNECT'), [{ type: 'RECONNECT', last_known_version: 7, updated_at_ms: 4500 }]);
});

test('after a terminal close nothing is tried again', async () => {
  const codes = { 1008: 'POLICY_VIOLATION', 1009: 'PAYLOAD_TOO_LARGE', 4001: 'UNAUTHORIZED', 4003: 'FORBIDDEN',
    4004: 'SESSION_NOT_FOUND', 1000: null };
  for (const [code, expected] of Object.entries(codes)) {
    const { platform, WebSocket, client, of } = await watching();
    WebSocket.last.open();
    WebSocket.last.end(Number(code));
    await platform.advance(120_000);
    assert.equal(WebSocket.sockets.length, 1, code);
    assert.deepEqual(of('connectionFailed').map((error) => [error.code, error.status]),
      expected ? [[expected, Number(code)]] : []);
    assert.equal(client.status, 'disconnected');
  }
});

test('after any other it is', async () => {
  for (const code of [1001, 1005, 1006, 1011, 4008, 4013]) {
    const { platform, WebSocket, of } = await watching();
    WebSocket.last.accept();
    WebSocket.last.end(code);
    await platform.advance(1000);
    assert.equal(WebSocket.sockets.length, 2, String(code));
    assert.deepEqual(of('disconnected'), [{ code, reason: '', willReconnect: true }]);
  }
});

test('every connection asks for a token; one that has expired is followed by the next', async () => {
  let asked = 0;
  const { platform, WebSocket } = await watching({ token: async () => `t${++asked}` });
  WebSocket.last.accept();
  WebSocket.last.end(4009);
  await platform.advance(1000);
  assert.deepEqual(WebSocket.sockets.map(({ protocols }) => protocols),
    [['synckairos.v1', 'bearer.t1'], ['synckairos.v1', 'bearer.t2']]);
});

test('an expired token that nothing follows ends it', async () => {
  const { platform, WebSocket, of } = await watching({ token: 'fixed' });
  WebSocket.last.accept();
  WebSocket.last.end(4009);
  await platform.advance(60_000);
  assert.equal(WebSocket.sockets.length, 1);
  assert.equal(of('connectionFailed')[0].code, 'TOKEN_EXPIRED');
});

test('a token() that fails is an error, and asked again', async () => {
  let asked = 0;
  const token = () => { asked += 1; return asked === 1 ? Promise.reject(new Error('offline')) : 't2'; };
  const { platform, WebSocket, names, of } = await watching({ token });
  assert.deepEqual(names(), ['error', 'reconnecting']);
  assert.equal(of('error')[0].code, 'TOKEN_UNAVAILABLE');
  await platform.advance(1000);
  assert.deepEqual(WebSocket.last.protocols, ['synckairos.v1', 'bearer.t2']);
});

test('it pings every five seconds, and leaves a server that leaves two unanswered', async () => {
  const { platform, WebSocket, of } = await watching();
  const socket = WebSocket.last;
  answerPings(platform, socket);
  socket.accept();
  await platform.advance(1000);
  const before = socket.of('PING').length;
  await platform.advance(30_000);
  assert.equal(socket.of('PING').length - before, 6);
  socket.onsend = null;
  await platform.advance(14_000);
  assert.equal(WebSocket.sockets.length, 1);
  await platform.advance(2000);
  assert.deepEqual(of('disconnected'), [{ code: 1006, reason: 'the server is silent', willReconnect: true }]);
  assert.equal(WebSocket.sockets.length, 2);
});

test('a handshake without an answer is left as a silent server is', async () => {
  const { platform, WebSocket } = await watching();
  await platform.advance(17_000);
  assert.equal(WebSocket.sockets.length, 2);
});

test('what a socket that was left says later is not heard', async () => {
  const { platform, WebSocket, states, told } = await watching();
  const old = WebSocket.last;
  await platform.advance(17_000);
  WebSocket.last.accept();
  told.length = 0;
  old.accept(sessionState({ version: 99, updated_at_ms: 99_000 }));
  old.end(4004);
  assert.deepEqual(told, []);
  assert.equal(states.length, 1);
});

test('a connection learns the time by five pings, and goes on learning', async () => {
  const { platform, WebSocket, client } = await watching();
  const synced = [];
  client.on('timeSynced', (reading) => synced.push(reading));
  answerPings(platform, WebSocket.last, 7000);
  WebSocket.last.accept();
  await platform.advance(100);
  assert.equal(WebSocket.last.of('PING').length, 5);
  assert.equal(synced.length, 1);
  assert.equal(client.getServerTime(), platform.wall + 7000);
  answerPings(platform, WebSocket.last, 7050);
  await platform.advance(15_000);
  assert.equal(client.getServerTime(), platform.wall + 7050);
});

test('a skewed device is told once, one that is hours off is an error too, and the time is right', async () => {
  for (const [ahead, expected] of [[59_000, []], [300_000, ['clockSkewDetected']],
    [-7_200_000, ['clockSkewDetected', 'error']]]) {
    const { platform, WebSocket, client, names, of } = await watching();
    answerPings(platform, WebSocket.last, ahead);
    WebSocket.last.accept();
    await platform.advance(60_000);
    assert.deepEqual(names().slice(1), expected, String(ahead));
    assert.equal(client.getServerTime(), platform.wall + ahead);
    if (expected.length) {
      assert.ok(Math.abs(of('clockSkewDetected')[0].skewMs - ahead) <= 1);
    }
  }
});

test('a device that slept asks for time and state, and finds a dead connection within three seconds', async () => {
  for (const monotonic of [true, false]) {
    const { platform, WebSocket, client } = await watching();
    answerPings(platform, WebSocket.last, 0);
    WebSocket.last.accept();
    await platform.advance(10_000);
    platform.sleep(3_600_000, { monotonic });
    await platform.advance(1100);
    assert.equal(client.getServerTime(), platform.wall);
    assert.equal(WebSocket.last.of('RECONNECT').length, 1);
    WebSocket.last.onsend = null;
    platform.sleep(3_600_000, { monotonic });
    await platform.advance(3000);
    assert.equal(WebSocket.sockets.length, 2);
  }
});

test('a page that is shown again, or a network that is back, does not wait for the back-off', async () => {
  const { platform, WebSocket } = await watching();
  WebSocket.last.end(1006);
  await settle();
  assert.equal(WebSocket.sockets.length, 1);
  platform.online.forEach((wake) => wake());
  await settle();
  assert.equal(WebSocket.sockets.length, 2);
  await platform.advance(5000);
  assert.equal(WebSocket.sockets.length, 2);
});

test('disconnect ends everything, whatever was going on', async () => {
  const stages = [async () => {}, async ({ WebSocket }) => WebSocket.last.accept(),
    async ({ WebSocket }) => WebSocket.last.end(1006)];
  for (const stage of stages) {
    const world = await watching();
    await stage(world);
    world.client.disconnect();
    const sockets = world.WebSocket.sockets.length;
    await world.platform.advance(120_000);
    assert.equal(world.WebSocket.sockets.length, sockets);
    assert.equal(world.platform.timers, 0);
    assert.equal(world.platform.online.size, 0);
    assert.equal(world.client.status, 'disconnected');
  }
});

test('a token that comes after the end opens nothing', async () => {
  let give;
  const { WebSocket, client } = await watching({ token: () => new Promise((resolve) => { give = resolve; }) });
  client.disconnect();
  give('late');
  await settle();
  assert.equal(WebSocket.sockets.length, 0);
});

test('a handler of disconnected may disconnect', async () => {
  const { platform, WebSocket, client, names } = await watching();
  client.on('disconnected', () => client.disconnect());
  WebSocket.last.accept();
  WebSocket.last.end(1006);
  await platform.advance(60_000);
  assert.deepEqual(names(), ['connected', 'disconnected']);
  assert.equal(WebSocket.sockets.length, 1);
});

test('to watch another session is to leave the one before', async () => {
  const { WebSocket, client, states } = await watching();
  const first = WebSocket.last;
  first.accept();
  const others = [];
  client.connectWebSocket('o', (state) => others.push(state));
  await settle();
  assert.equal(first.readyState, 3);
  WebSocket.last.accept(sessionState({ session_id: 'o' }));
  assert.equal(states.length, 1);
  assert.equal(others.length, 1);
});

test('a switch names the active participant, or the cycle where nobody is active', async () => {
  const rows = [[sessionState(), [], { current_participant_id: 'a' }],
    [sessionState({ active_participant_id: null, cycle_number: 4 }), [], { current_cycle_number: 4 }],
    [sessionState(), ['b'], { current_participant_id: 'b' }],
    [sessionState(), [null, 'c'], { current_participant_id: 'a', next_participant_id: 'c' }]];
  for (const [state, args, expected] of rows) {
    const { platform, WebSocket, client } = await watching();
    platform.answer = async () => answer(200, { data: sessionState({ version: 3 }) });
    WebSocket.last.accept(state);
    await client.switchCycle('s', ...args);
    assert.equal(platform.requests.at(-1).url, 'http://api/v1/sessions/s/switch');
    assert.deepEqual(JSON.parse(platform.requests.at(-1).init.body), expected);
  }
});

test('where the session is not watched, a switch asks what it would end', async () => {
  const { platform, client } = await watching();
  platform.answer = async () => answer(200, { data: sessionState({ session_id: 'x', active_participant_id: 'z' }) });
  await client.switchCycle('x');
  assert.deepEqual(platform.requests.map(({ url, init }) => [init.method, url]),
    [['GET', 'http://api/v1/sessions/x'], ['POST', 'http://api/v1/sessions/x/switch']]);
  assert.deepEqual(JSON.parse(platform.requests[1].init.body), { current_participant_id: 'z' });
});

test('an answer about the watched session is shown at once, and its update not again', async () => {
  const { platform, WebSocket, client, states } = await watching();
  WebSocket.last.accept();
  const next = sessionState({ version: 3, active_participant_id: 'b' });
  platform.answer = async () => answer(200, { data: next });
  assert.deepEqual(await client.switchCycle('s'), next);
  assert.deepEqual(states.at(-1), next);
  WebSocket.last.say({ type: 'STATE_UPDATE', payload: next });
  assert.equal(states.length, 2);
  platform.answer = async () => answer(200, { data: sessionState({ session_id: 'other', version: 9 }) });
  await client.getSession('other');
  assert.equal(states.length, 2);
});
