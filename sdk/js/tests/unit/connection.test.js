import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sessionState } from './fake-platform.js';
import { answerPings, watching } from './watching.js';

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

test('a token that cannot be one opens nothing: for good where it is a string, else until there is another', async () => {
  const fixed = await watching({ token: 'a b' });
  assert.deepEqual(fixed.names(), ['connectionFailed']);
  assert.equal(fixed.of('connectionFailed')[0].code, 'TOKEN_INVALID');
  assert.equal(fixed.client.status, 'disconnected');
  assert.equal(fixed.WebSocket.sockets.length, 0);
  const given = ['', undefined, 't3\n'];
  const asked = await watching({ token: async () => given.shift() });
  await asked.platform.advance(3000);
  assert.deepEqual(asked.names(), ['error', 'reconnecting', 'error', 'reconnecting']);
  assert.deepEqual(asked.of('error').map(({ code }) => code), ['TOKEN_INVALID', 'TOKEN_INVALID']);
  assert.deepEqual(asked.WebSocket.last.protocols, ['synckairos.v1', 'bearer.t3']);
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

test('a handshake that nobody answers is left after 3 s, in later attempts after 6 and 10', async () => {
  const { platform, WebSocket, of } = await watching({ maxAttempts: 4 });
  const took = async () => {
    const [began, told] = [platform.mono, of('reconnecting').length];
    while (of('reconnecting').length === told && of('connectionFailed').length === 0) {
      await platform.advance(100);
    }
    const ended = platform.mono;
    await platform.advance(of('reconnecting').at(-1).delayMs);
    return Math.round((ended - began) / 1000);
  };
  assert.deepEqual([await took(), await took(), await took(), await took(), await took()], [3, 3, 6, 10, 10]);
  assert.match(of('connectionFailed')[0].message, /nobody answers/);
  assert.equal(WebSocket.sockets.length, 5);
  assert.equal(platform.timers, 0);
});

test('a handshake that was answered may take its time to say the rest', async () => {
  const { platform, WebSocket } = await watching();
  WebSocket.last.open();
  await platform.advance(14_000);
  assert.equal(WebSocket.sockets.length, 1);
  await platform.advance(3000);
  assert.equal(WebSocket.sockets.length, 2);
});

test('what a socket that was left says later is not heard', async () => {
  const { platform, WebSocket, states, told } = await watching();
  const old = WebSocket.last;
  await platform.advance(5000);
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

test('a PONG that answers no PING, or tells no time, is not believed', async () => {
  const { platform, WebSocket, client } = await watching();
  const socket = WebSocket.last;
  answerPings(platform, socket, 7000);
  socket.accept();
  await platform.advance(100);
  const sent = platform.mono;
  for (const [client_timestamp, server_timestamp] of [[sent], [sent, null], [sent, '1'], [sent, {}], [undefined, 1],
    [null, 1], [String(sent), 1], [sent + 1, 1], [sent - 60_000, 1]]) {
    socket.say({ type: 'PONG', client_timestamp, server_timestamp });
  }
  socket.say(`{"type":"PONG","client_timestamp":-1e999,"server_timestamp":1}`);
  socket.say(`{"type":"PONG","client_timestamp":${sent},"server_timestamp":1e999}`);
  assert.equal(client.getServerTime(), platform.wall + 7000);
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

test('a device at the limit is told once', async () => {
  const { platform, WebSocket, client, of } = await watching();
  answerPings(platform, WebSocket.last, 59_900);
  WebSocket.last.accept();
  for (let i = 0; i < 10; i++) {
    await platform.advance(1000);
    answerPings(platform, WebSocket.last, i % 2 ? 60_100 : 59_900);
    await client.syncServerTime();
  }
  assert.equal(of('clockSkewDetected').length, 1);
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

test('a PONG that waited while the page stood still tells no time', async () => {
  for (const slept of [12_000, 120_000, 7_800_000]) {
    const { platform, WebSocket, client, of } = await watching();
    const socket = WebSocket.last;
    answerPings(platform, socket);
    socket.accept();
    await platform.advance(14_000);
    let late = null;
    socket.onsend = ({ type, timestamp }) => {
      late ??= type === 'PING' ? { type: 'PONG', client_timestamp: timestamp, server_timestamp: platform.wall } : null;
    };
    while (!late) {
      await platform.advance(100);
    }
    platform.sleep(slept);
    socket.say(late);
    assert.equal(client.getServerTime(), platform.wall, `${slept} ms`);
    assert.deepEqual(of('clockSkewDetected'), []);
    client.disconnect();
  }
});

test('the first state is drawn by the time that its connection told', async () => {
  for (const [took, expected] of [[200, -299_900], [600, 0]]) {
    const { platform, WebSocket, client } = await watching();
    const shown = [];
    client.on('stateUpdate', () => shown.push(client.getServerTime() - platform.wall));
    await platform.advance(took);
    WebSocket.last.accept(sessionState(), platform.wall - 300_000);
    assert.deepEqual(shown, [expected], `${took} ms`);
    assert.equal(client.clock().rtt, took <= 500 ? took : null);
    answerPings(platform, WebSocket.last, -300_000);
    await platform.advance(3000);
    assert.equal(client.getServerTime(), platform.wall - 300_000);
    assert.equal(client.clock().rtt, 0);
  }
});

test('what a new connection tells does not shake a time that is known', async () => {
  const { platform, WebSocket, client } = await watching();
  answerPings(platform, WebSocket.last);
  WebSocket.last.accept();
  await platform.advance(6000);
  WebSocket.last.end(1001);
  await platform.advance(1000);
  WebSocket.last.accept(sessionState(), platform.wall - 100);
  assert.equal(client.getServerTime(), platform.wall);
});
