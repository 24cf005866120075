// Clocks that agree: two pages show the same time within 50 ms, whatever happens to one of them, and whatever comes
// back is right within 3 s. Each page is compared with the session itself, frame by frame.

import assert from 'node:assert/strict';
import test, { describe } from 'node:test';
import { apart, changes, measure, record, takeFrames, Truth } from './agreement.mjs';
import { newPage, setUp } from './browser.mjs';
import { installDevice } from './device.mjs';
import { Front } from './front.mjs';
import { Redis } from './redis.mjs';
import { Proxy, sleep, until } from './stack.mjs';

const AGREE_MS = 50;
const RIGHT_AGAIN_MS = 3000;
const STEADY_FRAMES = 30; // that are right in a row: then a page is right
const FIVE_MINUTES_MS = 300000;
const NETWORK_AWAY_MS = 10000;
const ASLEEP_MS = 6000;
const OUTAGE_MS = 32000;

const { stack, browser } = await setUp();
let sessions = 0;

// Short clocks show tenths, which says more about two pages than seconds do.
const SHORT = { total_time_ms: 9500, increment_ms: 3000, max_time_ms: 9900 };
const LONG = { total_time_ms: 300000 };

/** A session that runs, and what it is. */
async function newGame(config, service = stack) {
  const session_id = `clocks-${++sessions}`;
  await service.ask('POST', '/v1/sessions', {
    session_id,
    sync_mode: 'per_participant',
    participants: [{ participant_id: 'white' }, { participant_id: 'black' }],
    action_on_timeout: { type: 'notify' },
    ...config,
  });
  await service.ask('POST', `/v1/sessions/${session_id}/start`);
  const truth = new Truth(service, session_id);
  await truth.follow();
  return truth;
}

async function load(url, { sessionId }, aheadMs) {
  const page = await newPage(browser);
  await page.addInitScript(installDevice, aheadMs);
  await page.goto(`${url}/#session=${sessionId}`);
  await page.waitForSelector('.connection');
  await page.evaluate(record);
  return page;
}

/** Loaded, and right. */
async function open(url, truth, aheadMs) {
  const page = await load(url, truth, aheadMs);
  await page.waitForSelector('.pane');
  await untilRight(truth, page, 'loaded', Date.now());
  return page;
}

const close = (...pages) => Promise.all(pages.map((page) => page.context().close()));

const followed = (truth) => until('the change', () => truth.follow());

async function press(page, key, truth) {
  await page.keyboard.press(key);
  await followed(truth);
}

async function switchTurn(truth) {
  await truth.stack.ask('POST', `/v1/sessions/${truth.sessionId}/switch`);
  await followed(truth);
}

/**
 * That no two pages differed by more than 50 ms in any frame since their frames were taken last; on a machine that has
 * let frames wait, by so much more, because what a page is told waits there, too.
 * @param {number} atLeast how often what each page shows changed between them
 */
async function assertAgreement(what, truth, pages, atLeast) {
  const measured = await Promise.all(
    pages.map(async (page) => ({
      ...measure(truth, await takeFrames(page)),
      says: await page.textContent('.connection summary'), // how well it thinks that it knows the time
    })),
  );
  const worst = Math.max(...measured.flatMap((one, i) => measured.slice(i + 1).map((other) => apart(one, other))));
  const frames = measured.reduce((sum, one) => sum + one.frames, 0);
  const late = Math.max(...measured.map((one) => one.late));
  console.log(`# ${what}: worst difference ${worst.toFixed(1)} ms of ${frames} frames, late by ${late.toFixed(0)} ms at most`);
  for (const one of measured) assert.ok(one.changes >= atLeast, `${what}: only ${one.changes} changes were seen`);
  assert.ok(worst <= AGREE_MS + late, `${what}: ${JSON.stringify(measured)}`);
}

const isWrong = (truth) => (frame) => Math.abs(truth.difference(frame)) > AGREE_MS;

/**
 * Waits until a page is right and stays so, from an instant and from the newest change on.
 * @param {number} since milliseconds since 1970
 * @returns {Promise<number>} how long after that instant it was right for good
 */
async function untilRight(truth, page, what, since) {
  const from = Math.max(since, truth.views.at(-1).updated_at_ms + AGREE_MS);
  const frames = [];
  await until(
    () => `${what}: the page to be right, not ${JSON.stringify(frames.at(-1))}`,
    async () => {
      frames.push(...(await takeFrames(page)).filter(({ at }) => at >= from));
      return frames.length >= STEADY_FRAMES && !frames.slice(-STEADY_FRAMES).some(isWrong(truth));
    },
  );
  return frames[frames.findLastIndex(isWrong(truth)) + 1].at - since;
}

async function rightAgain(truth, page, what, since) {
  const tookMs = await untilRight(truth, page, what, since);
  console.log(`# ${what}: right after ${Math.round(tookMs)} ms`);
  assert.ok(tookMs <= RIGHT_AGAIN_MS, `${what}: ${tookMs} ms`);
}

/** That a page goes on showing what was the case before a change, so that its return can be told from its absence. */
async function assertMissed(what, truth, page) {
  const frames = (await takeFrames(page)).slice(-STEADY_FRAMES);
  assert.ok(
    frames.length > 0 && frames.every(isWrong(truth)),
    `${what}: it knew of the change`,
  );
}

test('two pages show the same time while the turn passes and the clock is paused', async () => {
  const truth = await newGame(SHORT);
  const [one, other] = [await open(stack.url, truth), await open(stack.url, truth)];
  for (const page of [one, other, one, other]) {
    await changes(page, 6);
    await press(page, 'Space', truth);
  }
  await changes(one, 6);
  await press(other, 'p', truth);
  await one.waitForSelector('.screen:has([data-phase=paused]):not(:has([aria-disabled]))'); // takes presses again
  await press(one, 'p', truth);
  await Promise.all([changes(one, 6), changes(other, 6)]);
  await assertAgreement('switched and paused', truth, [one, other], 30);
  await close(one, other);
});

test('a page that is 80 ms ahead is found out', async () => {
  const truth = await newGame(SHORT);
  const page = await open(stack.url, truth);
  await page.evaluate(() => window.device.shift(80));
  await takeFrames(page);
  await changes(page, 10);
  const { ahead, behind } = measure(truth, await takeFrames(page));
  assert.ok(ahead > 55 && ahead < 90 && behind < AGREE_MS, `${ahead} ms ahead, ${behind} ms behind`);
  await close(page);
});

test('pages whose clock is five minutes wrong, from the start or all at once, show the same time', async () => {
  const truth = await newGame(SHORT);
  const right = await open(stack.url, truth);
  const wrong = await open(stack.url, truth, FIVE_MINUTES_MS);
  const set = await open(stack.url, truth);
  const pages = [right, wrong, set];
  const ahead = (page) => page.evaluate(() => Date.now() - performance.timeOrigin - performance.now());
  for (const ms of [FIVE_MINUTES_MS, -FIVE_MINUTES_MS]) {
    await set.evaluate((aheadMs) => window.device.setClock(aheadMs), ms);
    assert.ok(Math.abs((await ahead(set)) - ms) < 1000);
    await Promise.all(pages.map((page) => changes(page, 10)));
    await press(set, 'Space', truth);
  }
  assert.ok((await ahead(wrong)) > FIVE_MINUTES_MS - 1000);
  await Promise.all(pages.map((page) => changes(page, 10)));
  await assertAgreement('five minutes wrong', truth, pages, 25);
  await close(...pages);
});

test('a reloaded page is right at once', async () => {
  const truth = await newGame(SHORT);
  const [page, other] = [await open(stack.url, truth), await open(stack.url, truth)];
  const since = Date.now();
  await page.reload();
  await page.waitForSelector('.connection');
  await page.evaluate(record);
  await rightAgain(truth, page, 'reloaded', since);
  await Promise.all([changes(page, 10), changes(other, 10)]);
  await assertAgreement('reloaded', truth, [page, other], 9);
  await close(page, other);
});

test('pages without network for 10 s go on rightly, and catch up', async (context) => {
  const truth = await newGame(LONG);
  const proxies = [await Proxy.start(stack.port), await Proxy.start(stack.port)];
  context.after(() => Promise.all(proxies.map((proxy) => proxy.end())));
  const there = await open(stack.url, truth);
  const [silent, refused] = [await open(proxies[0].url, truth), await open(proxies[1].url, truth)];
  const pages = [there, silent, refused];
  await Promise.all(pages.map(takeFrames));
  const left = performance.now();
  proxies[0].freeze();
  await refused.context().setOffline(true);
  proxies[1].cut();
  await refused.waitForSelector('.connection[data-status=reconnecting]');
  await Promise.all(pages.map((page) => changes(page, 3)));
  await assertAgreement('without network', truth, pages, 2);
  await press(there, 'Space', truth);
  await sleep(NETWORK_AWAY_MS - (performance.now() - left));
  for (const page of [silent, refused]) await assertMissed('without network', truth, page);
  assert.equal(await refused.getAttribute('.connection', 'data-status'), 'reconnecting');
  const since = Date.now();
  proxies[0].thaw();
  await refused.context().setOffline(false);
  await Promise.all([
    rightAgain(truth, silent, 'the network, silent for 10 s', since),
    rightAgain(truth, refused, 'the network, refused for 10 s', since),
  ]);
  await takeFrames(there);
  await Promise.all(pages.map((page) => changes(page, 2)));
  await assertAgreement('with the network back', truth, pages, 1);
  await close(...pages);
});

test('a page is right after its device slept, whether or not the monotonic clock went on', async () => {
  const truth = await newGame(LONG);
  const there = await open(stack.url, truth);
  const sleepers = [
    { page: await open(stack.url, truth), counted: false },
    { page: await open(stack.url, truth), counted: true },
  ];
  await Promise.all(sleepers.map(({ page }) => page.evaluate(() => window.device.sleep())));
  const asleep = performance.now();
  await press(there, 'Space', truth);
  await sleep(ASLEEP_MS - (performance.now() - asleep));
  await Promise.all(
    sleepers.map(async ({ page, counted }) => {
      await takeFrames(page);
      const since = Date.now();
      await page.evaluate((went) => window.device.wake(went), counted);
      await rightAgain(truth, page, `asleep for 6 s, the clock ${counted ? 'counted' : 'stood still'}`, since);
    }),
  );
  const pages = [there, ...sleepers.map(({ page }) => page)];
  await takeFrames(there);
  await Promise.all(pages.map((page) => changes(page, 2)));
  await assertAgreement('after the sleep', truth, pages, 1);
  await close(...pages);
});

// `drops`: whether connections are lost; `loads`: whether a page is loaded meanwhile.
const OUTAGES = {
  'the relay': {
    drops: true,
    loads: true,
    stop: ({ front }) => front.stopRelay(),
    start: ({ front }) => front.startRelay(),
  },
  'the web server, the API and the relay': {
    drops: true,
    loads: false,
    stop: ({ front }) => Promise.all([front.stopWeb(), front.stopRelay()]),
    start: ({ front }) => Promise.all([front.startWeb(), front.startRelay()]),
  },
  Redis: {
    drops: false,
    loads: true,
    stop: ({ store }) => store.kill(),
    start: ({ store }) => store.up(),
  },
};

// Most of their time is waiting: they do it together.
describe('outages', { concurrency: true }, () => {
  for (const [what, { stop, start, drops, loads }] of Object.entries(OUTAGES)) {
    test(`half a minute without ${what}: every page is right within 3 s of the return`, async (context) => {
      const store = await Redis.start();
      context.after(() => store.end());
      const front = await Front.start(store.url);
      context.after(() => front.end());
      const truth = await newGame(LONG, front);
      const pages = [await open(front.url, truth), await open(front.url, truth)];
      await stop({ front, store });
      const gone = performance.now();
      if (drops)
        await Promise.all(pages.map((page) => page.waitForSelector('.connection[data-status=reconnecting]')));
      if (loads) pages.push(await load(front.url, truth));
      await sleep(OUTAGE_MS - (performance.now() - gone));
      await Promise.all(pages.map(takeFrames));
      await start({ front, store });
      await front.ready();
      const since = Date.now();
      await switchTurn(truth);
      await Promise.all(pages.map((page, i) => rightAgain(truth, page, `${what}, page ${i + 1}`, since)));
      await Promise.all(pages.map((page) => changes(page, 2)));
      await assertAgreement(what, truth, pages, 1);
      await close(...pages);
    });
  }
});
