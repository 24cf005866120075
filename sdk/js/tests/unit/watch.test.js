import assert from 'node:assert/strict';
import { test } from 'node:test';

import { answer, sessionState, settle } from './fake-platform.js';
import { answerPings, watching } from './watching.js';

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

test('what is no frame, or a state of no session, is an error and nothing more', async () => {
  const { WebSocket, states, of } = await watching();
  WebSocket.last.accept();
  const frames = ['null', '5', '[]', '{}', '{"type":"STATE_SYNC"}', '{"type":"STATE_UPDATE","payload":null}'];
  frames.forEach((frame) => WebSocket.last.say(frame));
  assert.deepEqual(of('error').map(({ code }) => code), frames.map(() => 'INVALID_FRAME'));
  assert.equal(states.length, 1);
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
  answerPings(platform, WebSocket.last);
  WebSocket.last.accept();
  await settle();
  WebSocket.last.end(1006);
  await platform.advance(60_000);
  assert.deepEqual(names(), ['connected', 'disconnected']);
  assert.equal(WebSocket.sockets.length, 1);
});

test('a handler of disconnected may watch a session: the one that was asked for is watched, alone', async () => {
  const { platform, WebSocket, client } = await watching();
  client.on('disconnected', () => client.connectWebSocket('lobby'));
  WebSocket.last.accept();
  client.connectWebSocket('o');
  await settle();
  const open = WebSocket.sockets.filter(({ readyState }) => readyState !== 3);
  assert.deepEqual(open.map(({ url }) => url), ['ws://relay/ws?sessionId=o']);
  assert.equal(platform.online.size, 1);
  client.disconnect();
  assert.equal(platform.online.size, 0);
  open[0].accept(sessionState({ session_id: 'o' }));
  assert.equal(client.status, 'disconnected');
});

test('of the end of a session that was left already nothing more is told', async () => {
  for (const leave of [(client) => client.connectWebSocket('lobby'), (client) => client.disconnect()]) {
    const { WebSocket, client, of } = await watching();
    WebSocket.last.accept();
    client.on('disconnected', () => leave(client));
    WebSocket.last.end(4003);
    assert.deepEqual(of('connectionFailed'), []);
  }
});

test('after a failure nothing listens to the page', async () => {
  const { platform, WebSocket, client } = await watching();
  WebSocket.last.end(4004);
  assert.equal(platform.online.size, 0);
  assert.equal(client.status, 'disconnected');
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

test('a switch names the cycle as far as it is known: who is active, and its number', async () => {
  const rows = [[sessionState(), [], { current_participant_id: 'a', current_cycle_number: 1 }],
    [sessionState({ active_participant_id: null, cycle_number: 4 }), [], { current_cycle_number: 4 }],
    [sessionState(), ['a'], { current_participant_id: 'a', current_cycle_number: 1 }],
    [sessionState(), ['b'], { current_participant_id: 'b' }],
    [sessionState({ active_participant_id: null }), ['b'], { current_participant_id: 'b' }],
    [sessionState(), [null, 'c'], { current_participant_id: 'a', current_cycle_number: 1, next_participant_id: 'c' }]];
  for (const [state, args, expected] of rows) {
    const { platform, WebSocket, client } = await watching();
    platform.answer = async () => answer(200, { data: sessionState({ version: 3 }) });
    WebSocket.last.accept(state);
    await client.switchCycle('s', ...args);
    assert.equal(platform.requests.at(-1).url, 'http://api/v1/sessions/s/switch');
    assert.deepEqual(JSON.parse(platform.requests.at(-1).init.body), expected);
  }
});

test('where the session is not watched, a switch asks what it would end, unless the caller says it', async () => {
  const { platform, client } = await watching();
  platform.answer = async () => answer(200, { data: sessionState({ session_id: 'x', active_participant_id: 'z' }) });
  await client.switchCycle('x');
  assert.deepEqual(platform.requests.map(({ url, init }) => [init.method, url]),
    [['GET', 'http://api/v1/sessions/x'], ['POST', 'http://api/v1/sessions/x/switch']]);
  assert.deepEqual(JSON.parse(platform.requests[1].init.body), { current_participant_id: 'z', current_cycle_number: 1 });
  await client.switchCycle('x', 'z');
  assert.equal(platform.requests.length, 3);
  assert.deepEqual(JSON.parse(platform.requests[2].init.body), { current_participant_id: 'z' });
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
