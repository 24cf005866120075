import assert from 'node:assert/strict';
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
