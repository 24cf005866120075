import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';

import { absoluteUrl, platform } from '../../src/platform.js';

const API = ['http:', 'https:'];
const WS = ['ws:', 'wss:'];

// As in a page at that address.
function inPage(context, href) {
  globalThis.location = new URL(href);
  context.after(() => { delete globalThis.location; });
}

test('a page may name addresses relative to itself, and TLS stays TLS', (context) => {
  for (const [page, api, ws] of [['http://h:8080/demo/', 'http://h:8080/', 'ws://h:8080/ws'],
    ['https://h/demo/', 'https://h/', 'wss://h/ws']]) {
    inPage(context, page);
    assert.equal(absoluteUrl('/', 'apiUrl', API).href, api);
    assert.equal(absoluteUrl('/ws', 'wsUrl', WS).href, ws);
    assert.equal(absoluteUrl('wss://other/ws', 'wsUrl', WS).href, 'wss://other/ws');
  }
});

test('a page that is shown again, or online again, wakes its client until that is over', (context) => {
  globalThis.document = Object.assign(new EventTarget(), { visibilityState: 'hidden' });
  const own = new EventTarget();
  const names = ['addEventListener', 'removeEventListener'];
  const before = names.map((name) => [name, globalThis[name]]);
  names.forEach((name) => { globalThis[name] = own[name].bind(own); });
  context.after(() => {
    delete globalThis.document;
    before.forEach(([name, value]) => { globalThis[name] = value; });
  });
  let woken = 0;
  const leave = platform.onWake(() => { woken += 1; });
  const change = (state) => {
    document.visibilityState = state;
    document.dispatchEvent(new Event('visibilitychange'));
  };
  change('hidden');
  assert.equal(woken, 0);
  change('visible');
  own.dispatchEvent(new Event('online'));
  assert.equal(woken, 2);
  leave();
  change('visible');
  own.dispatchEvent(new Event('online'));
  assert.equal(woken, 2);
});

test('a page asks whether a server is there; a proxy with nobody behind it is none', async (context) => {
  assert.equal(await platform.answers('ws://nowhere.invalid/ws'), true); // in no page the WebSocket finds out
  globalThis.document = {};
  const before = globalThis.fetch;
  context.after(() => { delete globalThis.document; globalThis.fetch = before; });
  const asked = [];
  for (const [answer, expected] of [[{ status: 426 }, true], [{ status: 0 }, true], [{ status: 401 }, true],
    [{ status: 502 }, false], [{ status: 503 }, false], [{ status: 504 }, false], [null, false]]) {
    globalThis.fetch = async (url, { mode }) => {
      asked.push(`${mode} ${url}`);
      if (!answer) throw new TypeError('Failed to fetch');
      return answer;
    };
    assert.equal(await platform.answers('wss://host/ws?sessionId=a'), expected);
  }
  assert.equal(asked[0], 'no-cors https://host/ws?sessionId=a');
});

test('a server that has not answered after two seconds may be there; where nobody listens, nobody is', async (context) => {
  globalThis.document = {};
  const server = createServer().listen(0, '127.0.0.1');
  const sockets = [];
  server.on('connection', (socket) => sockets.push(socket.resume().on('error', () => {})));
  context.after(() => { delete globalThis.document; });
  await once(server, 'listening');
  const url = `ws://127.0.0.1:${server.address().port}/ws`;
  const began = performance.now();
  assert.equal(await platform.answers(url), true);
  assert.ok(performance.now() - began >= 1990);
  assert.equal(sockets.length, 1);
  sockets.forEach((socket) => socket.destroy());
  server.close();
  await once(server, 'close');
  assert.equal(await platform.answers(url), false);
});
