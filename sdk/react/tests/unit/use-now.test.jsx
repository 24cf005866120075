import { Intervals, show } from './page.js';

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import { StrictMode, Suspense } from 'react';
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

// A component that takes longer to draw than the interval is long.
function Slow({ server, each }) {
  const now = useNow(100, server);
  server.now += 250;
  each?.push(now);
  return `${now} `;
}

test('a render that takes longer than the interval is drawn once a tick', async () => {
  const server = newServer();
  const each = [];
  const page = await mount(<><Slow server={server} each={each} /><Slow server={server} each={each} /></>);
  assert.equal(page.text, '1000000 1000000 ');
  for (const now of [2_000_000, 3_000_000]) {
    server.now = now;
    each.length = 0;
    await happen(() => intervals.fire(100));
    assert.equal(page.text, `${now} ${now} `);
    assert.deepEqual(each, [now, now]);
  }
});

test('one that joins shows the instant of the tick before', async () => {
  const server = newServer();
  await mount(<Time server={server} />);
  server.now = 1_000_500; // the tick is late
  assert.equal((await mount(<Time server={server} />)).text, '1000000');
});

// Timers of the same length end in the order in which they began.
const intervalPassed = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

test('a render that comes to nothing leaves no instant behind', async () => {
  const server = newServer();
  const never = new Promise(() => {});
  function Waiting() {
    useNow(30, server);
    throw never;
  }
  await mount(<Suspense fallback="…"><Waiting /></Suspense>);
  server.now = 9_000_000;
  await intervalPassed(30);
  assert.equal((await mount(<Time every={30} server={server} />)).text, '9000000');
});

test('a hidden page that is drawn for another reason shows no old instant', async () => {
  const server = newServer();
  show(false);
  const page = await mount(<Time every={30} server={server} />);
  server.now = 9_000_000;
  await intervalPassed(30);
  await page.render(<Time every={30} server={server} key="another" />);
  assert.deepEqual([page.text, intervals.all], ['9000000', []]);
});

test('Strict Mode draws no instant but one', async () => {
  const server = newServer();
  const seen = new Set();
  function Seen() {
    seen.add(useNow(100, server));
    return null;
  }
  await mount(<StrictMode><Seen /><Seen /></StrictMode>);
  assert.equal(seen.size, 1);
});

test('a tick that comes early is a tick', async () => {
  const server = newServer();
  const page = await mount(<Time server={server} />);
  server.now = 1_000_099;
  await happen(() => intervals.fire(100));
  assert.equal(page.text, '1000099');
});

test('without a client it is the time of the device', async () => {
  const before = Date.now();
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

test('what cannot be is refused; a server shows no time', () => {
  assert.throws(() => renderToString(<Time server={null} />), /useNow: the client has no getServerTime/);
  for (const every of [0, -1, NaN, Infinity, 2 ** 31]) {
    assert.throws(() => renderToString(<Time every={every} />), RangeError, String(every));
  }
  assert.equal(renderToString(<Time />), '0');
});
