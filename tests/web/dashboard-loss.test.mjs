// The dashboard when something is lost: the service, its store, the network, time, the token. It is right again within
// 3 s of the return.

import assert from 'node:assert/strict';
import test from 'node:test';
import { newPage, setUp } from './browser.mjs';
import { dashboardOf } from './dashboard.mjs';
import { Proxy, Stack, sleep, until } from './stack.mjs';

const RIGHT_AGAIN_MS = 3000;
const TRIES_TO_BE_AWAY = 7; // by then a wait that doubled would be far above 3 s
const SILENCE_MS = 25000; // two PINGs unanswered, and some patience with a busy machine
const LATE_MS = 700; // more than a sample of the time may take
const TEXT_MS = 1100; // what a text without tenths leaves open, and the way through the driver

const { stack, browser, redis } = await setUp({ ownRedis: true });

const { create, open, operate, row } = dashboardOf(stack, browser);
const LIVE = '#liveness[data-status=connected]';
const LOST = '#liveness[data-status=lost]';

async function openWith(id, options) {
  await create(id);
  await operate(id, 'start');
  const page = await open(options);
  await page.waitForSelector(row(id));
  return page;
}

// The one chosen tells of a switch at once, the list of what came meanwhile; both as soon as the service is back.
async function assertRightAgain(page, id, what) {
  const since = performance.now();
  await operate(id, 'switch', { current_participant_id: 'white' });
  await create(`${id}-new`);
  await Promise.all([
    page.waitForSelector(LIVE, { timeout: RIGHT_AGAIN_MS }),
    page.waitForSelector('#detail[data-connection=connected]', { timeout: RIGHT_AGAIN_MS }),
    page.waitForSelector('#detail li[data-active] b:text-is("black")', { timeout: RIGHT_AGAIN_MS }),
    page.waitForSelector(row(`${id}-new`), { timeout: RIGHT_AGAIN_MS }),
    page.waitForSelector('#problem', { state: 'hidden', timeout: RIGHT_AGAIN_MS }),
  ]);
  const tookMs = performance.now() - since;
  console.log(`# ${what}: right again after ${Math.round(tookMs)} ms`);
  assert.ok(tookMs <= RIGHT_AGAIN_MS, `${tookMs} ms`);
}

test('after a restart of everything but Redis', async () => {
  const page = await openWith('restart-1');
  await page.click(row('restart-1'));
  await page.waitForSelector('#detail li[data-active]');
  let tries = 0;
  page.on('websocket', (socket) => {
    tries += Number(socket.url().endsWith('/feed'));
  });
  await stack.down();
  await page.waitForSelector(LOST);
  await page.waitForSelector('#detail[data-connection=reconnecting]');
  assert.match(await page.textContent('#detail .notice'), /out of date/);
  await page.waitForSelector('#problem:not([hidden])');
  await until('a long outage', () => tries >= TRIES_TO_BE_AWAY, 60000);
  await stack.up();
  await assertRightAgain(page, 'restart-1', 'restart');
  await page.context().close();
});

test('after a restart of Redis', async () => {
  const page = await openWith('redis-1');
  await page.click(row('redis-1'));
  await page.waitForSelector('#detail li[data-active]');
  await redis.kill();
  await page.waitForSelector('#problem:not([hidden])');
  await redis.up();
  await until('the API to have Redis', () => operate('redis-1', 'pause').then(() => true, () => false));
  await operate('redis-1', 'resume');
  await assertRightAgain(page, 'redis-1', 'Redis');
  await page.context().close();
});

test('a feed that falls silent is left, and comes back', async (context) => {
  const proxy = await Proxy.start(stack.port);
  context.after(() => proxy.end());
  const page = await openWith('silent-1', { origin: proxy.url });
  await page.click(row('silent-1'));
  await page.waitForSelector('#detail li[data-active]');
  proxy.freeze();
  await page.waitForSelector(LOST, { timeout: SILENCE_MS });
  await page.waitForSelector('#detail[data-connection=reconnecting]', { timeout: SILENCE_MS });
  proxy.cut();
  proxy.thaw();
  await assertRightAgain(page, 'silent-1', 'silent network');
  await page.context().close();
});

// In the page: its monotonic clock stood still for a while, as that of a device which sleeps.
function sleeper() {
  const now = performance.now.bind(performance);
  let slept = 0;
  performance.now = () => now() - slept;
  window.sleepFor = (ms) => {
    slept += ms;
  };
}

const msOf = (text) => text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0) * 1000;

test('after a sleep, with no session chosen', async () => {
  const page = await openWith('slept-1', { script: sleeper });
  const remaining = async () => (await stack.ask('GET', '/v1/sessions/slept-1')).clock.time_remaining_ms;
  const offMs = async () =>
    Math.abs(msOf(await page.textContent(`${row('slept-1')} .clock`)) - (await remaining()));
  await until('the clock to be right', async () => (await offMs()) <= TEXT_MS);
  const before = await remaining();
  await page.evaluate(() => window.sleepFor(60000));
  await until('the time to be right in', async () => (await remaining()) <= before - RIGHT_AGAIN_MS);
  assert.ok((await offMs()) <= TEXT_MS, `${await offMs()} ms off`);
  await page.context().close();
});

test('time that comes too late is no alarm, but said while there is none, and asked for again', async () => {
  await create('late-1');
  const page = await newPage(browser);
  let isSlow = true;
  await page.route('**/v1/time', async (route) => {
    if (isSlow) await sleep(LATE_MS);
    await route.continue();
  });
  const readings = [];
  page.on('request', (request) => request.url().includes('/v1/sessions?') && readings.push(request));
  await page.goto(`${stack.url}/admin/`);
  await page.waitForSelector(row('late-1'));
  await page.waitForSelector('#time:not([hidden])');
  assert.ok(await page.isHidden('#problem'));
  assert.ok(readings.length <= 2, `the list was read ${readings.length} times`); // at the start, and for the feed
  isSlow = false;
  await page.waitForSelector('#time', { state: 'hidden' });
  assert.ok(await page.isHidden('#problem'));
  await page.context().close();
});

test('a token that expires is asked for anew, and what is being typed stays', async () => {
  const closed = await Stack.startKeyed();
  try {
    const page = await newPage(browser);
    await page.goto(`${closed.url}/admin/`);
    await page.fill('#sign-in input', closed.token('admin', { ttlSeconds: 5 }));
    await page.click('text=Use it');
    await page.waitForSelector(LIVE);
    await page.waitForSelector('#liveness[data-status=refused]');
    const next = closed.token('admin');
    await page.fill('#sign-in input', next);
    await page.waitForSelector('#problem:not([hidden])', { timeout: 60000 });
    assert.equal(await page.inputValue('#sign-in input'), next);
    await page.click('text=Use it');
    await page.waitForSelector(LIVE);
    await page.waitForSelector('#sign-in', { state: 'hidden' });
    await page.context().close();
  } finally {
    await closed.end();
  }
});
