import assert from 'node:assert/strict';
import { test } from 'node:test';

import { backoff } from '../../src/attempts.js';
import { sessionState, settle } from './fake-platform.js';
import { answerPings, watching } from './watching.js';

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

test('the number of attempts is the caller\'s choice, and counts anew from each good connection', async () => {
  const { platform, WebSocket, of } = await watching({ maxAttempts: 2 });
  for (let i = 0; i < 3; i++) {
    WebSocket.last.accept();
    await platform.advance(5000);
    WebSocket.last.end(1001);
    await platform.advance(1000);
  }
  assert.deepEqual(of('reconnecting').map(({ attempt }) => attempt), [1, 1, 1]);
  WebSocket.last.end(1006);
  await platform.advance(2000);
  WebSocket.last.end(1006);
  assert.equal(of('connectionFailed').length, 1);
});

test('the longest wait is the caller\'s choice, and so is never to give up', async () => {
  const { platform, WebSocket, of } = await watching({ maxAttempts: Infinity, maxDelayMs: 2000 });
  WebSocket.last.end(1006);
  for (let i = 0; i < 1200; i++) {
    await platform.advance(2000);
    WebSocket.last.end(1006);
  }
  const waits = of('reconnecting').map(({ delayMs }) => delayMs);
  assert.deepEqual([...new Set(waits)], [750, 1500]); // random() is 0.5
  assert.equal(waits.length, 1201);
  assert.deepEqual(of('reconnecting').at(-1), { attempt: 1201, maxAttempts: Infinity, delayMs: 1500 });
  assert.deepEqual(of('connectionFailed'), []);
});

test('after three attempts in vain it asks first whether somebody is there, four times of five', async () => {
  const { platform, WebSocket, of } = await watching({ maxAttempts: Infinity, maxDelayMs: 2000 });
  platform.there = false;
  const attempts = async (count) => {
    const before = WebSocket.sockets.length;
    for (let i = 0; i < count; i++) {
      await platform.advance(of('reconnecting').at(-1).delayMs);
      WebSocket.last.end(1006); // nothing happens where there is no new one
    }
    return WebSocket.sockets.length - before;
  };
  WebSocket.last.end(1006);
  assert.equal(await attempts(2), 2);
  assert.deepEqual(platform.knocks, []);
  assert.equal(await attempts(20), 4);
  assert.equal(platform.knocks.length, 16);
  assert.equal(platform.knocks[0], WebSocket.last.url);
  platform.there = true;
  await platform.advance(2000);
  WebSocket.last.accept();
  assert.equal(of('connected').length, 1);
});

test('a server that has no room is given 5 s, however short the longest wait is', async () => {
  for (const [maxDelayMs, expected] of [[2000, [5, 5, 5, 5, 5]], [30_000, [5, 10, 20, 30, 30]]]) {
    const { platform, WebSocket, of } = await watching({ maxDelayMs });
    for (let i = 0; i < 5; i++) {
      WebSocket.last.end(4013);
      await platform.advance(of('reconnecting').at(-1).delayMs);
    }
    assert.deepEqual(of('reconnecting').map(({ delayMs }) => delayMs), expected.map((seconds) => seconds * 750));
  }
});

test('a server that took its time to ask for patience has had it', async () => {
  const { platform, WebSocket, of } = await watching({ maxDelayMs: 2000 });
  for (const lasted of [2000, 5000, 5000]) {
    WebSocket.last.open();
    await platform.advance(lasted);
    WebSocket.last.end(4013);
    await platform.advance(of('reconnecting').at(-1).delayMs);
  }
  assert.deepEqual(of('reconnecting').map(({ delayMs }) => delayMs), [1750, 1500, 1500]);
});

test('the waits of many differ by a jitter of half', () => {
  const wait = (random) => backoff(9, { code: 1006, lastedMs: 0, maxDelayMs: 2000, random: () => random });
  assert.deepEqual([0, 0.5, 1].map(wait), [1000, 1500, 2000]);
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
    await platform.advance(code === 4013 ? 5000 : 1000);
    assert.equal(WebSocket.sockets.length, 2, String(code));
    assert.deepEqual(of('disconnected'), [{ code, reason: '', willReconnect: true }]);
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
  WebSocket.last.accept();
  await platform.advance(5000);
  assert.equal(WebSocket.sockets.length, 2);
});

test('several signs of one waking are one waking', async () => {
  const { platform, WebSocket, client } = await watching();
  const socket = WebSocket.last;
  answerPings(platform, socket);
  socket.accept();
  await platform.advance(2000);
  socket.sent.length = 0;
  const wakes = async () => {
    for (let i = 0; i < 4; i++) {
      platform.online.forEach((wake) => wake());
      await platform.advance(100);
    }
  };
  await wakes();
  assert.equal(socket.of('RECONNECT').length, 1);
  assert.equal(socket.of('PING').length, 5);
  await platform.advance(1500);
  await wakes();
  assert.equal(socket.of('RECONNECT').length, 2);
  platform.sleep(3_600_000, { monotonic: false });
  platform.online.forEach((wake) => wake());
  assert.equal(socket.of('RECONNECT').length, 3);
  await settle();
  client.disconnect();
  assert.equal(platform.timers, 0);
});

test('of several signs of one waking each may find the network back', async () => {
  const { platform, WebSocket } = await watching({ maxDelayMs: 60_000 });
  WebSocket.last.end(1006);
  for (let i = 2; i < 5; i++) {
    for (let j = 0; j < 3; j++) { // an attempt that is under way is let go on
      platform.online.forEach((wake) => wake());
      await settle();
    }
    assert.equal(WebSocket.sockets.length, i);
    WebSocket.last.end(1006);
  }
});

test('a server that loses a client right after its state is not stormed', async () => {
  const { platform, WebSocket, of } = await watching({ maxAttempts: 4 });
  for (const [lasted, attempt] of [[0, 1], [4900, 2], [0, 3], [5000, 1], [0, 2]]) {
    answerPings(platform, WebSocket.last);
    WebSocket.last.accept();
    await platform.advance(lasted);
    WebSocket.last.end(1006);
    assert.equal(of('reconnecting').at(-1).attempt, attempt);
    await platform.advance(of('reconnecting').at(-1).delayMs);
  }
});

test('a wake does not shorten what a server asked for', async () => {
  const { platform, WebSocket, of } = await watching();
  WebSocket.last.end(4013);
  const wake = () => platform.online.forEach((callback) => callback());
  for (let waited = 0; waited < of('reconnecting')[0].delayMs; waited += 50) {
    wake();
    await settle();
    assert.equal(WebSocket.sockets.length, 1);
    await platform.advance(50);
  }
  assert.equal(WebSocket.sockets.length, 2);
  WebSocket.last.end(1006);
  wake();
  await settle();
  assert.equal(WebSocket.sockets.length, 3);
});
