import { Intervals, show } from './page.js';

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import { StrictMode } from 'react';
import { renderToString } from 'react-dom/server';

import { useNow } from '../../src/index.js';
import { happen, mount, unmountAll } from './stage.js';

let intervals;
beforeEach(() => { intervals = new Intervals(); });
afterEach(async () => {
  await unmountAll();
  intervals.restore();
  show(true);
});

// A clock that goes on with every look at it, as real ones do.
function newServer(now = 1_000_000) {
  return { now, getServerTime() { return this.now++; } };
}

function Time({ every, server }) {
  return useNow(every, server);
}

test('components share one timer for each interval, and leave none', async () => {
  const server = newServer();
  const pages = [await mount(<StrictMode><Time server={server} /><Time every={1000} /></StrictMode>)];
  const timers = [...intervals.running.keys()];
  pages.push(await mount(<Time every={100} />));
  assert.deepEqual([...intervals.running.keys()], timers); // whoever joins puts no tick off
  assert.deepEqual(intervals.all, [100, 1000]);
  await pages[0].unmount();
  assert.deepEqual(intervals.all, [100]);
  await pages[1].unmount();
  assert.deepEqual(intervals.all, []);
});

test('it follows the server, and all components of a tick show one instant', async () => {
  const server = newServer();
  const pages = [await mount(<><Time server={server} />,<Time server={server} /></>), await mount(<Time server={server} />)];
  assert.deepEqual(pages.map(({ text }) => text), ['1000000,1000000', '1000000']);
  server.now = 2_000_000;
  await happen(() => intervals.fire(100));
  assert.deepEqual(pages.map(({ text }) => text), ['2000000,2000000', '2000000']);
});

test('a tick that comes early is a tick', async () => {
  const server = newServer();
  const page = await mount(<Time server={server} />);
  server.now = 1_000_099;
  await happen(() => intervals.fire(100));
  assert.equal(page.text, '1000099');
});

test('without a client it is the time of the device', async () => {
  const before = Date.now() - 100; // as old as it may be
  const page = await mount(<Time />);
  assert.ok(Number(page.text) >= before && Number(page.text) <= Date.now());
});

test('a hidden page has no timer, and is right at once when it is shown', async () => {
  const server = newServer();
  const page = await mount(<Time server={server} />);
  await happen(() => show(false));
  assert.deepEqual(intervals.all, []);
  server.now = 5_000_000;
  await happen(() => show(true));
  assert.equal(page.text, '5000000');
  assert.deepEqual(intervals.all, [100]);
});

test('a page that is hidden from the start begins when it is shown', async () => {
  show(false);
  await mount(<Time />);
  assert.deepEqual(intervals.all, []);
  await happen(() => show(true));
  assert.deepEqual(intervals.all, [100]);
});

test('a component that comes later does not show what was long ago', async () => {
  const server = newServer();
  await (await mount(<Time server={server} />)).unmount();
  server.now = 9_000_000;
  assert.equal((await mount(<Time server={server} />)).text, '9000000');
});

test('another interval or client takes effect', async () => {
  const page = await mount(<Time server={newServer()} />);
  const server = newServer(7_000_000);
  await page.render(<Time server={server} />);
  assert.deepEqual([page.text, intervals.all], ['7000000', [100]]);
  await page.render(<Time every={50} server={server} />);
  assert.deepEqual(intervals.all, [50]);
});

test('an interval that is none is refused; a server shows no time', () => {
  for (const every of [0, -1, NaN, Infinity, 2 ** 31]) {
    assert.throws(() => renderToString(<Time every={every} />), RangeError, String(every));
  }
  assert.equal(renderToString(<Time />), '0');
});
